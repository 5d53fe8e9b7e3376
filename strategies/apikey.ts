/**
 * Authentication by API keys alone: what `auth: { type: "apikey" }` builds.
 *
 * @module express-mcp-sse/strategies/apikey
 */

import type { IncomingMessage } from "node:http";
import { findBearer, MAX_CREDENTIAL_LENGTH } from "../src/auth/auth-method.js";
import type { AuthMethod, FoundCredential, PassportStrategy } from "../src/auth/auth-method.js";
import type { PrincipalInit } from "../src/auth/principal.js";
import { McpSseError } from "../src/shared/errors.js";
import { optionError } from "../src/shared/check.js";
import type { Settings } from "../src/shared/option.js";
import packages from "../src/shared/packages.cjs";
import { countLines } from "../src/shared/raw-headers.js";
import { queryOf } from "../src/shared/url.js";
import { API_KEY } from "./apikey/apikey-options.js";
import type { ApiKeyOptions, KeyList, VerifyApiKey } from "./apikey/apikey-options.js";
import { isDamaged } from "./apikey/key-form.js";
import { commonMembers } from "./shared/check-options.js";
import { expired, invalidToken } from "./shared/credential-errors.js";
import { translateFailures } from "./shared/translate-failures.js";
import type { ActiveStrategy } from "./shared/translate-failures.js";

export { createApiKey, isApiKeyIntact } from "./apikey/create-api-key.js";
export type { CreateApiKeyOptions, CreatedApiKey } from "./apikey/create-api-key.js";
export type { ApiKeyDetails, ApiKeyEntry } from "./apikey/api-key-entry.js";
export type {
  ApiKeyListOptions,
  ApiKeyLookupOptions,
  ApiKeyOptions,
  ApiKeyPlaces,
  VerifyApiKey,
} from "./apikey/apikey-options.js";
export type { CommonAuthOptions } from "./shared/check-options.js";
export type * from "./shared/method-types.js";

/**
 * Lets callers in who send a known key: in a header, in the query, or as `Authorization: Bearer`.
 *
 * @example
 * ```ts
 * const auth = apikey({
 *   keys: [{ key: process.env["BATCH_KEY"] ?? "", id: "batch", scopes: ["notes:read"] }],
 * });
 * ```
 *
 * @param path How error messages call the options.
 * @throws TypeError for a wrong option; it says which, and what to write instead.
 */
export function apikey(options: ApiKeyOptions, path = "auth.options"): AuthMethod {
  const settings = API_KEY.read(path, options);
  const { keys, verify, headerName, queryParam } = settings;
  if (keys === undefined && verify === undefined) {
    throw optionError(path, "has no keys", 'Write keys: ["…"], or verify: (key) => …');
  }
  const verifier = createVerifier(keys, verify);
  const find = keyFinder(headerName, queryParam);
  return {
    name: "apikey",
    strategies: [headerStrategy(headerName, find, verifier), otherPlacesStrategy(find, verifier)],
    principal: (user) => user as PrincipalInit,
    findCredential: find,
    credentialDecides: true,
    revision: createRevision(settings),
    challenge: { scheme: "ApiKey" },
    searched: [
      headerName,
      ...(queryParam === undefined ? [] : [`query parameter ${queryParam}`]),
      "Authorization: Bearer",
    ],
    requestHeaders: [headerName],
    ...(queryParam !== undefined && { queryParameter: queryParam }),
    exposesToken: false,
    warnings: [...(keys?.warnings ?? []), ...queryWarnings(queryParam, path)],
    ...commonMembers(settings),
  };
}

function queryWarnings(queryParam: string | undefined, path: string): readonly string[] {
  if (queryParam === undefined) return [];
  return [`${path}.queryParam puts keys into URLs, which proxies and clients write to their logs`];
}

/** Decides on a key that was found; rejects with the reason when it is no good. */
type KeyVerifier = (key: string) => Promise<PrincipalInit>;

function createVerifier(keys: KeyList | undefined, verify: VerifyApiKey | undefined): KeyVerifier {
  return async (key) => {
    const known = keys?.current()(key) ?? (await verify?.(key));
    if (known === undefined || known === null) throw unknownKey(key);
    if (hasEnded(known)) throw expired("the API key has expired");
    return known;
  };
}

/**
 * Refuses a key that nobody knows.
 *
 * Security decision: that a key came damaged is for the log alone. Its sender may have picked it up
 * somewhere, and hears no more than whoever sends an invented one.
 */
function unknownKey(key: string): McpSseError {
  const note = isDamaged(key) ? "by its checksum it is cut short or mistyped" : undefined;
  return invalidToken("the API key is not known", note);
}

/** What is known of the keys: the list as it is now, and nothing where somebody else is asked. */
function createRevision({ keys, verify, remember }: Settings<typeof API_KEY>): () => unknown {
  if (!remember && verify !== undefined) return () => undefined;
  return () => keys?.current() ?? "verified";
}

function hasEnded({ expiresAt }: PrincipalInit): boolean {
  return expiresAt !== undefined && Date.now() / 1000 >= expiresAt;
}

/** Finds the one key of a request that counts; an unusable one has no text. */
type FindKey = (req: IncomingMessage) => FoundCredential | undefined;

/**
 * Header, query, `Authorization: Bearer`: the first that is there counts, even if it is no good.
 *
 * Security decision: a bad key is not passed over for another one in the same request, and a
 * place that holds two keys holds none: a proxy may have checked the other.
 */
function keyFinder(headerName: string, queryParam: string | undefined): FindKey {
  const header = headerName.toLowerCase();
  return (req) =>
    findInHeader(req, header) ??
    (queryParam === undefined ? undefined : findInQuery(req.url ?? "", queryParam)) ??
    findBearer(req);
}

function findInHeader(req: IncomingMessage, name: string): FoundCredential | undefined {
  if (!Object.hasOwn(req.headers, name)) return undefined;
  const value = req.headers[name];
  const usable = typeof value === "string" && countLines(req.rawHeaders, name) === 1;
  return { place: "header", name, text: usable ? value : "" };
}

function findInQuery(url: string, name: string): FoundCredential | undefined {
  const [value, ...more] = queryOf(url).getAll(name);
  if (value === undefined) return undefined;
  return { place: "query", name, text: more.length === 0 ? value : "" };
}

/** The header, read by passport-headerapikey. */
function headerStrategy(header: string, find: FindKey, verifier: KeyVerifier): PassportStrategy {
  const { HeaderAPIKeyStrategy } = packages.passportHeaderApiKey() as HeaderApiKey;
  const strategy = new HeaderAPIKeyStrategy({ header, prefix: "" }, true, (key, done, req) => {
    const found = find(req);
    if (found?.place !== "header" || found.text !== key) done(null, false, NO_KEY_HERE);
    else void verifyWith(verifier, key, done);
  });
  return translateFailures(strategy, (info) => (info instanceof McpSseError ? info : NO_KEY_HERE));
}

/** As much of passport-headerapikey as is used here; its own types want Express's request. */
interface HeaderApiKey {
  readonly HeaderAPIKeyStrategy: new (
    header: { header: string; prefix: string },
    passReqToCallback: true,
    verify: (key: string, done: Done, req: IncomingMessage) => void,
  ) => PassportStrategy;
}

type Done = (error: unknown, user?: unknown, info?: unknown) => void;

/** The query and `Authorization: Bearer`; and it refuses what is unusable, wherever it stands. */
function otherPlacesStrategy(find: FindKey, verifier: KeyVerifier): PassportStrategy {
  return {
    name: "apikey",
    authenticate(this: ActiveStrategy, req: IncomingMessage): void {
      const found = find(req);
      const problem = found === undefined ? NO_KEY_HERE : keyProblem(found);
      if (found === undefined || problem !== undefined) {
        this.fail(problem);
        return;
      }
      void verifyWith(verifier, found.text, (error, user, info) => {
        if (error !== null) this.error(error);
        else if (user === false) this.fail(info);
        else this.success(user);
      });
    },
  };
}

function keyProblem({ text, place }: FoundCredential): McpSseError | undefined {
  if (text === "") return invalidToken("the API key is empty, or sent more than once");
  return place === "header" ? NO_KEY_HERE : undefined;
}

/** One key's way: to `done` with the principal, with the reason against it, or with an outage. */
async function verifyWith(verifier: KeyVerifier, key: string, done: Done): Promise<void> {
  try {
    if (key.length > MAX_CREDENTIAL_LENGTH) throw invalidToken("the API key is too long");
    done(null, await verifier(key));
  } catch (error) {
    if (error instanceof McpSseError) done(null, false, error);
    // Passport would take the rejection with nothing for a refusal.
    else done(error ?? new Error("verify rejected without an error"));
  }
}

/** What a strategy says of a request whose key stands where the other one looks. */
const NO_KEY_HERE = new McpSseError("missing_credential", "no API key in this place");
