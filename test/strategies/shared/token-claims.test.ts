import { sign, verify } from "node:crypto";
import { createPrincipal, ownerKey } from "../../../src/auth/principal.js";
import { principalOfClaims, scopesOf } from "../../../strategies/shared/token-claims.js";
import type { TokenClaims } from "../../../strategies/shared/token-claims.js";
import { ecKeyPair } from "../../kit/key-pairs.js";

function encoded(part: object): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}

/** The second half of an ECDSA signature that is as good as a given one: the order of P-256 less it. */
function twinOf(half: Buffer): Buffer {
  const order = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
  const other = order - BigInt(`0x${half.toString("hex")}`);
  return Buffer.from(other.toString(16).padStart(64, "0"), "hex");
}

/** Differs in the last bit, which means nothing at the end of 64 bytes. */
function nextInAlphabet(character: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return alphabet[alphabet.indexOf(character) ^ 1] ?? "";
}

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

  test("is told apart by numbers as by text", () => {
    expect(principalOfClaims({ sub: "a", client_id: 7 }, "token").clientId).toBe("7");
    expect(ownerOf({ sub: "a", client_id: 7 }, "t")).not.toBe(ownerOf({ sub: "a", cid: 8 }, "t"));
  });

  test("is not the number that a larger one is rounded to", () => {
    const parse = (json: string) => ownerOf(JSON.parse(json) as TokenClaims, json);
    expect(parse('{"sub":9007199254740993}')).not.toBe(parse('{"sub":9007199254740992}'));
    expect(parse('{"sub":1e400}')).not.toBe(parse('{"sub":1e500}'));
    expect(parse('{"sub":9007199254740991}')).toBe(parse('{ "sub": 9007199254740991 }'));
  });

  test("is the same one however the signature of its token is written", () => {
    const signed = `${encoded({ alg: "ES256" })}.${encoded({ exp: 1 })}`;
    const { privateKey, publicKey } = ecKeyPair();
    const key = { key: privateKey, dsaEncoding: "ieee-p1363" } as const;
    const bytes = sign("sha256", Buffer.from(signed), key);
    const twin = Buffer.concat([bytes.subarray(0, 32), twinOf(bytes.subarray(32))]);
    const isGood = verify(
      "sha256",
      Buffer.from(signed),
      { key: publicKey, dsaEncoding: "ieee-p1363" },
      twin,
    );
    expect(isGood).toBe(true);
    const written = [bytes, twin].map((each) => each.toString("base64url"));
    const loose = written.map((text) => text.replace(/.$/, (last) => nextInAlphabet(last)));
    for (const text of loose) expect(written).not.toContain(text);
    const owners = [...written, ...loose].map((text) => ownerOf({ exp: 1 }, `${signed}.${text}`));
    expect(new Set(owners).size).toBe(1);
    const another = sign("sha256", Buffer.from(signed), key).toString("base64url");
    expect(ownerOf({ exp: 1 }, `${signed}.${another}`)).not.toBe(owners[0]);
  });

  test("of an opaque token is one for each text", () => {
    const owners = ["a", "b", "a.b", "a.b.c.d", "a.b.c.e", ""].map((text) => ownerOf({}, text));
    expect(new Set(owners).size).toBe(owners.length);
  });

  test.each([
    {},
    { sub: "" },
    { sub: null },
    { sub: {} },
    { sub: ["alice"] },
    { sub: Infinity },
    { sub: 2 ** 53 },
    { sub: 1.5 },
  ])("without a usable subject (%j) shares sessions with nobody", (claims) => {
    const first = ownerOf(claims, "header.one.signature");
    expect(first).not.toBe(ownerOf(claims, "header.two.signature"));
    expect(first).toBe(ownerOf(claims, "header.one.signature"));
    expect(first).not.toContain("header.one.signature");
  });

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
