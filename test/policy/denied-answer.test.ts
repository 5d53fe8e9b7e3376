import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { McpServer as McpServerV1 } from "@modelcontextprotocol/sdk/server/mcp.js";
import {
  CallToolResultSchema,
  JSONRPCMessageSchema,
  LATEST_PROTOCOL_VERSION,
} from "@modelcontextprotocol/sdk/types.js";
import { McpServer as McpServerV2 } from "@modelcontextprotocol/server";
import { McpSseError } from "../../src/index.js";
import type { McpServerLike } from "../../src/index.js";
import {
  DENIED_RPC_CODE,
  deniedAnswer,
  deniedError,
  deniedRefusal,
} from "../../src/policy/denied-answer.js";
import type { Denial, Denied, PolicyKind } from "../../src/policy/policy.js";
import type { JsonRpcRequest } from "../../src/shared/json-rpc.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { requestOf, toolCall } from "../kit/policies.js";

cleanUpAfterEach();

const DENIALS: readonly Denial[] = [
  { code: "insufficient_scope", needed: ["read", "admin", "root"], missing: ["admin", "root"] },
  { code: "forbidden" },
  { code: "forbidden", reason: "not on Sundays." },
  { code: "rate_limited", retryAfterMs: 12_345 },
  { code: "policy_unavailable", cause: new Error("the database at 10.0.0.1 is down") },
];

const denied = (kind: PolicyKind, name: string, denial: Denial): Denied => ({ kind, name, denial });
const openly = { conceals: false, sdk: "v1", isModern: false } as const;

describe("a denial in-band", () => {
  it.each(DENIALS)(
    "POLICY-14: $code is the result of a call, for models and for programs",
    (denial) => {
      const request = toolCall("x");
      const answer = deniedAnswer(request, denied("tool", "x", denial), openly);
      expect(JSONRPCMessageSchema.parse(answer)).toEqual(answer);
      const { result } = answer as { result: Record<string, unknown> };
      expect(CallToolResultSchema.parse(result)).toEqual(result);
      const meta = (result["_meta"] as Record<string, { error: string }>)["express-mcp-sse/denied"];
      expect(meta?.error).toBe(denial.code);
      expect(result["resultType"]).toBeUndefined();
      expect(JSON.stringify(answer)).not.toContain("10.0.0.1");
      const modern = deniedAnswer(request, denied("tool", "x", denial), {
        ...openly,
        isModern: true,
      });
      expect(modern).toEqual({ ...answer, result: { ...result, resultType: "complete" } });
    },
  );

  it("POLICY-14: it names every scope that is missing, and what to do", () => {
    const texts = DENIALS.map((denial) => deniedError(denied("tool", "x", denial)).message);
    expect(texts).toEqual([
      "Not permitted: this tool needs the scopes admin, root, which the credential does not have.",
      "Not permitted: the caller may not use this tool.",
      "Not permitted: not on Sundays.",
      "Asked for too often: try again in 13 seconds.",
      "Whether this is permitted cannot be found out at the moment: try again later.",
    ]);
  });

  it.each([
    ["resources/read", "resource"],
    ["prompts/get", "prompt"],
    ["completion/complete", "prompt"],
    ["tasks/list", "method"],
  ] as const)(
    "POLICY-14: of %s it is an error that no client takes for another",
    (method, kind) => {
      const [denial] = DENIALS;
      const answer = deniedAnswer(requestOf(method), denied(kind, "x", denial!), openly);
      expect(answer).toMatchObject({
        error: {
          code: DENIED_RPC_CODE,
          data: {
            code: "insufficient_scope",
            scope: "read admin root",
            missing: ["admin", "root"],
          },
        },
      });
      expect(JSONRPCMessageSchema.parse(answer)).toEqual(answer);
    },
  );

  it("POLICY-14: a call that asks for a task gets an error: a result would be none for it", () => {
    const request = requestOf("tools/call", { name: "x", task: { ttl: 1 } });
    const answer = deniedAnswer(request, denied("tool", "x", { code: "forbidden" }), openly);
    expect(answer).toMatchObject({ error: { code: DENIED_RPC_CODE } });
  });
});

describe("a denial by HTTP", () => {
  it("POLICY-16: missing scopes are challenged with all that is needed, all else is told by its status", () => {
    const refusals = DENIALS.map((denial) => deniedRefusal(denied("tool", "x", denial)));
    expect(refusals[0]).toEqual(["read", "admin", "root"]);
    const told = refusals.slice(1).map((refusal) => {
      if (!(refusal instanceof McpSseError)) throw new Error("no error");
      return [refusal.status, refusal.code, refusal.headers];
    });
    expect(told).toEqual([
      [403, "forbidden", {}],
      [403, "forbidden", {}],
      [429, "rate_limited", { "Retry-After": "13" }],
      [503, "policy_unavailable", { "Retry-After": "5" }],
    ]);
  });
});

const INFO = { name: "real", version: "1" };

/** Servers that have something of each kind, or they would not know the method. */
const REAL = {
  v1: (): McpServerLike => {
    const server = new McpServerV1(INFO);
    server.registerTool("there", {}, () => ({ content: [] }));
    server.registerPrompt("there", {}, () => ({ messages: [] }));
    server.registerResource("there", "x://there", {}, () => ({ contents: [] }));
    return server;
  },
  v2: (): McpServerLike => {
    const server = new McpServerV2(INFO);
    server.registerTool("there", {}, () => ({ content: [] }));
    server.registerPrompt("there", {}, () => ({ messages: [] }));
    server.registerResource("there", "x://there", {}, () => ({ contents: [] }));
    return server;
  },
};

/** What a real server answers. */
async function realAnswer(sdk: "v1" | "v2", request: JsonRpcRequest): Promise<string> {
  const [near, far] = InMemoryTransport.createLinkedPair();
  const server = REAL[sdk]();
  const answered = new Promise<unknown>((resolve) => {
    near.onmessage = (message) => {
      if ("id" in message && message.id === request.id) resolve(message);
    };
  });
  await server.connect(far as never);
  onDispose(async () => near.close());
  await near.start();
  await near.send({
    ...{ jsonrpc: "2.0", id: 0, method: "initialize" },
    params: { protocolVersion: LATEST_PROTOCOL_VERSION, capabilities: {}, clientInfo: INFO },
  });
  await near.send({ jsonrpc: "2.0", method: "notifications/initialized" });
  await near.send(request);
  return JSON.stringify(await answered);
}

const UNKNOWN: readonly (readonly [kind: PolicyKind, name: string, request: JsonRpcRequest])[] = [
  ["tool", 'nöt "there"', toolCall('nöt "there"', { a: 1 })],
  ["tool", "", toolCall("")],
  ["prompt", "no", requestOf("prompts/get", { name: "no" })],
  ["resource", "x://no", requestOf("resources/read", { uri: "x://no" })],
  ["resource", "HTTP://NO/%61 b", requestOf("resources/read", { uri: "HTTP://NO/%61 b" })],
  ["resource", "no uri", requestOf("resources/read", { uri: "no uri" })],
  ["method", "made/up", requestOf("made/up", { a: 1 })],
];

describe.each(["v1", "v2"] as const)(
  "what is concealed from a client of a server of SDK %s",
  (sdk) => {
    it.each(UNKNOWN)(
      "POLICY-15: is answered byte for byte like what is not there: %s %j",
      async (kind, name, request) => {
        const real = await realAnswer(sdk, request);
        for (const denial of DENIALS.slice(0, 3)) {
          const form = { conceals: true, sdk, isModern: false };
          expect(JSON.stringify(deniedAnswer(request, denied(kind, name, denial), form))).toBe(
            real,
          );
        }
      },
    );
  },
);

it("POLICY-15: what would be listed is no secret: too often and not now are told", () => {
  const form = { ...openly, conceals: true };
  for (const denial of DENIALS.slice(3)) {
    const answer = deniedAnswer(toolCall("x"), denied("tool", "x", denial), form);
    expect(JSON.stringify(answer)).toContain(denial.code);
  }
});
