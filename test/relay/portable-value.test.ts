import { fromPortable, NotPortableError, toPortable } from "../../src/relay/portable-value.js";
import { canonical, isSameValue } from "../../src/session/same-value.js";

const overJson = (value: unknown): unknown =>
  fromPortable(JSON.parse(JSON.stringify(toPortable(value))));

describe("claims that another node is told", () => {
  const carried: readonly unknown[] = [
    ...["text", "", "\ud800", true, false, null, 0, -0, 1.5, NaN, Infinity, -Infinity, undefined],
    ...[10n ** 40n, new Date(1_700_000_000_000), new Date(8.64e15)],
    ...[[], [undefined, null], [[1], [2, ["x"]]], {}, { a: undefined, b: null }],
    ...[new Set(["a", "b"]), new Set(), new Map([["a", { b: new Set([1]) }]])],
    { "\u0000": ["number", "1"], other: [new Date(0)] },
    JSON.parse('{"__proto__": {"admin": true}, "constructor": "x"}') as unknown,
    Object.assign(Object.create(null) as object, { tenant: "acme" }),
  ];
  it.each(carried.map((value) => [value]))(
    "CLUSTER-21: %p is the same value there, for whoever compares it",
    (value) => {
      const there = overJson(value);
      expect(canonical(there)).toBe(canonical(value));
      expect(isSameValue(there, value)).toBe(isSameValue(value, value));
      expect(there).toEqual(value);
    },
  );

  it("CLUSTER-21: no two that differ are told alike", () => {
    const told = carried.map((value) => JSON.stringify(toPortable(value)));
    expect(new Set(told).size).toBe(carried.length);
  });

  it("CLUSTER-21: a claim cannot give its bearer a prototype", () => {
    const there = overJson(JSON.parse('{"__proto__": {"admin": true}}')) as { admin?: boolean };
    expect(there.admin).toBeUndefined();
    expect(Object.getPrototypeOf(there)).toBe(Object.prototype);
  });

  class Role {
    constructor(readonly name: string) {}
  }
  const loop: unknown[] = [];
  loop.push(loop);
  const sparse: unknown[] = [1];
  sparse[2] = 3;
  it.each([
    ["a function", () => 1],
    ["a symbol", Symbol("admin")],
    ["an object of a class", new Role("admin")],
    ["an object that says itself what JSON makes of it", { toJSON: (): string => "admin" }],
    ["bytes", Buffer.from("admin")],
    ["a value that holds itself", loop],
    ["a list with gaps", sparse],
    ["one of these inside of others", { roles: new Set([new Role("admin")]) }],
  ])("CLUSTER-21: %s is refused, and not left out", (_what, value) => {
    expect(() => toPortable(value)).toThrow(NotPortableError);
  });
});
