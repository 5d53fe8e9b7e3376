import { dateText, distanceText, spanText } from "../moment.js";
import type { Evidence, Finder, Observation, TokenEvidence } from "../evidence.js";
import {
  namedIssuers,
  audiencesOf,
  keysOf,
  missingScopes,
  resourceOf,
  serverSeconds,
} from "../token-faults.js";
import { scopesOf } from "../../../strategies/shared/token-claims.js";
import { jsonList, jsonText } from "../json-text.js";
import { seenRefusal } from "../refusal.js";
import type { Refusal } from "../refusal.js";
import type { Topic } from "../topics.js";
import { whyRefused } from "../why-refused.js";

type Members = Readonly<Record<string, unknown>>;

/** What there is to say something with. */
interface Case {
  readonly evidence: Evidence;
  readonly refusal: Refusal;
  /** Of a JWT; else empty. */
  readonly header: Members;
  readonly claims: Members;
  readonly token: TokenEvidence | undefined;
}

const TIMES = "troubleshooting.md#a-credential-is-refused";
const AUDIENCE = "identity-providers.md";

/** A finder for one topic. */
function onTopic(
  topic: Topic,
  about: Pick<Finder, "id" | "docs">,
  observe: (found: Case) => (Partial<Observation> & Omit<Observation, "seen">) | undefined,
): Finder {
  return {
    severity: "error",
    step: "token",
    ...about,
    look: (evidence) => {
      const why = whyRefused(evidence);
      if (!why?.topics.includes(topic)) return undefined;
      const { refusal } = why;
      const { token } = evidence;
      const parts =
        token?.read.form === "jwt" ? token.read : { header: {} as Members, claims: {} as Members };
      const found = observe({
        evidence,
        refusal,
        token,
        header: parts.header,
        claims: parts.claims,
      });
      return found && { seen: seenRefusal(refusal), ...found };
    },
  };
}

/** By how much two clocks may differ before it counts. */
const CLOCK_TOLERANCE_MS = 20_000;

/** What the clocks say, where they differ. */
function clockText({ token }: Case): string | undefined {
  const ahead = token?.serverAheadMs ?? 0;
  if (Math.abs(ahead) < CLOCK_TOLERANCE_MS) return undefined;
  return `The server's clock is ${spanText(ahead)} ${ahead > 0 ? "ahead of" : "behind"} the clock of this machine.`;
}

/** The token counts by the clock here, and not by the server's. */
const clockSkew: Finder = {
  id: "clock-skew",
  severity: "error",
  docs: TIMES,
  step: "token",
  hides: ["token-expired", "token-not-yet-valid"],
  look: (evidence) => {
    const { token } = evidence;
    const why = whyRefused(evidence);
    if (why === undefined || token?.read.form !== "jwt") return undefined;
    const { claims, header } = token.read;
    const isOfTime = why.topics.some((topic) => topic === "expired" || topic === "not-yet-valid");
    const clocks = clockText({ evidence, refusal: why.refusal, token, header, claims });
    if (!isOfTime || clocks === undefined || !countsAt(claims, token.readAtMs / 1_000)) {
      return undefined;
    }
    return {
      seen: `${seenRefusal(why.refusal)} ${timesText(claims, token.readAtMs)}`,
      cause: `${clocks} By the clock here the token counts.`,
      change:
        "Set the server's clock (NTP); look at this machine's, too. Small differences are forgiven: with express-mcp-sse up to `clockTolerance` seconds.",
    };
  },
};

function countsAt({ exp, nbf }: Members, seconds: number): boolean {
  if (typeof exp === "number" && exp <= seconds) return false;
  return typeof nbf !== "number" || nbf <= seconds;
}

/** The times of a token in a sentence. */
function timesText(claims: Members, nowMs: number): string {
  const parts = ["iat", "nbf", "exp"].flatMap((name) => {
    const date = dateText(claims[name]);
    const at = Number(claims[name]) * 1_000;
    return date === undefined ? [] : [`${name} ${date} (${distanceText(at, nowMs)})`];
  });
  return parts.length === 0 ? "The token names no times." : `The token says: ${parts.join(", ")}.`;
}

const tokenExpired = onTopic(
  "expired",
  { id: "token-expired", docs: "oauth.md#when-a-token-expires" },
  (found) => ({
    seen: withTimes(found),
    cause: "The token has expired.",
    change:
      "Get a new one. A client that keeps a fixed token in its configuration cannot renew it: let it sign in by itself (OAuth), or give it an API key.",
  }),
);

const tokenNotYetValid = onTopic(
  "not-yet-valid",
  { id: "token-not-yet-valid", docs: TIMES },
  (found) => ({
    seen: withTimes(found),
    cause: "The token counts only later: the clock of whoever made it is ahead of the server's.",
    change:
      "Set the clocks of the issuer and the server (NTP). With express-mcp-sse `clockTolerance` forgives up to 300 seconds.",
  }),
);

function withTimes({ refusal, claims, token }: Case): string {
  const seen = seenRefusal(refusal);
  return token === undefined ? seen : `${seen} ${timesText(claims, serverSeconds(token) * 1_000)}`;
}

const tokenNoExpiry = onTopic(
  "no-expiry",
  { id: "token-no-expiry", docs: "options.md#type-jwt" },
  () => ({
    cause: "The token has no exp: it would count for ever.",
    change:
      "Let the issuer set exp. If it is meant, with express-mcp-sse: `requireExp: false` of `jwt`.",
  }),
);

const PURPOSES: Readonly<Record<string, string>> = {
  id: "It is an ID token, which tells a client who has signed in and permits nothing.",
  refresh: "It is a refresh token, with which a client gets new access tokens at the issuer.",
  logout: "It is a logout token, which tells a client that somebody signed out.",
};

const tokenWrongKind = onTopic(
  "purpose",
  { id: "token-wrong-kind", docs: AUDIENCE },
  ({ token, header }) => ({
    cause:
      (token?.read.form === "jwt" ? PURPOSES[token.read.purpose] : undefined) ??
      `It is no access token${typeof header["typ"] === "string" ? `: its typ is ${jsonText(header["typ"])}` : ""}.`,
    change:
      "Send the access token (access_token of the issuer's answer, not id_token or refresh_token), which the client gets by asking for this server's scopes or `resource`.",
  }),
);

const tokenOtherAudience = onTopic(
  "audience",
  { id: "token-other-audience", docs: AUDIENCE },
  ({ claims, evidence }) => {
    const audiences = audiencesOf(claims);
    const resource = resourceOf(evidence);
    const named = audiences.length > 0 ? `Its aud is ${jsonList(audiences)}` : "It has no aud";
    const own = resource === undefined ? "" : `; the server calls itself ${jsonText(resource)}`;
    return {
      cause: `The token was made for another server. ${named}${own}.`,
      change:
        "Ask the issuer for a token with this server as its audience (`resource` of RFC 8707; `audience` at Auth0). With express-mcp-sse `publicUrl` decides, or `audience`: write there what the issuer puts into aud, if that stands for this server alone.",
    };
  },
);

const tokenOtherIssuer = onTopic(
  "issuer",
  { id: "token-other-issuer", docs: AUDIENCE },
  ({ claims, evidence }) => {
    const named = namedIssuers(evidence);
    const own = named.length === 0 ? "" : ` The server names ${jsonList(named)}.`;
    return {
      cause: `The token is of another issuer: its iss is ${jsonText(claims["iss"])}.${own}`,
      change:
        "Get the token from the server's issuer. If the token's is to be trusted: with express-mcp-sse write it exactly as iss says it, as `issuerUrl` of `oauth` or `issuer` of `jwt`.",
    };
  },
);

const tokenKeyUnknown = onTopic(
  "key",
  { id: "token-key-unknown", docs: TIMES },
  ({ header, token }) => {
    const kids = (token && keysOf(token))
      ?.map(({ kid }) => kid)
      .filter((kid) => typeof kid === "string");
    const published =
      kids === undefined
        ? ""
        : ` The key set has ${kids.length === 0 ? "no keys" : jsonList(kids)}.`;
    return {
      cause: `The token is signed with a key that its issuer does not publish: its kid is ${jsonText(header["kid"])}.${published} The issuer has changed its keys, or the token is of another tenant or environment.`,
      change:
        "Get a new token. If new ones are refused, too: look whether `jwks_uri` (with express-mcp-sse `jwksUri` or `issuerUrl`) is that of the issuer who signs.",
    };
  },
);

const tokenOtherAlgorithm = onTopic(
  "algorithm",
  { id: "token-other-algorithm", docs: "options.md#type-jwt" },
  ({ header, token }) => {
    const keys = (token && keysOf(token)) ?? [];
    const types = [
      ...new Set(keys.map(({ alg, kty }) => alg ?? kty).filter((one) => typeof one === "string")),
    ];
    const published = types.length === 0 ? "" : ` The issuer's keys are for ${jsonList(types)}.`;
    const isSecret = typeof header["alg"] === "string" && header["alg"].startsWith("HS");
    return {
      cause: `The token is signed with ${jsonText(header["alg"])}, which the server does not take.${published}${isSecret ? " That is made with a shared secret: it is not a token of an issuer that publishes keys." : ""}`,
      change:
        "Get the token from the issuer that the server trusts. With express-mcp-sse: name the algorithm in `algorithms`, which must fit the kind of key (`secret`, `publicKey` or `jwksUri`).",
    };
  },
);

const tokenUnsigned = onTopic(
  "unsigned",
  { id: "token-unsigned", docs: "options.md#type-jwt" },
  () => ({
    cause: "The token is not signed, so anybody may have written it.",
    change: "Let the issuer sign it: with its private key, or for `jwt` with `secret`.",
  }),
);

const tokenWrongSignature = onTopic(
  "signature",
  { id: "token-wrong-signature", docs: TIMES },
  ({ header }) => ({
    cause: `The signature (${jsonText(header["alg"])}) does not fit the server's key: another secret or another environment's key has signed it, or the token was cut off when it was copied.`,
    change:
      "Copy the token whole. Compare the secret or the key of the signer with the server's: with express-mcp-sse `secret`, `publicKey` or `jwksUri`.",
  }),
);

const tokenBoundToKey = onTopic(
  "bound",
  { id: "token-bound-to-key", docs: "oauth.md#what-it-does-not-do" },
  () => ({
    cause:
      "The token is bound to a key (cnf: DPoP or mTLS), and counts only with a proof of that key.",
    change: "Have the issuer give plain bearer tokens to this client.",
  }),
);

const tokenInactive = onTopic("inactive", { id: "token-inactive", docs: TIMES }, () => ({
  cause:
    "The issuer says that the token does not count (any more): it was revoked, has expired, or is not of this issuer.",
  change:
    "Get a new one. With express-mcp-sse the server asks at `introspection_endpoint` of `issuerUrl`.",
}));

const tokenUnreadable = onTopic(
  "malformed",
  { id: "token-unreadable", docs: TIMES },
  ({ token }) => {
    const form = token?.read.form;
    const encrypted = form === "encrypted";
    return {
      cause: encrypted
        ? "The token is encrypted (JWE): only its issuer can read it. Auth0 does that where no audience was asked for."
        : form === "opaque"
          ? "The token is no JWT, and this server takes only those: it is an opaque token or an API key, or was cut off when it was copied."
          : "The server cannot read the token.",
      change: encrypted
        ? "Ask the issuer for a token of this server's API (`audience` at Auth0, or `resource`)."
        : 'Send a JWT access token, whole. If the issuer gives opaque ones: with express-mcp-sse `type: "oauth"` with `tokenValidation: "introspection"`.',
    };
  },
);

const scopesMissing = onTopic(
  "scopes",
  { id: "scopes-missing", docs: "oauth.md#what-to-set" },
  ({ refusal, claims, token }) => {
    const needed = refusal.challenges
      .map(({ params }) => params.get("scope"))
      .find((each) => each !== undefined);
    const missing = token?.read.form === "jwt" ? missingScopes(needed, claims) : [];
    const granted = scopesOf(claims);
    const has =
      token?.read.form !== "jwt"
        ? ""
        : ` The token has ${granted.length === 0 ? "none" : jsonList(granted)}.`;
    return {
      cause:
        missing.length > 0
          ? `The credential lacks ${missing.length === 1 ? "the scope" : "the scopes"} ${jsonList(missing)}.${has}`
          : `The credential permits too little.${needed === undefined ? "" : ` Needed: ${jsonList(needed.split(" "))}.`}${has}`,
      change:
        "Ask the issuer for these scopes when signing in, and look whether it grants them to this client and user. With express-mcp-sse: `scopes`; where the issuer calls them otherwise, `satisfiesScope`; of an API key, `scopes` of its entry.",
    };
  },
);

/** In the order in which a server looks at a token. */
export const TOKEN: readonly Finder[] = [
  clockSkew,
  tokenUnreadable,
  tokenUnsigned,
  tokenWrongKind,
  tokenBoundToKey,
  tokenOtherIssuer,
  tokenOtherAlgorithm,
  tokenKeyUnknown,
  tokenWrongSignature,
  tokenExpired,
  tokenNotYetValid,
  tokenNoExpiry,
  tokenOtherAudience,
  tokenInactive,
  scopesMissing,
];
