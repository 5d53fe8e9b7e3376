import type { IncomingHttpHeaders } from "node:http";
import { findBearer } from "../../src/auth/auth-method.js";
import type { AuthMethod, FoundCredential } from "../../src/auth/auth-method.js";
import type { AdmittedRequest } from "../../src/http/incoming-request.js";
import type { HostRequest } from "../../src/http/mount.js";
import { travellingParts } from "../../src/relay/travelling.js";
import type { HeaderRules } from "../../src/relay/travelling.js";

const SECRET = "s3cret-Key+with/äöü=";
const NO_RULES: HeaderRules = { boundHeaders: [], credentialHeaders: [] };

function method(findCredential?: AuthMethod["findCredential"]): AuthMethod {
  return {
    name: "test",
    strategies: [],
    principal: () => ({ id: "alice" }),
    ...(findCredential && { findCredential }),
  };
}

const inHeader = (name: string): AuthMethod =>
  method(({ headers }) => {
    const text = headers[name]?.toString();
    return text === undefined ? undefined : { place: "header", name, text };
  });

const inQuery = (name: string): AuthMethod =>
  method(({ url = "" }) => {
    const text = new URL(url, "http://x").searchParams.get(name);
    return text === null ? undefined : { place: "query", name, text };
  });

function travelling(
  given: { headers?: IncomingHttpHeaders; url?: string; originalUrl?: string; mount?: object },
  methods: readonly AuthMethod[] = [],
  rules = NO_RULES,
  credential?: FoundCredential,
) {
  const req = { headers: {}, url: "/messages", ...given } as unknown as HostRequest;
  const mount = { base: "", routedBase: "", origin: undefined, ...given.mount };
  const request = { req, mount, caller: { credential } } as unknown as AdmittedRequest;
  return travellingParts(request, methods, rules);
}

describe("what of a request another node is told", () => {
  it("CLUSTER-20: headers go by name, and nothing that is not known to be needed", () => {
    const needed = {
      accept: "text/event-stream",
      "content-type": "application/json",
      host: "mcp.example",
      origin: "https://app.example",
      "last-event-id": "7",
      "mcp-session-id": "x",
      "mcp-protocol-version": "2025-11-25",
      "x-mcp-instance": "tab",
      "user-agent": "client/1",
      traceparent: "00-1-2-01",
    };
    const others = {
      authorization: "Bearer x",
      cookie: "mcp_resume=x; sid=y",
      "proxy-authorization": "Basic x",
      "x-forwarded-for": "10.0.0.1",
      "x-api-key": "k",
      "x-forwarded-access-token": "t",
      "x-tenant": "acme",
    };
    expect(travelling({ headers: { ...others, ...needed } }).headers).toEqual(needed);
  });

  it("CLUSTER-20: a header that the operator has bound goes as well, unless it is one of credentials", () => {
    const boundHeaders = ["x-tenant", "x-api-key", "authorization", "cookie"];
    const headers = {
      "x-tenant": "acme",
      "x-api-key": SECRET,
      authorization: "Basic x",
      cookie: "y",
    };
    const rules = { boundHeaders, credentialHeaders: ["x-api-key"] };
    expect(travelling({ headers }, [], rules).headers).toEqual({ "x-tenant": "acme" });
  });

  it.each(["mcp-key", "x-mcp-instance", "user-agent", "x-tenant"])(
    "CLUSTER-20: %s stays where a method finds a credential in it",
    (name) => {
      const rules = { ...NO_RULES, boundHeaders: ["x-tenant"] };
      const headers = { [name]: "k", accept: "*/*" };
      expect(travelling({ headers }, [inHeader(name)], rules).headers).toEqual({ accept: "*/*" });
    },
  );

  it("CLUSTER-20: a credential that is repeated where nobody looks stays, however it is written", () => {
    const credential: FoundCredential = { place: "bearer", name: "authorization", text: SECRET };
    const headers = {
      authorization: `Bearer ${SECRET}`,
      "mcp-debug": `token=${SECRET};`,
      baggage: `key=${encodeURIComponent(SECRET)}`,
      "user-agent": "client/1",
    };
    const parts = travelling({ headers }, [method(findBearer)], NO_RULES, credential);
    expect(parts.headers).toEqual({ "user-agent": "client/1" });
  });

  it.each([
    ["in the parameter in which a method looks", `/sse?a=1&key=${encodeURIComponent(SECRET)}&b=2`],
    ["with its name written otherwise", `/sse?a=1&k%65y=${encodeURIComponent(SECRET)}&b=2`],
    ["in another parameter", `/sse?a=1&copy=${encodeURIComponent(SECRET)}&b=2`],
    [
      "inside of another value",
      `/sse?a=1&back=https%3A%2F%2Fx%2F%3Fkey%3D${encodeURIComponent(encodeURIComponent(SECRET))}&b=2`,
    ],
    ["twice", `/sse?a=1&key=${encodeURIComponent(SECRET)}&key=${encodeURIComponent(SECRET)}&b=2`],
    ["as a name", `/sse?a=1&${encodeURIComponent(SECRET)}&b=2`],
  ])("CLUSTER-20: a credential in the URL does not go: %s", (_where, url) => {
    const credential: FoundCredential = { place: "query", name: "key", text: SECRET };
    const parts = travelling(
      { url, originalUrl: `/mcp${url}` },
      [inQuery("key")],
      NO_RULES,
      credential,
    );
    for (const text of [parts.url, parts.originalUrl ?? ""]) {
      expect(text).not.toContain(SECRET);
      expect(decodeURIComponent(decodeURIComponent(text))).not.toContain(SECRET);
      expect(text).toContain("?a=1&");
      expect(text).toContain("&b=2");
    }
  });

  it("CLUSTER-20: a request with a credential in its path goes nowhere", () => {
    const credential: FoundCredential = {
      place: "bearer",
      name: "authorization",
      text: "0123456789",
    };
    expect(() => travelling({ url: "/0123456789/sse" }, [], NO_RULES, credential)).toThrow("path");
  });

  it("CLUSTER-20: a credential in a Host does not go, and none in the path of a mount", () => {
    const credential: FoundCredential = {
      place: "bearer",
      name: "authorization",
      text: "0123456789",
    };
    const mount = { origin: "https://0123456789.example" };
    const headers = { host: "0123456789.example" };
    const parts = travelling({ headers, mount }, [], NO_RULES, credential);
    expect([parts.headers, parts.mount.origin]).toEqual([{}, undefined]);
    for (const base of [{ base: "/0123456789" }, { routedBase: "/0123456789" }]) {
      expect(() => travelling({ mount: base }, [], NO_RULES, credential)).toThrow("path");
    }
  });

  it("CLUSTER-20: what was redacted before is left as it is, and so is what is no credential", () => {
    const url = "/sse?key=REDACTED&sessionId=REDACTED&x=%zz&y";
    expect(travelling({ url }, [inQuery("key")]).url).toBe(url);
    expect(travelling({ url: "/sse?x=1" }).originalUrl).toBeUndefined();
  });
});
