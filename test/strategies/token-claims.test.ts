import { createPrincipal, ownerKey } from "../../src/auth/principal.js";
import { principalOfClaims, scopesOf } from "../../strategies/token-claims.js";
import type { TokenClaims } from "../../strategies/token-claims.js";

const ownerOf = (claims: TokenClaims, token: string): string =>
  ownerKey(createPrincipal("jwt", principalOfClaims(claims, token)));

describe("the caller that a token speaks of", () => {
  test("is made of the registered claims", () => {
    const claims = { sub: "alice", iss: "https://a.example", client_id: "app", exp: 1_900_000_000 };
    expect(principalOfClaims(claims, "token")).toEqual({
      id: "alice",
      issuer: "https://a.example",
      clientId: "app",
      scopes: [],
      expiresAt: 1_900_000_000,
      claims,
    });
  });

  test("is the client in azp where there is no client_id", () => {
    expect(principalOfClaims({ sub: "a", azp: "app" }, "token").clientId).toBe("app");
    expect(principalOfClaims({ sub: "a", azp: "app", client_id: "x" }, "token").clientId).toBe("x");
  });

  test("may be numbered", () => {
    expect(principalOfClaims({ sub: 42 }, "token").id).toBe("42");
    expect(principalOfClaims({ sub: 0 }, "token").id).toBe("0");
  });

  test.each([{}, { sub: "" }, { sub: null }, { sub: {} }, { sub: ["alice"] }, { sub: Infinity }])(
    "without a usable subject (%j) shares sessions with nobody",
    (claims) => {
      const first = ownerOf(claims, "header.one.signature");
      expect(first).not.toBe(ownerOf(claims, "header.two.signature"));
      expect(first).toBe(ownerOf(claims, "header.one.signature"));
      expect(first).not.toContain("header.one.signature");
    },
  );

  test("is another one with another subject, issuer or client", () => {
    const claims = { sub: "a", iss: "i", client_id: "c" };
    const owners = [
      claims,
      { ...claims, sub: "b" },
      { ...claims, iss: "j" },
      { ...claims, client_id: "d" },
      { sub: "a", iss: "i" },
    ].map((each) => ownerOf(each, "token"));
    expect(new Set(owners).size).toBe(owners.length);
  });

  test("keeps hostile claims as data", () => {
    const claims = JSON.parse('{"sub":"a","__proto__":{"scope":"admin"}}') as TokenClaims;
    const principal = createPrincipal("jwt", principalOfClaims(claims, "token"));
    expect(principal.scopes).toEqual([]);
    expect(Object.getPrototypeOf(principal.claims)).toBe(Object.prototype);
  });
});

describe("the scopes of a token", () => {
  test.each([
    [{ scope: "mcp:read  mcp:write" }, ["mcp:read", "mcp:write"]],
    [{ scp: "a b" }, ["a", "b"]],
    [{ scp: ["a", "b"] }, ["a", "b"]],
    [{ permissions: ["read:x"] }, ["read:x"]],
    [{ scope: "a", scp: ["a", "b"], permissions: ["c"] }, ["a", "b", "c"]],
    [{ scope: ["a", 7, null, ""] }, ["a"]],
    [{ scope: 7, scp: {}, permissions: null }, []],
    [{}, []],
  ])("of %j are %j", (claims, expected) => {
    expect(scopesOf(claims)).toEqual(expected);
  });
});
