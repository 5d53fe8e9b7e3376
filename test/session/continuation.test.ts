import {
  hasStanding,
  isSameRequest,
  mayContinue,
  standingOf,
} from "../../src/session/continuation.js";
import type { ContinuationRules } from "../../src/session/continuation.js";
import type { Requester } from "../../src/session/requester.js";

type Headers = Requester["request"]["headers"];

interface Given extends Partial<Omit<Requester, "request">> {
  scopes?: string[];
  claims?: Record<string, unknown>;
  url?: string;
  headers?: Headers;
}

function requester({ scopes, claims, url = "/sse", headers = {}, ...given }: Given): Requester {
  return {
    ownerKey: "alice",
    principal: { id: "alice", scopes: scopes ?? [], claims: claims ?? {} },
    mount: "/acme",
    path: "/acme/sse",
    request: { url, headers },
    ...given,
  };
}

const RULES: ContinuationRules = {
  boundClaims: ["org", "roles", "https://example.com/tenant", "__proto__", "constructor"],
  boundHeaders: ["x-tenant"],
  ownParameters: ["mcp_instance", "api_key"],
  ownCookies: ["mcp_resume"],
  credentialHeaders: ["x-api-key"],
};

const SESSION: Given = {
  scopes: ["read", "write"],
  claims: { org: "acme", roles: ["a", "b"], exp: 1 },
  url: "/sse?workspace=A",
  headers: { "x-tenant": "acme", "user-agent": "sdk" },
};

const may = (by: "message" | "listen", asker: Given, session = SESSION): boolean => {
  const [whoAsks, opener] = [requester({ ...session, ...asker }), requester(session)];
  const may = mayContinue(by, whoAsks, opener, RULES);
  // Where nothing is left of the session but a digest, it is the same decision.
  const kept = standingOf(opener, RULES);
  const mayListen = mayContinue("listen", whoAsks, opener, RULES);
  expect(kept !== undefined && hasStanding(whoAsks, kept, RULES)).toBe(mayListen);
  return may;
};

describe("whether a request may continue a session", () => {
  it.each<[string, Given]>([
    ["another owner", { ownerKey: "bob" }],
    ["the same owner at another mount", { mount: "/hobby" }],
    ["at another spelling of the mount", { mount: "/ACME" }],
    ["at no mount", { mount: undefined }],
    ["with one scope less", { scopes: ["read"] }],
    ["without scopes", { scopes: [] }],
    ["with a scope that merely begins alike", { scopes: ["read", "write:all"] }],
    ["with a scope in another case", { scopes: ["read", "Write"] }],
    ["with both scopes in one text", { scopes: ["read write"] }],
    ["of another organisation", { claims: { org: "hobby", roles: ["a", "b"] } }],
    ["of no organisation", { claims: { roles: ["a", "b"] } }],
    ["of an organisation that is a list", { claims: { org: ["acme"], roles: ["a", "b"] } }],
    ["with a role less", { claims: { org: "acme", roles: ["a"] } }],
    ["with a role more", { claims: { org: "acme", roles: ["a", "b", "c"] } }],
    ["with a role twice", { claims: { org: "acme", roles: ["a", "a"] } }],
    [
      "with a tenant where there was none",
      { claims: { ...SESSION.claims, "https://example.com/tenant": "x" } },
    ],
    [
      "with a claim that is called like what objects inherit",
      { claims: { ...SESSION.claims, constructor: Object } },
    ],
    ["without a principal", { principal: undefined }],
    ["with another value of a bound header", { headers: { "x-tenant": "hobby" } }],
    ["without a bound header", { headers: {} }],
  ])("AUTH-9, RIGHTS-1: no, %s", (_what, asker) => {
    expect(may("message", asker)).toBe(false);
    expect(may("listen", asker)).toBe(false);
  });

  it.each<[string, Given]>([
    ["with the same", {}],
    ["with more scopes, in another order", { scopes: ["admin", "write", "read"] }],
    ["with the roles in another order", { claims: { org: "acme", roles: ["b", "a"] } }],
    ["with another token", { claims: { ...SESSION.claims, exp: 2, jti: "x" } }],
    ["with other headers", { headers: { "x-tenant": "acme", "user-agent": "other" } }],
  ])("AUTH-9, RIGHTS-1: yes, %s", (_what, asker) => {
    expect(may("message", asker)).toBe(true);
    expect(may("listen", asker)).toBe(true);
  });

  it.each<[string, Given]>([
    ["another query", { url: "/sse?workspace=B" }],
    ["a query more", { url: "/sse?workspace=A&workspace=B" }],
    ["no query", { url: "/sse" }],
    ["a query that decodes alike", { url: "/sse?workspace=%41" }],
    ["a parameter whose name begins like our own", { url: "/sse?workspace=A&?mcp_instance=1" }],
    ["another path as clients see it", { path: "/hobby/sse" }],
  ])("RIGHTS-1: a stream with %s does not, and a message may", (_what, asker) => {
    expect(may("listen", asker)).toBe(false);
    expect(may("message", { ...asker })).toBe(true);
  });

  it.each(["&mcp_instance=1", "&mcp%5Finstance=1", "&api_key=REDACTED", "&api%5Fkey"])(
    "RIGHTS-1: our own parameters and credentials in the query do not count: %s",
    (added) => {
      expect(may("listen", { url: `/sse?workspace=A${added}` })).toBe(true);
    },
  );

  it("RIGHTS-1: a bound header that says undefined is not one that is missing", () => {
    const absent = { ...SESSION, headers: {} };
    expect(may("listen", { headers: { "x-tenant": "undefined" } }, absent)).toBe(false);
    expect(may("listen", {}, absent)).toBe(true);
  });

  it("RIGHTS-1: claims of objects are compared through and through, but not without end", () => {
    const session = { ...SESSION, claims: { org: { id: "1", rol: ["x", "y"] } } };
    expect(may("message", { claims: { org: { rol: ["y", "x"], id: "1" } } }, session)).toBe(true);
    expect(may("message", { claims: { org: { rol: ["x"], id: "1" } } }, session)).toBe(false);
    const deep = (): unknown => JSON.parse("[".repeat(30_000) + "]".repeat(30_000));
    expect(may("message", { claims: { org: deep() } }, { claims: { org: deep() } })).toBe(false);
  });

  class Seen {
    constructor(readonly name: string) {}
  }
  class Hidden {
    readonly #name: string;
    constructor(name: string) {
      this.#name = name;
    }
    get name(): string {
      return this.#name;
    }
  }

  it.each<[string, (name: string) => unknown, boolean]>([
    ["sets", (name) => new Set(["x", name]), true],
    ["maps", (name) => new Map([["x", { name }]]), true],
    ["dates", (name) => new Date(name.length), true],
    ["URLs", (name) => ({ home: new URL(`https://${name}.example`) }), true],
    ["objects that say how they are written", (name) => ({ toJSON: () => ({ name }) }), true],
    ["bytes", (name) => Buffer.from(name), true],
    ["instances whose parts can be seen", (name) => new Seen(name), true],
    // Nobody can tell these apart, so none is the same as another.
    ["instances that hide what they hold", (name) => new Hidden(name), false],
    ["objects that are written as nothing", (name) => ({ name, toJSON: () => undefined }), false],
    ["lists of such", (name) => [new Hidden(name)], false],
  ])("RIGHTS-1: of claims that are %s, only the same are the same", (_kind, of, canBeSame) => {
    const claims = (name: string) => ({ org: of(name) });
    const session = { ...SESSION, claims: claims("acme") };
    expect(may("listen", { claims: claims("others") }, session)).toBe(false);
    expect(may("listen", { claims: claims("acme") }, session)).toBe(canBeSame);
  });

  it("RIGHTS-1: thousands of scopes are compared in no time", () => {
    const scopes = Array.from({ length: 30_000 }, (_, index) => `s${index}`);
    // Of the processor, which may be busy with something else meanwhile.
    const before = process.cpuUsage().user;
    expect(may("message", { scopes: [...scopes].reverse() }, { scopes })).toBe(true);
    expect((process.cpuUsage().user - before) / 1_000).toBeLessThan(2_000);
  });

  it("AUTH-9: on an open endpoint everybody is one owner without rights", () => {
    const open = { ...SESSION, ownerKey: "anonymous", principal: undefined };
    expect(may("message", {}, open)).toBe(true);
    expect(may("listen", { url: "/sse?workspace=B" }, open)).toBe(false);
  });
});

describe("whether nothing tells two requests for a stream apart", () => {
  const isSame = (headers: Headers, given: Given = {}): boolean =>
    isSameRequest(
      requester({ ...SESSION, ...given, headers: { ...SESSION.headers, ...headers } }),
      requester(SESSION),
      RULES,
    );

  it.each([
    "authorization",
    "x-api-key",
    "last-event-id",
    "mcp-protocol-version",
    "traceparent",
    "x-request-id",
    "x-b3-traceid",
    "x-forwarded-for",
    "cf-ray",
    "connection",
    "cache-control",
  ])("RESUME-5: %s may differ", (name) => expect(isSame({ [name]: "another" })).toBe(true));

  it.each([
    "user-agent",
    "host",
    "accept-language",
    "cookie",
    "origin",
    "x-workspace",
    "x-forwarded-host",
    "x-forwarded-prefix",
    "x-request-id-of-tenant",
    "not-authorization",
  ])("RESUME-5: %s may not", (name) => expect(isSame({ [name]: "another" })).toBe(false));

  it("RESUME-5: of cookies our own may differ, and no other", () => {
    expect(isSame({ cookie: "mcp_resume=one" })).toBe(true);
    expect(isSame({ cookie: "mcp_resume=one; tenant=acme" })).toBe(false);
    expect(isSame({ cookie: "not_mcp_resume=one" })).toBe(false);
  });

  it("RESUME-5: a header that is missing may not either, nor anything else that counts", () => {
    expect(isSame({})).toBe(true);
    expect(isSame({ "user-agent": undefined })).toBe(false);
    expect(isSame({}, { url: "/sse?workspace=B" })).toBe(false);
    expect(isSame({}, { scopes: ["read"] })).toBe(false);
  });
});
