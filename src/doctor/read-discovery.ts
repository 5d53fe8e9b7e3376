import { sameIssuer } from "../../strategies/oauth/issuer-url.js";
import type { DiscoveryEvidence, DocumentEvidence, ResourceDocumentEvidence } from "./evidence.js";

type Members = Readonly<Record<string, unknown>>;

/** An issuer of which documents were looked for. */
export type AskedIssuer = DiscoveryEvidence["issuers"][number];

/**
 * The document that clients take: where a challenge names one, that and no other; else the one for
 * the path, and else the one at the root.
 */
export function usedResourceDocument({
  named,
  resource,
}: Pick<DiscoveryEvidence, "named" | "resource">): ResourceDocumentEvidence | undefined {
  const isFound = ({ members }: DocumentEvidence): boolean => members !== undefined;
  if (named.length === 0) return resource.find(isFound);
  return resource.find((document) => document.place === "challenge" && isFound(document));
}

/** The issuers that a document about a resource names. */
export function issuersIn(members: Members | undefined): readonly string[] {
  return textsOf(members?.["authorization_servers"]);
}

/** The strings of a list. */
export function textsOf(list: unknown): readonly string[] {
  return Array.isArray(list) ? list.filter((item) => typeof item === "string") : [];
}

/** Whether the server names an issuer itself; else it was only looked for at the server's origin. */
export function isNamed(discovery: DiscoveryEvidence, { issuer }: AskedIssuer): boolean {
  return issuersIn(usedResourceDocument(discovery)?.members).includes(issuer);
}

/** The metadata of an issuer that clients take: the first that is there. */
export function metadataOf({ documents }: AskedIssuer): DocumentEvidence | undefined {
  return documents.find(({ members }) => members !== undefined);
}

/** The issuer that a token names, if it is one of those. */
export function issuerOfToken(
  discovery: DiscoveryEvidence | undefined,
  iss: unknown,
): AskedIssuer | undefined {
  if (typeof iss !== "string") return undefined;
  return discovery?.issuers.find((asked) => {
    const published = metadataOf(asked)?.members?.["issuer"];
    return sameIssuer(asked.issuer, iss) || published === iss;
  });
}
