import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { revisionOf } from "../../src/auth/revision.js";
import { cachedCaller, cacheCaller } from "../../src/auth/verified-cache.js";
import type { AuthMethod, FoundCredential } from "../../src/auth/auth-method.js";
import type { Caller } from "../../src/auth/outcome.js";
import type { Principal } from "../../src/auth/principal.js";

const HOUR = 3_600_000;

const connection = new Socket();

/** A request as far as a memory looks at it, on the one connection unless told otherwise. */
function request(
  change: Partial<Record<"method" | "url", string>> = {},
  headers: string[] = [],
  socket = connection,
) {
  const req = new IncomingMessage(socket);
  return Object.assign(req, { method: "POST", url: "/m", rawHeaders: headers, ...change });
}

/** A method whose credential is whatever stands in the URL, as `place name text`. */
function method(revision: () => unknown = () => 1): AuthMethod {
  return {
    name: "test",
    strategies: [],
    principal: () => ({ id: "alice" }),
    revision,
    findCredential: ({ url = "" }) => {
      const [place, name, text] = url.split("|");
      return text === undefined ? undefined : ({ place, name, text } as FoundCredential);
    },
  };
}

const whole: AuthMethod = {
  name: "whole",
  strategies: [],
  principal: () => ({ id: "alice" }),
  revision: () => 1,
};

function callerOf(methodsTried: readonly AuthMethod[], validUntil?: number): Caller {
  const principal = { id: "alice" } as Principal;
  const revision = revisionOf(methodsTried.at(-1), principal, undefined);
  const rest = { authInfo: undefined, credential: undefined, exposesToken: false };
  const verifiedAt = performance.now();
  return { principal, methodsTried, revision, verifiedAt, ownerKey: "alice", validUntil, ...rest };
}

/** Whether a request is taken for the same as an earlier one. */
function isSame(
  earlier: IncomingMessage,
  later: IncomingMessage,
  methodsTried = [method()],
): boolean {
  const remembered = cacheCaller(earlier, callerOf(methodsTried));
  return cachedCaller(later, remembered!, HOUR) !== undefined;
}

it.each([
  ["header|a|bc", "header|ab|c"],
  ["header|a|b c", "header|a b|c"],
  ["bearer|x|1 2 3", "bearer|x 1|2 3"],
  ["bearer|authorization|token", "header|authorization|token"],
  ["bearer|authorization|token", "bearer|authorization|Token"],
  ["bearer|authorization|token", "/no-credential"],
  ["bearer|authorization|none\n", "bearer|authorization|none"],
])("KNOWN-2: no two credentials are one: %s and %s", (one, other) => {
  expect(isSame(request({ url: one }), request({ url: one }))).toBe(true);
  expect(isSame(request({ url: one }), request({ url: other }))).toBe(false);
  expect(isSame(request({ url: other }), request({ url: one }))).toBe(false);
});

it("KNOWN-5: what two methods find does not run together", () => {
  const other = method();
  const split: AuthMethod = { ...other, findCredential: (req) => other.findCredential?.(req) };
  const twice = [method(), split];
  expect(isSame(request({ url: "bearer|a|b" }), request({ url: "bearer|a|b" }), twice)).toBe(true);
  expect(isSame(request({ url: "bearer|a|b" }), request({ url: "bearer|a|b" }), [whole])).toBe(
    true,
  );
});

it.each<[string, IncomingMessage]>([
  ["another method", request({ method: "PUT" }, ["X-A", "1"])],
  ["another URL", request({ url: "/n" }, ["X-A", "1"])],
  ["another value", request({}, ["X-A", "2"])],
  ["another name", request({}, ["X-B", "1"])],
  ["one header more", request({}, ["X-A", "1", "X-B", "2"])],
  ["one header less", request()],
  ["another connection", request({}, ["X-A", "1"], new Socket())],
])(
  "KNOWN-1: a method that does not say what it looks at gets every request with %s",
  (_what, other) => {
    expect(isSame(request({}, ["X-A", "1"]), other, [whole])).toBe(false);
  },
);

it("KNOWN-1: but the length of the body may differ", () => {
  const [one, two] = ["10", "2000"].map((length) =>
    request({}, ["X-A", "1", "Content-Length", length]),
  );
  expect(isSame(one!, two!, [whole])).toBe(true);
});

it("KNOWN-1: nobody is remembered without a revision, or with one that cannot be told", () => {
  const broken = (): never => {
    throw new Error("away");
  };
  for (const revision of [() => undefined, broken]) {
    expect(cacheCaller(request(), callerOf([method(revision)]))).toBeUndefined();
  }
  const silent: AuthMethod = { name: "silent", strategies: [], principal: () => ({ id: "alice" }) };
  expect(cacheCaller(request(), callerOf([silent]))).toBeUndefined();
});

it("KNOWN-4: a memory ends with the revision that it was made with", () => {
  let revision: unknown = "one";
  const methodsTried = [method(() => revision)];
  const remembered = cacheCaller(request(), callerOf(methodsTried))!;
  expect(cachedCaller(request(), remembered, HOUR)).toBe(remembered.caller);
  revision = "two";
  expect(cachedCaller(request(), remembered, HOUR)).toBeUndefined();
});

it("KNOWN-3: a memory ends with its time, and with its credential", () => {
  const ended = cacheCaller(request(), callerOf([method()], Date.now() - 1))!;
  expect(cachedCaller(request(), ended, HOUR)).toBeUndefined();
  const remembered = cacheCaller(request(), callerOf([method()], Date.now() + HOUR))!;
  expect(cachedCaller(request(), remembered, HOUR)).toBe(remembered.caller);
  expect(cachedCaller(request(), remembered, 0)).toBeUndefined();
});
