import type { AuthConfig } from "../../src/index.js";
import { memoryCluster } from "../../src/cluster/memory.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { SECRET } from "../kit/cluster/buses.js";
import { serveCluster } from "../kit/cluster/routers.js";
import { at, serveRelayingNodes } from "../kit/cluster/relaying-nodes.js";
import type { RelayingNode } from "../kit/cluster/relaying-nodes.js";
import { asCaller, converse } from "../kit/conversation.js";
import { JWT_AUTH } from "../kit/serve.js";
import { post, toolCall } from "../kit/raw-sse.js";
import { begin, StreamableConversation, textOf } from "../kit/streamable.js";

cleanUpAfterEach();

const KEY = "a-key-0123456789";

/** Keeps all that the nodes give to their engine. */
function watch(...nodes: readonly RelayingNode[]): string[] {
  const messages: string[] = [];
  for (const { faults } of nodes) {
    faults.fateOf = (message) => {
      messages.push(message);
      return "pass";
    };
  }
  return messages;
}

/** The same text as it is written in URLs, in JSON, and in base64. */
function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    encodeURIComponent(secret),
    bytes.toString("base64"),
    bytes.toString("base64url"),
  ];
}

const TOKEN = asCaller();
const bearerOf = ({ authorization }: { authorization: string }) =>
  authorization.slice("Bearer ".length);

const WAYS: readonly (readonly [string, AuthConfig, Record<string, string>, string, string])[] = [
  ["a bearer token", JWT_AUTH, TOKEN, "", bearerOf(TOKEN)],
  [
    "a key in a header",
    { type: "apikey", options: { keys: [KEY] } },
    { "x-api-key": KEY },
    "",
    KEY,
  ],
  [
    "a key in a header whose name is one that travels",
    { type: "apikey", options: { keys: [KEY], headerName: "mcp-key" } },
    { "mcp-key": KEY },
    "",
    KEY,
  ],
  [
    "a key in the query",
    { type: "apikey", options: { keys: [KEY], queryParam: "key" } },
    {},
    `key=${KEY}`,
    KEY,
  ],
];

describe("credentials", () => {
  it.each(WAYS)(
    "CLUSTER-20: %s never leaves the node that got it",
    async (_what, auth, headers, query, secret) => {
      const [home, edge] = await serveRelayingNodes({ auth });
      const messages = watch(home, edge);
      const everywhere = {
        ...headers,
        cookie: `sid=${secret}`,
        "proxy-authorization": `Basic ${secret}`,
        "x-forwarded-access-token": secret,
        "mcp-param-copy": secret,
        "user-agent": `client ${secret}`,
        baggage: `k=${encodeURIComponent(secret)}`,
      };
      const alice = await converse(`${home.sseUrl}${query && `?${query}`}`, everywhere);
      const url = at(edge, alice.postUrl);
      expect((await post(url, toolCall(7, "request"), alice.headers)).status).toBe(202);
      const seen = textOf(await alice.stream.answerTo(7));
      const other = await begin(`${home.mcpUrl}${query && `?${query}`}`, everywhere);
      const there = new StreamableConversation(at(edge, other.url), other.sessionId, other.headers);
      expect(textOf((await there.post(toolCall(8, "request"))).json)).not.toContain(secret);
      const stream = await there.listen();
      await stream.nextEvent();
      expect((await there.delete()).status).toBe(200);
      expect(edge.outcomes).toEqual(Array.from({ length: 4 }, () => ({ kind: "answered" })));
      expect(messages.join("").length).toBeGreaterThan(1_000);
      for (const form of formsOf(secret)) {
        expect(seen).not.toContain(form);
        expect(messages.join("\n")).not.toContain(form);
      }
    },
  );

  it("CLUSTER-20: a token travels where the operator wants servers to see it, and no header with it", async () => {
    const cluster = { ...memoryCluster(), carryToken: true };
    const [home, edge] = await serveRelayingNodes({ cluster });
    const alice = await begin(home.mcpUrl, TOKEN);
    const there = new StreamableConversation(edge.mcpUrl, alice.sessionId, alice.headers);
    const messages = watch(edge);
    const { json } = await there.post(toolCall(8, "request"));
    const seen = JSON.parse(textOf(json)) as { headers: Record<string, unknown> };
    expect(Object.keys(seen.headers)).not.toContain("authorization");
    const [told] = messages.filter((message) => message.includes(bearerOf(TOKEN)));
    expect(told?.split(bearerOf(TOKEN))).toHaveLength(2);
  });

  it("CLUSTER-20: a server sees no token that it would not see at every node", async () => {
    for (const [carryToken, expected] of [
      [false, [undefined, undefined]],
      [true, ["present", undefined]],
    ] as const) {
      const { nodes } = await serveCluster({ settings: { carryToken, secret: SECRET } });
      const here = await begin(nodes[0].mcpUrl, TOKEN);
      const there = new StreamableConversation(nodes[1].mcpUrl, here.sessionId, here.headers);
      const seen = [here, there].map(async (one) => JSON.parse(await one.call("request")) as Seen);
      const headers = (await Promise.all(seen)).map((one) => one.headers["authorization"]);
      expect(headers).toEqual(expected);
    }
  });

  it("CLUSTER-20: whoever reads a sealed engine finds neither words nor names", async () => {
    const cluster = memoryCluster({ secret: SECRET });
    const [home, edge] = await serveRelayingNodes({ cluster });
    const messages = watch(home, edge);
    const alice = await begin(home.mcpUrl);
    const there = new StreamableConversation(edge.mcpUrl, alice.sessionId, alice.headers);
    expect(await there.call("echo", { text: "an argument" })).toBe("an argument");
    expect(messages.length).toBeGreaterThan(1);
    for (const word of ["an argument", "echo", "tools/call", "alice", alice.sessionId, "/mcp"]) {
      expect(messages.join("\n")).not.toContain(word);
    }
  });
});

describe("what a tool is told of a relayed message", () => {
  it("CLUSTER-20, CLUSTER-21: is what it would be told at home, but for headers that stayed", async () => {
    const [home, edge] = await serveRelayingNodes({
      sessions: { boundHeaders: ["x-tenant"] },
    });
    const headers = {
      ...asCaller(),
      "x-tenant": "acme",
      "x-other": "stays",
      traceparent: "00-1-2-01",
    };
    const here = await begin(home.mcpUrl, headers);
    const there = new StreamableConversation(edge.mcpUrl, here.sessionId, here.headers);
    const local = JSON.parse(await here.call("request")) as Seen;
    const relayed = JSON.parse(await there.call("request")) as Seen;
    expect(relayed.url).toBe(local.url.replace(home.url, edge.url));
    expect(relayed.authInfo).toEqual(local.authInfo);
    expect(relayed.headers).toMatchObject({ "x-tenant": "acme", traceparent: "00-1-2-01" });
    expect(relayed.headers["x-other"]).toBeUndefined();
    const wrong = new StreamableConversation(edge.mcpUrl, here.sessionId, {
      ...here.headers,
      "x-tenant": "other",
    });
    expect((await wrong.post(toolCall(9, "request"))).status).toBe(404);
  });
});

interface Seen {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly authInfo: unknown;
}
