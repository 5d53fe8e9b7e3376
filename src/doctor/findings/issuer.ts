import { sameIssuer } from "../../../strategies/oauth/issuer-url.js";
import { isAnswered } from "../ask.js";
import { faultOfNamedUrl } from "../discovery-places.js";
import type { DiscoveryEvidence, DocumentEvidence, Finder, Observation } from "../evidence.js";
import { shownUrl } from "../fingerprint.js";
import { told } from "../words.js";
import { jsonList, jsonText } from "../json-text.js";
import { isNamed, metadataOf, textsOf } from "../read-discovery.js";
import type { AskedIssuer } from "../read-discovery.js";
import { atDiscovery } from "./discovery.js";
import type { AboutDiscovery } from "./discovery.js";

type Members = Readonly<Record<string, unknown>>;

const PROVIDERS = "identity-providers.md";

/** The issuers that count: those that the server names; else its own origin, if it publishes metadata. */
function issuersOf(discovery: DiscoveryEvidence): readonly AskedIssuer[] {
  return discovery.issuers.filter(
    (issuer) => isNamed(discovery, issuer) || metadataOf(issuer) !== undefined,
  );
}

/** Looks at each issuer that counts. */
function atIssuers(
  about: AboutDiscovery,
  observe: (issuer: AskedIssuer, discovery: DiscoveryEvidence) => Observation | undefined,
): Finder {
  return atDiscovery(about, (discovery) =>
    issuersOf(discovery)
      .map((issuer) => observe(issuer, discovery))
      .find((found) => found !== undefined),
  );
}

/** Looks at the metadata of each issuer that has any. */
function atMetadata(
  about: AboutDiscovery,
  observe: (
    members: Members,
    document: DocumentEvidence,
    issuer: string,
  ) => Observation | undefined,
): Finder {
  return atIssuers(about, (asked) => {
    const document = metadataOf(asked);
    const { members } = document ?? {};
    return document && members && observe(members, document, asked.issuer);
  });
}

const issuerRefused = atIssuers(
  { id: "issuer-refused", severity: "error" },
  ({ issuer, documents }) => {
    const refused = documents.find(
      ({ reply }) => reply.kind === "unanswered" && reply.code === "NOT_ALLOWED",
    );
    const fault = faultOfNamedUrl(issuer);
    if (fault === undefined && refused === undefined) return undefined;
    const reason = refused?.reply.kind === "unanswered" ? refused.reply.reason : "";
    return {
      seen: `authorization_servers names ${jsonText(issuer)}, which was not asked.`,
      cause: fault === undefined ? reason : `It ${fault}.`,
      change:
        "Name the issuer by its https URL, as it publishes itself. With express-mcp-sse: `issuerUrl`, and with `signIn` it is `publicUrl`.",
    };
  },
);

const issuerUnreachable = atIssuers(
  { id: "issuer-unreachable", severity: "error", hides: ["credential-uncheckable"] },
  ({ documents }) => {
    const isAway = ({ reply }: DocumentEvidence): boolean =>
      reply.kind === "unanswered" ? reply.code !== "NOT_ALLOWED" : reply.status >= 500;
    const [first] = documents;
    if (first === undefined || !documents.every(isAway)) return undefined;
    return {
      seen: told(first.reply),
      cause:
        "The issuer cannot be reached from here: it is away, its name or certificate is wrong, or it is in a network that this machine is not in.",
      change:
        "Open the URL from the machine on which the client runs: sign-in begins there. With express-mcp-sse: is `issuerUrl` the one that clients reach?",
    };
  },
);

const issuerMetadataMissing = atIssuers(
  { id: "issuer-metadata-missing", severity: "error" },
  ({ documents }) => {
    const [first] = documents;
    if (first === undefined || documents.some(({ members }) => members !== undefined))
      return undefined;
    const answered = documents.find(({ reply }) => isAnswered(reply) && reply.status < 500);
    if (answered === undefined) return undefined;
    return {
      seen: documents.map(({ reply }) => told(reply)).join(" "),
      cause:
        "The issuer publishes no metadata where clients look: its URL has another path, or it is no OAuth or OpenID server.",
      change:
        "Write the issuer exactly as its own metadata calls it, with its path and without /.well-known/. With express-mcp-sse: `issuerUrl`.",
    };
  },
);

const issuerDiffers = atMetadata(
  { id: "issuer-differs", severity: "error", docs: PROVIDERS },
  ({ issuer: published }, { reply }, issuer) => {
    if (typeof published === "string" && sameIssuer(issuer, published)) return undefined;
    return {
      seen: `${shownUrl(reply.url)} says issuer ${jsonText(published)}; it was found as ${jsonText(issuer)}.`,
      cause:
        "Metadata counts only for the issuer that it names, and clients refuse others: the issuer is written with another host, scheme or path than it calls itself.",
      change:
        "Write the issuer as its metadata says it, or set the issuer's own public URL (Keycloak: `hostname`). With express-mcp-sse: `issuerUrl`; with `signIn`, `publicUrl`.",
    };
  },
);

const endpointMissing = atMetadata(
  { id: "endpoint-missing", severity: "error" },
  (members, { reply }) => {
    const names = ["authorization_endpoint", "token_endpoint"];
    const missing = names.filter((name) => typeof members[name] !== "string");
    if (missing.length === 0) return undefined;
    return {
      seen: `${shownUrl(reply.url)} names no ${missing.join(" and no ")}.`,
      cause: "Clients cannot sign in without: they refuse such metadata.",
      change:
        "Let the issuer publish both. If this is not the authorization server, name the one that is.",
    };
  },
);

const endpointRefused = atMetadata(
  { id: "endpoint-refused", severity: "error" },
  (members, { reply }) => {
    const names = ["authorization_endpoint", "token_endpoint", "registration_endpoint", "jwks_uri"];
    const bad = names.find((name) => {
      const url = members[name];
      return typeof url === "string" && faultOfNamedUrl(url) !== undefined;
    });
    if (bad === undefined) return undefined;
    return {
      seen: `${shownUrl(reply.url)} says ${bad} ${jsonText(members[bad])}.`,
      cause: `It ${faultOfNamedUrl(members[bad] as string) ?? ""}: codes and tokens would go there in the open. Behind a proxy the issuer does not know that it is reached over https.`,
      change:
        "Set the issuer's public URL (Keycloak: `hostname`; oidc-provider: `proxy`). With `signIn` of express-mcp-sse it is `publicUrl`.",
    };
  },
);

const pkceUnsupported = atMetadata(
  { id: "pkce-unsupported", severity: "error" },
  (members, { reply }) => {
    const methods = members["code_challenge_methods_supported"];
    if (methods === undefined || textsOf(methods).includes("S256")) return undefined;
    return {
      seen: `${shownUrl(reply.url)} says code_challenge_methods_supported ${jsonText(methods)}.`,
      cause:
        "MCP clients sign in with PKCE and S256 only, and refuse an issuer that does not take it.",
      change: "Turn PKCE with S256 on at the issuer.",
    };
  },
);

const pkceUnsaid = atMetadata({ id: "pkce-unsaid", severity: "warning" }, (members, { reply }) => {
  if (members["code_challenge_methods_supported"] !== undefined) return undefined;
  return {
    seen: `${shownUrl(reply.url)} has no code_challenge_methods_supported.`,
    cause:
      "MCP wants clients to refuse an issuer that does not say that it takes PKCE. Many go on all the same.",
    change:
      "Let the issuer publish code_challenge_methods_supported with S256. Where it cannot, put `signIn` of express-mcp-sse in front of it.",
  };
});

const registrationMissing = atMetadata(
  { id: "registration-missing", severity: "warning", docs: "sign-in.md" },
  (members, { reply }) => {
    const takesDocuments = members["client_id_metadata_document_supported"] === true;
    if (takesDocuments || typeof members["registration_endpoint"] === "string") return undefined;
    const grants = textsOf(members["grant_types_supported"]);
    return {
      seen: `${shownUrl(reply.url)} has no registration_endpoint and no client_id_metadata_document_supported${grants.length > 0 ? ` (grants: ${jsonList(grants)})` : ""}.`,
      cause:
        "A client that nobody has registered cannot become known to the issuer, so it cannot sign in.",
      change:
        "Register a client at the issuer and give its id to the users, or put `signIn` of express-mcp-sse in front of the issuer, which lets clients register.",
    };
  },
);

/** In the order of causes before their consequences. */
export const ISSUER: readonly Finder[] = [
  issuerRefused,
  issuerUnreachable,
  issuerMetadataMissing,
  issuerDiffers,
  endpointMissing,
  endpointRefused,
  pkceUnsupported,
  registrationMissing,
  pkceUnsaid,
];
