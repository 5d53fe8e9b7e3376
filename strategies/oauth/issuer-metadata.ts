import { unusable } from "../shared/upstream-error.js";
import { isLocalToNode } from "../../src/shared/loopback.js";
import type { IssuerMetadata } from "./published-metadata.js";
import { sameIssuer } from "./issuer-url.js";
import { parseUrl } from "../../src/shared/url.js";

/** Longest part of a published value that an error repeats. */
const MAX_QUOTED_LENGTH = 200;

/**
 * Reads an issuer's metadata document.
 *
 * @param issuerUrl The issuer that was asked for.
 * @throws UpstreamError `unusable` when the document names another issuer, gives no way to check
 * a token, or has an endpoint that is no safe URL. One bad endpoint refuses the whole document.
 * The message names at most the published issuer.
 * @see RFC 8414, sections 2 and 3.3
 */
export function parseMetadata(
  issuerUrl: string,
  document: Readonly<Record<string, unknown>>,
): IssuerMetadata {
  const issuer = readIssuer(issuerUrl, document["issuer"]);
  const endpoint = (name: string) => readEndpoint(issuerUrl, name, document[name]);
  const metadata: IssuerMetadata = {
    issuer,
    ...given("jwksUri", endpoint("jwks_uri")),
    ...given("signingAlgorithms", readList(document["id_token_signing_alg_values_supported"])),
    ...given("introspectionEndpoint", endpoint("introspection_endpoint")),
    introspectionAuthMethods: readIntrospectionAuthMethods(document),
    ...given("authorizationEndpoint", endpoint("authorization_endpoint")),
    ...given("tokenEndpoint", endpoint("token_endpoint")),
    tokenAuthMethods: readList(document["token_endpoint_auth_methods_supported"]) ?? [
      "client_secret_basic",
    ],
    ...given("userinfoEndpoint", endpoint("userinfo_endpoint")),
    sendsIssuerInResponse: document["authorization_response_iss_parameter_supported"] === true,
  };
  if (metadata.jwksUri === undefined && metadata.introspectionEndpoint === undefined) {
    throw unusable("names neither a jwks_uri nor an introspection_endpoint");
  }
  return Object.freeze(metadata);
}

function readIssuer(issuerUrl: string, published: unknown): string {
  if (typeof published !== "string") throw unusable("names no issuer");
  if (!sameIssuer(issuerUrl, published)) {
    // Quoted as JSON, so that what a stranger's server answers cannot write log lines.
    const quoted = JSON.stringify(published.slice(0, MAX_QUOTED_LENGTH));
    throw unusable(`names another issuer, ${quoted}`);
  }
  return published;
}

function readEndpoint(issuerUrl: string, name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  const url = typeof value === "string" ? parseUrl(value) : undefined;
  if (typeof value !== "string" || url === undefined) {
    throw unusable(`publishes no URL as its ${name}`);
  }
  if (!isSafeEndpoint(new URL(issuerUrl), url)) {
    throw unusable(`publishes an unsafe URL as its ${name} (needs https and no credentials)`);
  }
  return value;
}

/**
 * Whether to send anything to an endpoint that `issuer` publishes.
 *
 * Security decision: tokens and the client secret go there, so it must be `https`. Plain `http`
 * is for an issuer on this machine that names an endpoint on this machine: an issuer elsewhere
 * must not steer requests to the services that listen here.
 */
function isSafeEndpoint(issuer: URL, endpoint: URL): boolean {
  if (endpoint.username !== "" || endpoint.password !== "") return false;
  if (endpoint.protocol === "https:") return true;
  return (
    endpoint.protocol === "http:" &&
    [issuer, endpoint].every(({ hostname }) => isLocalToNode(hostname))
  );
}

/**
 * RFC 8414 has no default for the introspection endpoint; issuers that leave the field out take
 * there what their token endpoint takes, whose default is `client_secret_basic`.
 *
 * @see RFC 8414, section 2
 */
function readIntrospectionAuthMethods(
  document: Readonly<Record<string, unknown>>,
): readonly string[] {
  return (
    readList(document["introspection_endpoint_auth_methods_supported"]) ??
    readList(document["token_endpoint_auth_methods_supported"]) ?? ["client_secret_basic"]
  );
}

/** The strings of a list; a list without any says nothing. */
function readList(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const strings = value.filter((item) => typeof item === "string");
  return strings.length === 0 ? undefined : Object.freeze(strings);
}

function given<K extends string, V>(name: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [name]: value } as Record<K, V>);
}
