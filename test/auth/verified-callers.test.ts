import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import type { AuthMethod } from "../../src/auth/auth-method.js";
import type { Caller } from "../../src/auth/outcome.js";
import type { Principal } from "../../src/auth/principal.js";
import { VerifiedCallers } from "../../src/auth/verified-callers.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { BOTH_CLOCKS, later } from "../kit/clock.js";

cleanUpAfterEach();

const HOUR = 3_600_000;

function request(headers: Record<string, string>, rawHeaders = Object.entries(headers).flat()) {
  return Object.assign(new IncomingMessage(new Socket()), { headers, rawHeaders });
}

/** A method whose credential stands in a header of its own, or in the URL. */
function method(name: string, more: Partial<AuthMethod> = {}): AuthMethod {
  return {
    name,
    strategies: [],
    principal: () => ({ id: "alice" }),
    revision: () => 1,
    credentialDecides: true,
    findCredential: ({ headers }) => {
      const text = headers[name];
      return typeof text === "string" ? { place: "header", name, text } : undefined;
    },
    ...more,
  };
}

function callerOf(methodsTried: readonly AuthMethod[], more: Partial<Caller> = {}): Caller {
  const rest = { authInfo: undefined, credential: undefined, exposesToken: false };
  const verifiedAt = performance.now();
  const { ownerKey = "alice" } = more;
  const principal = { id: ownerKey } as Principal;
  const validUntil = undefined;
  return {
    principal,
    methodsTried,
    revision: 1,
    verifiedAt,
    ownerKey,
    validUntil,
    ...rest,
    ...more,
  };
}

/** Keeps a caller by one request, and looks for it by another. */
function isKnown(
  methods: readonly AuthMethod[],
  kept: IncomingMessage,
  asked: IncomingMessage,
  caller = callerOf([methods[0]!]),
): boolean {
  const callers = new VerifiedCallers(methods, HOUR);
  const slot = callers.slotOf(kept);
  if (slot !== undefined) callers.keep(slot, caller);
  const other = callers.slotOf(asked);
  return other !== undefined && callers.get(other) !== undefined;
}

const [x, y] = [method("x-a"), method("x-b")];
const key = { "x-a": "a-key-0123456789" };

it.each<[string, Record<string, string>, boolean]>([
  ["the same", key, true],
  ["the same beside other headers", { host: "h", ...key, "x-request-id": "7" }, true],
  ["one that begins alike", { "x-a": "a-key-012345678" }, false],
  ["one that goes on", { "x-a": "a-key-01234567890" }, false],
  ["another case", { "x-a": "A-key-0123456789" }, false],
  ["the same in another place", { "x-b": "a-key-0123456789" }, false],
  ["two of one header, as Node joins them", { "x-a": "a-key-0123456789, a-key-0123456789" }, false],
  ["one for another method, too", { ...key, "x-b": "guess" }, false],
  ["nothing", {}, false],
])("KNOWN-9: a request that shows %s", (_what, headers, expected) => {
  expect(isKnown([x, y], request(key), request(headers))).toBe(expected);
});

it("KNOWN-9: what two methods find does not run together", () => {
  const [one, other] = [
    request({ "x-a": 'a","b', "x-b": "c" }),
    request({ "x-a": "a", "x-b": 'b","c' }),
  ];
  expect(isKnown([x, y], one, other)).toBe(false);
  expect(isKnown([x, y], one, one)).toBe(true);
});

it("KNOWN-9: a second Authorization header is nobody's, first or last", () => {
  const bearer = method("authorization");
  const once = request({ authorization: "Bearer t" });
  const twice = request({ authorization: "Bearer t" }, [
    "Authorization",
    "Bearer t",
    "Authorization",
    "Bearer u",
  ]);
  expect(isKnown([bearer], once, once)).toBe(true);
  expect(isKnown([bearer], once, twice)).toBe(false);
  expect(isKnown([bearer], twice, once)).toBe(false);
});

const silent: AuthMethod = { name: "x-b", strategies: [], principal: () => ({ id: "alice" }) };

it.each<[string, readonly AuthMethod[], Partial<Caller>]>([
  ["looks at more than its credential", [method("x-a", { credentialDecides: false })], {}],
  ["may be withdrawn without its method knowing", [x], { revision: undefined }],
  ["comes behind one that does not say what it looks at", [silent, x], {}],
])("KNOWN-9: nobody is kept whose method %s", (_why, tried, more) => {
  // Another method decides, so that there is a memory at all.
  const caller = callerOf(tried, more);
  expect(isKnown([...tried, y], request(key), request(key), caller)).toBe(false);
});

it("KNOWN-9: nobody is kept by what stands in a URL, nor when nothing is to be relied on", () => {
  const inQuery = method("x-a", {
    findCredential: () => ({ place: "query", name: "key", text: "a-key-0123456789" }),
  });
  expect(isKnown([inQuery], request({}), request({}))).toBe(false);
  expect(new VerifiedCallers([x], 0).slotOf(request(key))).toBeUndefined();
});

describe("a caller who is kept", () => {
  const keptFor = (forMs: number, caller: Caller) => {
    const callers = new VerifiedCallers([x], forMs);
    const slot = callers.slotOf(request(key))!;
    callers.keep(slot, caller);
    return { callers, slot };
  };
  it.each([
    ["its time", undefined, 60_000],
    ["its credential", 20_000, 21_000],
  ])("KNOWN-3, KNOWN-10: ends with %s", (_what, validMs, afterMs) => {
    const validUntil = validMs && Date.now() + validMs;
    const { callers, slot } = keptFor(60_000, callerOf([x], { validUntil }));
    later(afterMs - 10_000, BOTH_CLOCKS);
    expect(callers.get(slot)?.ownerKey).toBe("alice");
    later(10_000, BOTH_CLOCKS);
    expect(callers.get(slot)).toBeUndefined();
    expect(callers.size).toBe(0);
  });

  it("KNOWN-4: ends with what it stands on", () => {
    let revision = "one";
    const changing = method("x-a", { revision: () => revision });
    const { callers, slot } = keptFor(HOUR, callerOf([changing], { revision }));
    expect(callers.get(slot)).toBeDefined();
    revision = "two";
    expect(callers.get(slot)).toBeUndefined();
  });

  it("KNOWN-10: is gone from memory although nobody asks again", () => {
    jest.useFakeTimers({ doNotFake: ["performance"] });
    try {
      const { callers } = keptFor(60_000, callerOf([x]));
      later(61_000, [performance]);
      jest.advanceTimersByTime(30_000);
      expect(callers.size).toBe(0);
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it("KNOWN-10: is forgotten at once by an endpoint that is closed, which keeps no timer", () => {
    jest.useFakeTimers({ doNotFake: ["performance"] });
    try {
      const { callers, slot } = keptFor(HOUR, callerOf([x]));
      callers.clear();
      expect([callers.size, jest.getTimerCount()]).toEqual([0, 0]);
      callers.keep(slot, callerOf([x]));
      expect(callers.get(slot)).toBeDefined();
    } finally {
      jest.useRealTimers();
    }
  });

  it("KNOWN-11: is forgotten with all that is theirs, and not kept again by what was verified before", () => {
    const { callers, slot } = keptFor(HOUR, callerOf([x]));
    const bobs = callers.slotOf(request({ "x-a": "bobs-key-0123456789" }))!;
    callers.keep(bobs, callerOf([x], { ownerKey: "bob" }));
    callers.forget(({ ownerKey }) => ownerKey === "alice");
    expect([callers.get(slot), callers.get(bobs)?.ownerKey]).toEqual([undefined, "bob"]);
    callers.keep(slot, callerOf([x]));
    expect(callers.get(slot)).toBeUndefined();
    const now = callers.slotOf(request(key))!;
    callers.keep(now, callerOf([x]));
    expect(callers.get(now)).toBeDefined();
  });
});

describe("the memory of callers", () => {
  it("KNOWN-10: keeps ten thousand of a hundred thousand, those that were used last", () => {
    const callers = new VerifiedCallers([x], HOUR);
    const slotOf = (index: number) => callers.slotOf(request({ "x-a": `key-${index}` }))!;
    const caller = callerOf([x]);
    for (let index = 0; index < 100_000; index++) {
      callers.keep(slotOf(index), caller);
      if (index % 1_000 === 0 && callers.get(slotOf(0)) !== caller) throw new Error("lost");
      if (callers.size > 10_000) throw new Error(`${callers.size} callers`);
    }
    expect(callers.size).toBe(10_000);
    expect(callers.get(slotOf(99_999))).toBe(caller);
    expect(callers.get(slotOf(90_000))).toBeUndefined();
  });

  it("KNOWN-10: keeps fewer whose credentials are long", () => {
    const callers = new VerifiedCallers([x], HOUR);
    const text = "k".repeat(60_000);
    for (let index = 0; index < 1_000; index++) {
      callers.keep(callers.slotOf(request({ "x-a": `${text}${index}` }))!, callerOf([x]));
    }
    expect(callers.size).toBeLessThanOrEqual((16 * 1024 * 1024) / 60_000);
    expect(callers.size).toBeGreaterThan(250);
  });
});
