import type { AuthMethod } from "../../src/auth/auth-method.js";
import { ANONYMOUS } from "../../src/auth/authenticate.js";
import type { Caller } from "../../src/auth/outcome.js";
import {
  createAuthInfo,
  createPrincipal,
  ownerKey,
  principalOf,
} from "../../src/auth/principal.js";
import type { PrincipalInit } from "../../src/auth/principal.js";
import { RelayedCallers, tellCaller } from "../../src/relay/relayed-caller.js";

const TOKEN = "header.payload.signature-of-alice";

function callerOf(method: string, init: PrincipalInit, validUntil?: number): Caller {
  const principal = createPrincipal(method, init);
  return {
    ...ANONYMOUS,
    principal,
    authInfo: createAuthInfo(principal, TOKEN),
    ownerKey: ownerKey(principal),
    credential: { place: "bearer", name: "authorization", text: TOKEN },
    validUntil,
  };
}

function method(name: string, more: Partial<AuthMethod> = {}): AuthMethod {
  return { name, strategies: [], principal: () => ({ id: "nobody" }), ...more };
}

const ALICE: PrincipalInit = {
  id: "alice",
  issuer: "https://id.example",
  clientId: "app",
  scopes: ["read", "write"],
  expiresAt: 2_000_000_000,
  claims: { tenant: "acme", roles: new Set(["admin"]), since: new Date(0) },
};

describe("a caller whom another node has let in", () => {
  it("CLUSTER-21: is the same principal, made here, with the rights that it has", () => {
    const caller = callerOf("jwt", ALICE, 2_000_000_005_000);
    const there = new RelayedCallers([method("apikey"), method("jwt"), method("oauth")]);
    const read = there.read(tellCaller(caller));
    expect(read.principal).toEqual(caller.principal);
    expect(read.ownerKey).toBe(caller.ownerKey);
    expect(read.validUntil).toBe(2_000_000_005_000);
    expect(principalOf({ authInfo: read.authInfo })).toBe(read.principal);
    expect(read.methodsTried.map(({ name }) => name)).toEqual(["apikey", "jwt"]);
    expect([read.isRelayed, read.credential, read.exposesToken]).toEqual([true, undefined, false]);
  });

  it("CLUSTER-21: has no claims but its own, whatever those are called", () => {
    const claims = JSON.parse(
      '{"\\u0000":["object",[["tenant","evil"]]],"__proto__":{"role":"admin"},"tenant":"acme"}',
    ) as Record<string, unknown>;
    const there = new RelayedCallers([method("jwt")]);
    const read = there.read(tellCaller(callerOf("jwt", { ...ALICE, claims })));
    expect(Object.entries(read.principal!.claims)).toEqual(Object.entries(claims));
  });

  it("CLUSTER-21, POLICY-7: has claims that nobody can write into, since all its requests have the same", () => {
    const there = new RelayedCallers([method("jwt")]);
    const claims = { roles: ["guest"], org: { teams: ["a"] } };
    const { principal } = there.read(tellCaller(callerOf("jwt", { ...ALICE, claims })));
    const told = principal!.claims as typeof claims;
    expect(() => told.roles.push("admin")).toThrow(TypeError);
    expect(() => told.org.teams.push("b")).toThrow(TypeError);
  });

  it("CLUSTER-21: is one object for all its requests, each with an authInfo of its own", () => {
    const there = new RelayedCallers([method("jwt")]);
    const text = tellCaller(callerOf("jwt", ALICE));
    const [one, other] = [there.read(text), there.read(text)];
    expect(one.principal).toBe(other.principal);
    expect(one.authInfo).not.toBe(other.authInfo);
  });

  it("CLUSTER-20: brings no token, unless it is told", () => {
    const there = new RelayedCallers([method("jwt")]);
    const text = tellCaller(callerOf("jwt", ALICE));
    expect(text).not.toContain(TOKEN);
    expect(there.read(text).authInfo?.token).toBe("");
    expect(there.read(text, TOKEN).authInfo?.token).toBe(TOKEN);
  });

  it("CLUSTER-21: has the upstream token that this node's own method finds", async () => {
    const upstream = ({ id }: { id: string }) =>
      Promise.resolve({ accessToken: `of ${id}`, scopes: [] });
    const there = new RelayedCallers([method("jwt", { upstream })]);
    const read = there.read(tellCaller(callerOf("jwt", ALICE)));
    expect(await read.upstream?.(read.principal!)).toEqual({
      accessToken: "of alice",
      scopes: [],
    });
  });

  it.each([
    ["of a method that is not here", [method("apikey")], "jwt"],
    [
      "of an issuer that no method here vouches for",
      [method("jwt", { issuers: ["https://x"] })],
      "jwt",
    ],
    ["at an endpoint that is open", [], "jwt"],
  ])("CLUSTER-22: one %s is refused", (_who, methods, name) => {
    const text = tellCaller(callerOf(name, ALICE));
    expect(() => new RelayedCallers(methods).read(text)).toThrow("auth");
  });

  it("CLUSTER-22: one without a name is let in by an open endpoint only", () => {
    expect(tellCaller(ANONYMOUS)).toBeNull();
    expect(new RelayedCallers([]).read(null)).toMatchObject({
      ownerKey: ANONYMOUS.ownerKey,
      isRelayed: true,
    });
    expect(() => new RelayedCallers([method("jwt")]).read(null)).toThrow("without a name");
  });

  it("CLUSTER-20: one with its credential in a claim is told to nobody, and the log says why", () => {
    const caller = callerOf("jwt", { id: "alice", claims: { raw: `Bearer ${TOKEN}` } });
    expect(() => tellCaller(caller)).toThrow("the principal of jwt has its credential in a claim");
  });

  it("CLUSTER-20: and so is one whose credential is written otherwise in JSON", () => {
    const text = 'a "quoted" \\ credential';
    const caller = callerOf("jwt", { id: "alice", claims: { raw: [text] } });
    const credential = { place: "header", name: "x-key", text } as const;
    expect(() => tellCaller({ ...caller, credential })).toThrow("has its credential in a claim");
  });

  it("CLUSTER-21: one with a claim that cannot travel is told to nobody, and the log says which", () => {
    const role = new URL("https://id.example/roles/admin");
    const caller = callerOf("passport", { id: "alice", claims: { role } });
    expect(() => tellCaller(caller)).toThrow(
      'claim "role" of the passport method cannot be told to another node: it is an object of a class',
    );
  });

  it("CLUSTER-21: no more are remembered than a node has room for", () => {
    const there = new RelayedCallers([method("jwt")]);
    const first = tellCaller(callerOf("jwt", { id: "0" }));
    const { principal } = there.read(first);
    for (let n = 1; n <= 1_024; n++) there.read(tellCaller(callerOf("jwt", { id: String(n) })));
    expect(there.read(first).principal).not.toBe(principal);
  });
});
