import type { IncomingMessage } from "node:http";
import { readBounded } from "../../../shared/fetch-json.js";
import { faultOfRedirectUri, redirectTarget } from "./redirect-uri.js";
import { readText, withBody } from "./request-body.js";

/**
 * What of a registration counts. The rest is left out: what a server does not understand it must
 * ignore, and URLs in it (pictures, keys) would be fetched, or shown, for strangers.
 *
 * @see RFC 7591, section 2
 */
const KEPT = [
  "redirect_uris",
  "client_name",
  "client_uri",
  "token_endpoint_auth_method",
  "application_type",
  "software_id",
  "software_version",
] as const;

/** Grants that exist here. */
const GRANT_TYPES = ["authorization_code", "refresh_token"];

/** Most redirect URIs of one client. */
const MAX_REDIRECT_URIS = 20;

/** Longest text, in characters. */
const MAX_LENGTH = 2_000;

/** Longest document of a client, in bytes. */
export const MAX_DOCUMENT_BYTES = 65_536;

/** A registration that is refused before the engine sees it. */
export class RegistrationError extends Error {
  override readonly name = "RegistrationError";

  /** @see RFC 7591, section 3.2.2 */
  constructor(
    readonly code: "invalid_redirect_uri" | "invalid_client_metadata",
    message: string,
  ) {
    super(message);
  }
}

/**
 * The registration as the engine gets it.
 *
 * @throws RegistrationError when the body is no JSON object; BodyProblem when it cannot be read.
 */
export async function cleanRegistration(
  req: IncomingMessage,
  appSchemes: readonly string[],
): Promise<IncomingMessage> {
  const cleaned = cleanMetadata(parse(await readText(req)), appSchemes);
  return withBody(req, JSON.stringify(cleaned), "application/json");
}

function tryParse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  const value = tryParse(text);
  if (value !== undefined) return value;
  throw new RegistrationError("invalid_client_metadata", "the request body must be a JSON object");
}

/** What of a metadata document counts beside: the engine checks it. */
const DOCUMENT_MEMBERS = [
  "client_id",
  "client_secret",
  "client_secret_expires_at",
  "jwks",
  "jwks_uri",
] as const;

/**
 * A client-id metadata document as the engine gets it, by the same rules as a registration. What
 * is no such document (a client's keys) stays as it is.
 *
 * Security decision: read within a bound, whoever fetched it. A function of the operator's may hand
 * on whatever a stranger's server sends, and that may have no end.
 *
 * @throws RegistrationError for one with a redirect URI that is not allowed.
 */
export async function cleanDocument(
  response: Response,
  appSchemes: readonly string[],
): Promise<Response> {
  if (response.status !== 200) return response;
  const { headers, body } = response;
  const bytes = await readBounded((body ?? []) as AsyncIterable<Uint8Array>, MAX_DOCUMENT_BYTES);
  const text = bytes.toString("utf8");
  const document = tryParse(text);
  if (typeof document?.["client_id"] !== "string") return new Response(text, { headers });
  const kept = DOCUMENT_MEMBERS.filter((name) => name in document);
  const members = Object.fromEntries(kept.map((name) => [name, document[name]]));
  const cleaned = JSON.stringify({ ...cleanMetadata(document, appSchemes), ...members });
  return new Response(cleaned, { headers: copyCaching(headers) });
}

/** How long the document may be kept; its length has changed. */
function copyCaching(headers: Headers): Headers {
  const copy = new Headers({ "content-type": "application/json" });
  for (const name of ["cache-control", "expires"]) {
    const value = headers.get(name);
    if (value !== null) copy.set(name, value);
  }
  return copy;
}

/**
 * Client metadata with only what counts here, and complete.
 *
 * @param appSchemes Schemes without a dot that redirect URIs may have.
 */
export function cleanMetadata(
  metadata: Readonly<Record<string, unknown>>,
  appSchemes: readonly string[],
): Readonly<Record<string, unknown>> {
  const kept: Record<string, unknown> = {};
  for (const name of KEPT) {
    const value = metadata[name];
    if (value === undefined || value === null || value === "") continue;
    if (typeof value === "string" && value.length > MAX_LENGTH) {
      throw new RegistrationError("invalid_client_metadata", `${name} is too long`);
    }
    kept[name] = value;
  }
  const redirectUris = checkRedirectUris(metadata["redirect_uris"], appSchemes);
  kept["application_type"] ??= redirectUris.some(leadsToDevice) ? "native" : "web";
  return {
    ...kept,
    redirect_uris: redirectUris,
    response_types: ["code"],
    grant_types: readGrantTypes(metadata["grant_types"]),
  };
}

function checkRedirectUris(value: unknown, appSchemes: readonly string[]): readonly string[] {
  const uris: readonly unknown[] = Array.isArray(value) ? value : [];
  if (uris.length === 0 || uris.length > MAX_REDIRECT_URIS) {
    throw invalidRedirectUri(`redirect_uris must name 1 to ${MAX_REDIRECT_URIS} URIs`);
  }
  for (const uri of uris) {
    const fault = faultOfRedirectUri(uri, appSchemes);
    if (fault !== undefined) throw invalidRedirectUri(`redirect_uris ${fault}`);
  }
  return uris as readonly string[];
}

/** Clients on a device choose a free port each time; the engine allows that to native ones. */
function leadsToDevice(uri: string): boolean {
  return redirectTarget(uri).kind !== "website";
}

function readGrantTypes(value: unknown): readonly string[] {
  const asked: readonly unknown[] = Array.isArray(value) ? value : GRANT_TYPES;
  const known = GRANT_TYPES.filter((type) => asked.includes(type));
  return known.includes("authorization_code") ? known : ["authorization_code", ...known];
}

function invalidRedirectUri(message: string): RegistrationError {
  return new RegistrationError("invalid_redirect_uri", message);
}
