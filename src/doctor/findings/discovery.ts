import { isAnswered } from "../ask.js";
import { faultOfNamedUrl, isSound } from "../discovery-places.js";
import type {
  DiscoveryEvidence,
  DocumentEvidence,
  Evidence,
  Finder,
  Observation,
} from "../evidence.js";
import { jsonText, terminalJson } from "../json-text.js";
import { readChallenges } from "../read-challenge.js";
import { issuersIn, metadataOf, usedResourceDocument } from "../read-discovery.js";
import { isLetIn } from "../refusal.js";
import { shownUrl } from "../fingerprint.js";
import { told } from "../words.js";
import { parseUrl } from "../../shared/url.js";

const DOCS = "oauth.md#what-clients-look-for";

/** With express-mcp-sse the same options mend all URLs of its own that are wrong. */
const PUBLIC_URL =
  "With express-mcp-sse: set `publicUrl` to the URL of the mount as clients see it, or, behind a proxy that says X-Forwarded-Proto and -Host, `trust proxy` of the app.";

/** What a finder of discovery is, but for how it looks; most are explained at one place. */
export type AboutDiscovery = Omit<Finder, "look" | "step" | "docs"> & Partial<Pick<Finder, "docs">>;

/** Looks into the evidence of discovery, of a server at which it matters. */
export function atDiscovery(
  about: AboutDiscovery,
  observe: (discovery: DiscoveryEvidence, evidence: Evidence) => Observation | undefined,
): Finder {
  return {
    docs: DOCS,
    step: "discovery",
    ...about,
    look: (evidence) => {
      const { discovery } = evidence;
      return discovery && meansOAuth(evidence) ? observe(discovery, evidence) : undefined;
    },
  };
}

/**
 * Whether clients will look at the documents: after a 401, and where a document about the URL is
 * there. Keys and fixed tokens need none.
 */
function meansOAuth({ discovery, stranger }: Evidence): boolean {
  if (discovery !== undefined && usedResourceDocument(discovery) !== undefined) return true;
  return [stranger?.get, stranger?.post].some((reply) => isAnswered(reply) && reply.status === 401);
}

/** The challenge names a URL that no client should ask. */
export const resourceMetadataRefused = atDiscovery(
  { id: "resource-metadata-refused", severity: "error" },
  ({ named, resource }, { target }) => {
    const asked = resource.find(
      ({ place, reply }) =>
        place === "challenge" && reply.kind === "unanswered" && reply.code === "NOT_ALLOWED",
    )?.reply;
    const url =
      asked === undefined
        ? named.find((text) => !isSound(text))
        : (named.find((text) => text === asked.url.href) ?? asked.url.href);
    if (url === undefined) return undefined;
    const isDowngrade = target.url.protocol === "https:" && url.startsWith("http:");
    return {
      seen: `The challenge names resource_metadata ${jsonText(url)}, which was not asked.`,
      cause: isDowngrade
        ? "It is plain http, although the server was reached over https: the app behind the proxy does not know how it is reached."
        : `It ${faultOfNamedUrl(url) ?? (asked?.kind === "unanswered" ? `may not be asked. ${asked.reason}` : "may not be asked")}.`.replace(
            "..",
            ".",
          ),
      change: `Name the document by its public https URL. ${PUBLIC_URL}`,
    };
  },
);

/** Whether an answer is a page for people, or anything else but the document. */
function isPage({ reply, members }: DocumentEvidence): boolean {
  return members === undefined && isAnswered(reply) && reply.status === 200;
}

function allDocuments({ resource, issuers }: DiscoveryEvidence): readonly DocumentEvidence[] {
  return [...resource, ...issuers.flatMap(({ documents }) => documents)];
}

function pageText(page: DocumentEvidence): Observation {
  return {
    seen: `${told(page.reply)} That is no such document.`,
    cause:
      "A route of the app answers every path in the same way, so clients take a page, or JSON of its own, for the document.",
    change:
      "Answer paths below /.well-known/ with the document, or with 404. With express-mcp-sse: `app.use(router.wellKnown)` before any catch-all route; without OAuth, a route for `/.well-known/` that answers 404.",
  };
}

/** Clients that have nothing else read a page where they look for a document. */
const discoveryIsPage = atDiscovery(
  {
    id: "discovery-is-page",
    severity: "error",
    hides: ["resource-metadata-missing", "issuer-metadata-missing"],
  },
  (discovery, evidence) => {
    const page = allDocuments(discovery).find(isPage);
    const isUsed = usedResourceDocument(discovery) === undefined && !isLetIn(evidence);
    return page && isUsed ? pageText(page) : undefined;
  },
);

/** The same, where only clients are misled that look elsewhere, or have no credential yet. */
const discoveryHasPage = atDiscovery(
  { id: "discovery-has-page", severity: "warning" },
  (discovery, evidence) => {
    const page = allDocuments(discovery).find(isPage);
    const isUsed = usedResourceDocument(discovery) === undefined && !isLetIn(evidence);
    return page && !isUsed ? pageText(page) : undefined;
  },
);

/** The challenge names a document that is not there. */
const resourceMetadataMissing = atDiscovery(
  { id: "resource-metadata-missing", severity: "error" },
  ({ resource }) => {
    const named = resource.filter(({ place }) => place === "challenge");
    const [first] = named;
    if (first === undefined || named.some(({ members }) => members !== undefined)) return undefined;
    if (first.reply.kind === "unanswered" && first.reply.code === "NOT_ALLOWED") return undefined;
    return {
      seen: told(first.reply),
      cause:
        "The challenge names this URL as resource_metadata, and the document is not there: a proxy does not pass the path on, or the URL has another prefix than the one that clients see.",
      change: `Let the proxy pass paths with /.well-known/ on. ${PUBLIC_URL}`,
    };
  },
);

/** The document is about another URL than the one that clients connect to. */
const resourceDiffers = atDiscovery(
  { id: "resource-differs", severity: "error" },
  (discovery, { target }) => {
    const document = usedResourceDocument(discovery);
    if (document === undefined) return undefined;
    const resource = document.members?.["resource"];
    if (typeof resource === "string" && covers(resource, target.url)) return undefined;
    const typed = target.url.origin + target.url.pathname;
    return {
      seen: `${shownUrl(document.reply.url)} says resource ${jsonText(resource)}; the URL is ${jsonText(typed)}.`,
      cause:
        resource === undefined
          ? "The document does not say which resource it is about, so clients refuse it."
          : "Clients refuse a document about another resource than the one that they connect to, or ask for a token for the other one.",
      change: `Connect to the URL that resource says, or let it say this one. ${PUBLIC_URL}`,
    };
  },
);

/**
 * Whether clients take a document for a URL: when it is about that, or about what stands above.
 *
 * @see MCP 2025-11-25, Authorization, "Canonical Server URI"
 */
export function covers(resource: string, url: URL): boolean {
  const parsed = parseUrl(resource);
  if (parsed === undefined) return false;
  const { origin, pathname } = parsed;
  const above = pathname.endsWith("/") ? pathname : `${pathname}/`;
  return origin === url.origin && `${url.pathname.replace(/\/$/, "")}/`.startsWith(above);
}

/** Documents about the same URL say different things. */
const documentsDisagree = atDiscovery(
  { id: "documents-disagree", severity: "warning" },
  ({ resource, issuers }) => {
    const own = resource.filter(({ place, members }) => place !== "root" && members !== undefined);
    const found =
      differing(own, ["resource", "authorization_servers"]) ??
      issuers
        .map(({ documents }) =>
          differing(documents, ["issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"]),
        )
        .find((each) => each !== undefined);
    if (found === undefined) return undefined;
    const [name, one, other] = found;
    return {
      seen: `${shownUrl(one.reply.url)} says ${name} ${jsonText(one.members?.[name])}; ${shownUrl(other.reply.url)} says ${jsonText(other.members?.[name])}.`,
      cause:
        "Clients read the one or the other document, so they get different answers: one is of an older release, or is made by something else.",
      change: `Keep one source for all of them. ${PUBLIC_URL}`,
    };
  },
);

function differing(
  documents: readonly DocumentEvidence[],
  names: readonly string[],
): readonly [name: string, one: DocumentEvidence, other: DocumentEvidence] | undefined {
  const [first, ...others] = documents.filter(({ members }) => members !== undefined);
  if (first === undefined) return undefined;
  for (const name of names) {
    const text = terminalJson(first.members?.[name] ?? null);
    const other = others.find(({ members }) => terminalJson(members?.[name] ?? null) !== text);
    if (other !== undefined) return [name, first, other];
  }
  return undefined;
}

/** The document names nobody who gives tokens. */
const authorizationServersMissing = atDiscovery(
  { id: "authorization-servers-missing", severity: "error" },
  (discovery) => {
    const document = usedResourceDocument(discovery);
    const issuers = issuersIn(document?.members);
    const isFallback = discovery.issuers.some((issuer) => metadataOf(issuer) !== undefined);
    if (document === undefined || issuers.length > 0 || isFallback) return undefined;
    return {
      seen: `${shownUrl(document.reply.url)} says authorization_servers ${jsonText(document.members?.["authorization_servers"])}.`,
      cause: "The document names no authorization server, so no client knows where to sign in.",
      change:
        'Name the issuer\'s URL there. With express-mcp-sse that is done by `type: "oauth"` with `issuerUrl`, or `signIn`.',
    };
  },
);

/** A 401 must say by which scheme to come again. */
const challengeMissing = atDiscovery(
  { id: "challenge-missing", severity: "note", docs: "protocol.md#who-is-calling" },
  (_discovery, { stranger }) => {
    const bare = [stranger?.get, stranger?.post].find(
      (reply) =>
        isAnswered(reply) &&
        reply.status === 401 &&
        readChallenges(reply.headers.get("www-authenticate")).length === 0,
    );
    if (bare === undefined) return undefined;
    return {
      seen: `${told(bare)} It has no WWW-Authenticate.`,
      cause:
        "HTTP wants a challenge with every 401. Clients find out by it where to sign in, and with which scopes.",
      change:
        "Send WWW-Authenticate: Bearer, with resource_metadata where there is OAuth. If the server does send it, a proxy takes it away.",
    };
  },
);

/** In the order of causes before their consequences. */
export const DISCOVERY: readonly Finder[] = [
  resourceMetadataRefused,
  discoveryIsPage,
  resourceMetadataMissing,
  resourceDiffers,
  authorizationServersMissing,
  documentsDisagree,
  discoveryHasPage,
  challengeMissing,
];
