import { whyRefused } from "../why-refused.js";
import type { Credential } from "../contract.js";
import { secretOf, shapeFault } from "../credential-shape.js";
import type { ShapeFault } from "../credential-shape.js";
import type { Evidence, Finder, Observation } from "../evidence.js";
import { fingerprint } from "../fingerprint.js";
import { refusalOf, seenRefusal } from "../refusal.js";
import type { Refusal } from "../refusal.js";
import { sentToken } from "../sent-token.js";
import { isAnswered } from "../ask.js";
import type { Topic } from "../topics.js";

const DOCS = "troubleshooting.md#a-credential-is-refused";

/** What nobody can tell of a server before a credential was looked at. */
const NOT_SEEN = ["not-mcp", "throttled", "server-unavailable"];

/** What text is wrong about the credential, and how to mend it. */
const SHAPES: Readonly<Record<ShapeFault, Pick<Observation, "cause" | "change">>> = {
  empty: {
    cause: "It is empty: a variable is not set where the client runs, or a file has nothing in it.",
    change: "Set the variable, and start the client again: it reads its environment only then.",
  },
  placeholder: {
    cause: "It is a placeholder: the client sends it as it stands in its configuration.",
    change:
      "Write the value itself, or a variable in the form that this client knows: not every client replaces ${NAME}.",
  },
  quotes: {
    cause: "It has quotes around it, which are sent as a part of it.",
    change:
      "Take the quotes away. In a file of variables (--env-file of Docker) they belong to the value.",
  },
  "scheme-twice": {
    cause: "It begins with Bearer, and the client adds that once more.",
    change: "Give the token alone.",
  },
  "scheme-missing": {
    cause: "The header Authorization has the token alone, and no scheme in front of it.",
    change: "Write the header as: Authorization: Bearer TOKEN.",
  },
  twice: {
    cause: "It is there twice: the client has the header in two places, and sends both as one.",
    change: "Keep one. Names of headers are the same in any case: X-API-Key and x-api-key are one.",
  },
};

/** The text of a credential is plainly wrong, and it was refused. */
const credentialMalformed: Finder = {
  id: "credential-malformed",
  severity: "error",
  docs: DOCS,
  step: "streamable",
  look: (evidence) => {
    const refusal = refusalOf(evidence);
    if (refusal === undefined) return undefined;
    for (const credential of evidence.target.credentials) {
      const fault = shapeFault(credential);
      if (fault === undefined) continue;
      return { seen: `${seenRefusal(refusal)} Sent: ${nameOf(credential)}.`, ...SHAPES[fault] };
    }
    return undefined;
  },
};

/** A credential in words; of the secret in it only the fingerprint, by which whoever has that finds it. */
function nameOf(credential: Credential): string {
  const shown = fingerprint(secretOf(credential));
  switch (credential.kind) {
    case "bearer":
      return `the bearer token ${shown}`;
    case "header":
      return `the header ${credential.name} (${shown})`;
    case "query":
      return `the query parameter ${credential.name} (${shown})`;
  }
}

/** A finder for what the server says, or what shows. */
function onTopic(
  topic: Topic,
  about: Pick<Finder, "id" | "docs" | "hides">,
  observe: (refusal: Refusal, evidence: Evidence) => Omit<Observation, "seen"> | undefined,
): Finder {
  return {
    severity: "error",
    step: "streamable",
    ...about,
    look: (evidence) => {
      const why = whyRefused(evidence);
      if (!why?.topics.includes(topic)) return undefined;
      const rest = observe(why.refusal, evidence);
      return rest && { seen: seenRefusal(why.refusal), ...rest };
    },
  };
}

/** The server has seen no credential, although one was sent. */
const credentialNotFound = onTopic(
  "not-found",
  { id: "credential-not-found", docs: DOCS },
  ({ words }, { target }) => {
    const sent = target.credentials.map(nameOf).join(", ");
    const searched = /Searched: ([^.]+)\./.exec(words)?.[1];
    return {
      cause:
        searched === undefined
          ? `The server does not look where the credential is, or something on the way takes it away. Sent: ${sent}.`
          : `The server does not look there. Sent: ${sent}. It looks in: ${searched}.`,
      change:
        searched === undefined
          ? "Look up where this server wants it: most take Authorization: Bearer or X-API-Key. With express-mcp-sse: the options `headerName` and `queryParam` of `apikey`."
          : `Send it in one of these: ${searched}. Or, with express-mcp-sse, set \`headerName\` or \`queryParam\` of \`apikey\`.`,
    };
  },
);

/** Tokens do not belong into URLs. */
const tokenInUrl = onTopic(
  "in-url",
  { id: "token-in-url", docs: "security.md#keys-in-urls" },
  () => ({
    cause:
      "The token is in the URL, where proxies and browsers write it to logs: OAuth 2.1 forbids that.",
    change: "Send it as the header Authorization: Bearer TOKEN.",
  }),
);

/** The key is in the right place, and not one of the server's. */
const apiKeyUnknown = onTopic(
  "api-key-unknown",
  { id: "api-key-unknown", docs: DOCS },
  (_refusal, { target }) => ({
    cause: `It is another key than those that the server has: ${target.credentials.map(nameOf).join(", ")}.`,
    change:
      "Compare the fingerprint with the key's (the first 8 digits of its SHA-256), and look whether the server was started after its list of keys was changed. With express-mcp-sse: `keys` of `apikey`, whose `sha256` begins with these digits.",
  }),
);

const apiKeyExpired = onTopic(
  "api-key-expired",
  { id: "api-key-expired", docs: "security.md#api-keys" },
  () => ({
    cause: "The key was good, and its time is over.",
    change:
      "Make a new one. With express-mcp-sse: `npx express-mcp-sse key`, or a later `expiresAt` of its entry in `keys`.",
  }),
);

/** Scopes that are needed and not granted. */
const forbiddenByPolicy = onTopic(
  "policy",
  { id: "forbidden-by-policy", docs: "policy.md#what-a-denied-caller-hears" },
  () => ({
    cause: "The credential is good, and a rule of the server forbids what was asked for.",
    change:
      "Ask whoever runs the server. With express-mcp-sse: a rule of `policy` denies it; the log's line names which.",
  }),
);

const tooManyFailures = onTopic(
  "too-many-failures",
  { id: "too-many-failures", docs: "troubleshooting.md#behind-a-proxy", hides: NOT_SEEN },
  () => ({
    cause:
      "Too many bad credentials came from this address: yours, or those of others, if a proxy hides who is who.",
    change:
      "Wait as long as Retry-After says. With express-mcp-sse behind a proxy: set `trust proxy`, so that each caller has an address of their own; the limit is `throttle.maxFailures`.",
  }),
);

const credentialUncheckable = onTopic(
  "unavailable",
  { id: "credential-uncheckable", docs: "oauth.md#while-the-issuer-is-away", hides: NOT_SEEN },
  (_refusal, evidence) => ({
    cause: isOpaque(evidence)
      ? "The server cannot check the token at the moment. The token is no JWT, so the server has to ask its issuer about it: the issuer has no introspection endpoint, refuses the server's client, or is away."
      : "The server cannot check the credential at the moment: the issuer, its key set, or what else it asks does not answer it.",
    change:
      'Look into the server\'s log, which has every URL and its answer. With express-mcp-sse: `issuerUrl`, `jwksUri`, `clientId` and `clientSecret`; with `tokenValidation: "jwt"` nobody is asked about opaque tokens, and they get 401.',
  }),
);

function isOpaque({ token }: Evidence): boolean {
  return token?.read.form === "opaque";
}

/** It was refused, and nothing tells why. */
const credentialRefused: Finder = {
  id: "credential-refused",
  severity: "error",
  docs: DOCS,
  step: "streamable",
  look: (evidence) => {
    const why = whyRefused(evidence);
    if (why === undefined || why.topics.length > 0 || isOfSource(why.refusal)) return undefined;
    const { credentials } = evidence.target;
    const sent = credentials.map(nameOf).join(", ");
    return {
      seen: seenRefusal(why.refusal),
      cause: isAsStranger(evidence, why.refusal)
        ? `The answer is the same as without a credential: the server does not look where it is, or says no more. Sent: ${sent}.`
        : `The server does not accept it, and does not say why. Sent: ${sent}.`,
      change:
        sentToken(evidence.target) === undefined
          ? "Look up where this server wants its key, and compare the fingerprint (the first 8 digits of the SHA-256) with the key that the server has."
          : "Look into the server's log, and compare what the token says (`npx express-mcp-sse token`) with what the server expects: issuer, audience, key.",
    };
  },
};

/** Whether it is about where the request came from, which is no matter of the credential. */
function isOfSource({ code, reply }: Refusal): boolean {
  return code === "host_not_allowed" || code === "origin_not_allowed" || reply.status === 503;
}

/** Whether a caller without a credential got the same answer. */
function isAsStranger({ stranger }: Evidence, { reply }: Refusal): boolean {
  return [stranger?.get, stranger?.post].some(
    (other) => isAnswered(other) && other.status === reply.status && other.text === reply.text,
  );
}

/** What is plainly wrong with the credential, or what the server says of it. */
export const CREDENTIAL: readonly Finder[] = [
  credentialMalformed,
  credentialNotFound,
  tokenInUrl,
  apiKeyUnknown,
  apiKeyExpired,
  forbiddenByPolicy,
  tooManyFailures,
];

/** What may have any cause: it stands behind all causes. */
export const UNEXPLAINED: readonly Finder[] = [credentialUncheckable, credentialRefused];
