import { parseMetadata } from "../../../strategies/oauth/issuer-metadata.js";
import { UpstreamError } from "../../../strategies/shared/upstream-error.js";

const ISSUER = "https://auth.example.com/realms/a";
const DOCUMENT = { issuer: ISSUER, jwks_uri: `${ISSUER}/jwks` };

describe("OAUTH-1: parseMetadata", () => {
  it("reads what is used, and nothing else", () => {
    const document = {
      ...DOCUMENT,
      jwks_uri: "https://keys.example.net/jwks?tenant=a",
      id_token_signing_alg_values_supported: ["RS256", "ES256"],
      introspection_endpoint: `${ISSUER}/introspect`,
      introspection_endpoint_auth_methods_supported: ["client_secret_post"],
      token_endpoint_auth_methods_supported: ["client_secret_basic"],
      authorization_endpoint: `${ISSUER}/authorize`,
      token_endpoint: `${ISSUER}/token`,
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: true,
      registration_endpoint: `${ISSUER}/register`,
    };

    const metadata = parseMetadata(ISSUER, document);

    expect(metadata).toEqual({
      issuer: ISSUER,
      jwksUri: "https://keys.example.net/jwks?tenant=a",
      signingAlgorithms: ["RS256", "ES256"],
      tokenAuthMethods: ["client_secret_basic"],
      introspectionEndpoint: `${ISSUER}/introspect`,
      introspectionAuthMethods: ["client_secret_post"],
      authorizationEndpoint: `${ISSUER}/authorize`,
      tokenEndpoint: `${ISSUER}/token`,
      sendsIssuerInResponse: true,
    });
    expect(Object.isFrozen(metadata)).toBe(true);
  });

  it("needs only the issuer and one way to check a token", () => {
    expect(parseMetadata(ISSUER, { ...DOCUMENT, introspection_endpoint: null })).toEqual({
      issuer: ISSUER,
      jwksUri: `${ISSUER}/jwks`,
      introspectionAuthMethods: ["client_secret_basic"],
      tokenAuthMethods: ["client_secret_basic"],
      sendsIssuerInResponse: false,
    });
    const introspects = { issuer: ISSUER, introspection_endpoint: `${ISSUER}/introspect` };
    expect(parseMetadata(ISSUER, introspects).introspectionEndpoint).toBe(`${ISSUER}/introspect`);
  });

  it.each<[string, unknown, readonly string[]]>([
    ["no list", "client_secret_post", ["private_key_jwt"]],
    ["an empty list", [], ["private_key_jwt"]],
    ["a list without text", [1, null], ["private_key_jwt"]],
    ["a list with some", [1, "client_secret_post"], ["client_secret_post"]],
  ])("takes %s of authentication methods for what it is", (_, published, expected) => {
    const document = {
      ...DOCUMENT,
      introspection_endpoint_auth_methods_supported: published,
      token_endpoint_auth_methods_supported: ["private_key_jwt"],
    };
    expect(parseMetadata(ISSUER, document).introspectionAuthMethods).toEqual(expected);
  });

  it.each<[Record<string, unknown>, string]>([
    [{ issuer: undefined }, "names no issuer"],
    [{ issuer: [ISSUER] }, "names no issuer"],
    [{ issuer: "https://auth.example.com" }, 'names another issuer, "https://auth.example.com"'],
    [{ jwks_uri: undefined }, "names neither a jwks_uri nor an introspection_endpoint"],
    [{ jwks_uri: "/jwks" }, "publishes no URL as its jwks_uri"],
    [{ jwks_uri: 5 }, "publishes no URL as its jwks_uri"],
    [{ introspection_endpoint: "" }, "publishes no URL as its introspection_endpoint"],
  ])("refuses %j", (change, problem) => {
    const parse = () => parseMetadata(ISSUER, { ...DOCUMENT, ...change });
    expect(parse).toThrow(UpstreamError);
    expect(parse).toThrow(problem);
  });

  const endpoints = [
    "jwks_uri",
    "introspection_endpoint",
    "authorization_endpoint",
    "token_endpoint",
  ];

  it.each(
    endpoints.flatMap((name) =>
      [
        "http://auth.example.com/x",
        "http://evil.example/x",
        "http://127.0.0.1:6379/",
        "http://localhost/x",
        "http://169.254.169.254/latest/meta-data",
        "https://user:hunter2@auth.example.com/x",
        "file:///etc/passwd",
        "data:application/json,{}",
        "javascript:alert(1)",
      ].map((url) => [name, url] as const),
    ),
  )("refuses a document of a remote issuer whose %s is %s", (name, url) => {
    const parse = () => parseMetadata(ISSUER, { ...DOCUMENT, [name]: url });
    expect(parse).toThrow(`publishes an unsafe URL as its ${name} `);
    expect(parse).not.toThrow(/hunter2/);
  });

  it("takes http between this machine and itself, and to nowhere else", () => {
    const issuer = "http://localhost:3000";
    const parse = (uri: string) => parseMetadata(issuer, { issuer, jwks_uri: uri }).jwksUri;

    expect(parse("http://127.0.0.1:3001/jwks")).toBe("http://127.0.0.1:3001/jwks");
    expect(() => parse("http://auth.example.com/jwks")).toThrow(UpstreamError);
  });
});
