import { JSONRPCMessageSchema } from "@modelcontextprotocol/sdk/types.js";
import {
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
} from "@modelcontextprotocol/server";
import { checkMessage } from "../../src/shared/check-message.js";

/** Stands for a member that is not there. */
const ABSENT = Symbol("absent");

const ids = [
  ABSENT,
  0,
  1,
  -1,
  "1",
  "",
  "__proto__",
  null,
  1.5,
  2 ** 53,
  1e300,
  true,
  [1],
  { a: 1 },
];
const methods = [ABSENT, "ping", "", "constructor", 1, null, ["ping"], {}];
const objects = [ABSENT, {}, { a: { b: [1] } }, { __proto: 1 }, null, 1, "text", true, [], [{}]];
const metas = [
  null,
  1,
  "text",
  [],
  {},
  { progressToken: 1 },
  { progressToken: "a" },
  { progressToken: 1.5 },
  { progressToken: 2 ** 60 },
  { progressToken: null },
  { progressToken: {} },
  { other: 1 },
  { "io.modelcontextprotocol/related-task": { taskId: "t" } },
  { "io.modelcontextprotocol/related-task": { taskId: "t", more: 1 } },
  { "io.modelcontextprotocol/related-task": {} },
  { "io.modelcontextprotocol/related-task": null },
  { "io.modelcontextprotocol/related-task": "t" },
].map((_meta) => ({ _meta, a: 1 }));
const errors = [
  ABSENT,
  { code: -32000, message: "no" },
  { code: 1, message: "", data: null },
  { code: 1, message: "no", more: 1 },
  { code: 2 ** 53, message: "no" },
  { code: 1.5, message: "no" },
  { code: "1", message: "no" },
  { code: 1 },
  { message: "no" },
  {},
  null,
  "no",
  [],
];
const extras: Record<string, unknown>[] = [
  {},
  { more: 1 },
  { method: undefined },
  { id: undefined },
  { params: undefined },
  { result: undefined },
  { error: undefined },
];

/** Every combination of the members' values. */
function envelopes(members: Record<string, readonly unknown[]>): Record<string, unknown>[] {
  return Object.entries(members).reduce<Record<string, unknown>[]>(
    (all, [name, values]) =>
      all.flatMap((envelope) =>
        values.map((value) => (value === ABSENT ? envelope : { ...envelope, [name]: value })),
      ),
    [{}],
  );
}

const table: unknown[] = [
  ...envelopes({ jsonrpc: ["2.0"], id: ids, method: methods, params: objects }),
  ...envelopes({ jsonrpc: ["2.0"], id: ids, result: objects }),
  ...envelopes({ jsonrpc: ["2.0"], id: ids, error: errors }),
  ...envelopes({ jsonrpc: ["2.0"], id: [ABSENT, 1], method: ["ping"], params: metas }),
  ...envelopes({ jsonrpc: ["2.0"], id: [1], result: metas }),
  ...envelopes({ jsonrpc: ["2.0"], id: [1], error: [{ code: 1, message: "no", data: metas }] }),
  ...envelopes({
    jsonrpc: [ABSENT, "2.0", "1.0", 2, null],
    id: [ABSENT, 1],
    method: [ABSENT, "ping"],
    result: [ABSENT, {}],
    error: [ABSENT, { code: 1, message: "no" }],
  }).flatMap((envelope) => extras.map((extra) => ({ ...envelope, ...extra }))),
  ...[null, undefined, 1, "ping", true, [], [{ jsonrpc: "2.0", id: 1, method: "ping" }]],
];

/** Texts rather than objects, since only a parser makes own members of these names. */
const hostileTexts = ["__proto__", "constructor", "toString", "hasOwnProperty"].flatMap((name) => [
  `{"jsonrpc":"2.0","id":1,"method":"ping","${name}":1}`,
  `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"${name}":{"a":1}}}`,
  `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"${name}":{"a":1}}}}`,
  `{"jsonrpc":"2.0","id":"${name}","method":"${name}"}`,
  `{"jsonrpc":"2.0","id":1,"result":{"${name}":1}}`,
  `{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"","${name}":1}}`,
  `{"${name}":{"jsonrpc":"2.0","method":"ping"},"id":1}`,
]);

function accepts(check: (value: unknown) => unknown, value: unknown): boolean {
  try {
    return check(value) !== false;
  } catch {
    return false;
  }
}

const ours = (value: unknown) => accepts(checkMessage, value);
const v1 = (value: unknown) => JSONRPCMessageSchema.safeParse(value).success;
/** As the servers of SDK v2 tell what they have; what is none of these they drop. */
const v2 = (value: unknown) =>
  isJSONRPCRequest(value) ||
  isJSONRPCNotification(value) ||
  isJSONRPCResultResponse(value) ||
  isJSONRPCErrorResponse(value);

/** The messages on which we and an SDK do not agree. */
function disagreements(values: readonly unknown[], sdk: (value: unknown) => boolean): string[] {
  return values
    .filter((value) => ours(value) !== sdk(value))
    .map((value) => `${ours(value) ? "we accept" : "we refuse"} ${JSON.stringify(value)}`);
}

describe("an envelope", () => {
  it("MESSAGE-7: the table has good and bad ones of every kind", () => {
    expect(table.length).toBeGreaterThan(1500);
    expect(table.filter(v1).length).toBeGreaterThan(100);
    expect(table.filter((value) => !v1(value)).length).toBeGreaterThan(1000);
  });

  it("MESSAGE-7: is judged as SDK v1 judges it", () => {
    expect(disagreements(table, v1)).toEqual([]);
  });

  it("MESSAGE-7: is accepted only if SDK v2 does not drop it", () => {
    const differences = disagreements(table, v2);
    expect(differences.filter((difference) => difference.startsWith("we accept"))).toEqual([]);
    // SDK v2 looks less closely at the results that clients return; SDK v1 would drop these.
    expect(differences.every((difference) => difference.includes('"result":{"_meta"'))).toBe(true);
  });

  it.each(hostileTexts)(
    "MESSAGE-10: %s is judged as the SDKs judge it, and pollutes nothing",
    (text) => {
      const value: unknown = JSON.parse(text);
      expect([ours(value), ours(value)]).toEqual([v1(value), v2(value)]);
      expect(({} as { a?: unknown }).a).toBeUndefined();
    },
  );

  it("MESSAGE-7: that is refused is not repeated in the error", () => {
    for (const value of [{ jsonrpc: "2.0", "secret-member": 1 }, "secret-text", ["secret-item"]]) {
      expect(() => checkMessage(value)).toThrow(
        expect.objectContaining({ code: "message_invalid" }),
      );
      expect(() => checkMessage(value)).not.toThrow(/secret/);
    }
  });
});
