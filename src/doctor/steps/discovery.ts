import type { Ask } from "../contract.js";
import type { Description, Step, Visit } from "../step.js";
import { isReached } from "../visit.js";
import { inShort } from "../words.js";
import {
  faultOfNamedUrl,
  isSound,
  issuerPlaces,
  namedResourceMetadata,
  resourcePlaces,
} from "../discovery-places.js";
import type { ResourcePlace } from "../discovery-places.js";
import type { DiscoveryEvidence, DocumentEvidence, ResourceDocumentEvidence } from "../evidence.js";
import { jsonIn } from "../messages.js";
import { isNamed, issuersIn, metadataOf, usedResourceDocument } from "../read-discovery.js";

/** Of how many documents and issuers that a server names any is asked: clients use the first one. */
const MAX_NAMED = 3;

/** Looks for what tells clients where to sign in. */
export const discovery: Step<"discovery"> = {
  name: "discovery",
  title: "Documents for signing in",
  isNeeded: ({ evidence }) => isReached(evidence),
  gather: discover,
  describe,
};

function describe(part: DiscoveryEvidence): Description {
  const named = part.issuers.filter((issuer) => isNamed(part, issuer));
  const own = part.issuers.find((issuer) => metadataOf(issuer) !== undefined);
  if (usedResourceDocument(part) !== undefined) {
    return { text: `names ${named.map(({ issuer }) => issuer).join(", ") || "no issuer"}` };
  }
  if (own !== undefined) return { text: `none about the URL; ${own.issuer} is an issuer itself` };
  const answers = [...new Set(part.resource.map(({ reply }) => inShort(reply)))].join(", ");
  return { text: `none (${answers})`, isAbsent: true };
}

/**
 * Looks for all documents that clients look for: those about the URL, and those of each issuer that
 * the one names which clients take. Where there is none, clients of 2025-03-26 ask the server's own
 * origin.
 *
 * @see RFC 9728; RFC 8414; MCP 2025-11-25 and 2025-03-26, Authorization
 */
async function discover({ ask, evidence }: Visit): Promise<DiscoveryEvidence> {
  const { target, stranger } = evidence;
  const named = namedResourceMetadata([stranger?.get, stranger?.post]).slice(0, MAX_NAMED);
  const places: (readonly [ResourcePlace, URL])[] = [
    ...named.filter(isSound).map((url) => ["challenge", new URL(url)] as const),
    ...resourcePlaces(target.url),
  ];
  const resource = await Promise.all(
    withoutRepetition(places).map(async ([place, url]): Promise<ResourceDocumentEvidence> => ({
      place,
      ...(await fetchDocument(ask, url, RESOURCE_MEMBERS)),
    })),
  );
  const members = usedResourceDocument({ named, resource })?.members;
  const issuers = issuersIn(members).slice(0, MAX_NAMED);
  const asked = issuers.length > 0 ? issuers : [target.url.origin];
  return { named, resource, issuers: await Promise.all(asked.map((each) => askIssuer(ask, each))) };
}

async function askIssuer(ask: Ask, issuer: string): Promise<DiscoveryEvidence["issuers"][number]> {
  const urls = faultOfNamedUrl(issuer) === undefined ? issuerPlaces(issuer) : [];
  const documents = await Promise.all(urls.map((url) => fetchDocument(ask, url, ISSUER_MEMBERS)));
  return { issuer, documents };
}

/** A document about a resource has one of them at least. */
const RESOURCE_MEMBERS = ["resource", "authorization_servers"];

/** An issuer's metadata have one of them at least. */
const ISSUER_MEMBERS = ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"];

/**
 * Asks for a JSON document, as clients do.
 *
 * @param marks what is without any of these members is another document: apps answer every path with their page, or
 * with JSON.
 */
export async function fetchDocument(
  ask: Ask,
  url: URL,
  marks: readonly string[],
): Promise<DocumentEvidence> {
  const reply = await ask(url, { headers: { accept: "application/json" } });
  const isFound = reply.kind === "answered" && reply.status === 200;
  const members = isFound ? jsonIn(reply.text) : undefined;
  const isMeant = members !== undefined && marks.some((name) => Object.hasOwn(members, name));
  return { reply, members: isMeant ? members : undefined };
}

function withoutRepetition<T extends readonly [unknown, URL]>(places: readonly T[]): readonly T[] {
  return places.filter(
    ([, { href }], index) => places.findIndex(([, url]) => url.href === href) === index,
  );
}
