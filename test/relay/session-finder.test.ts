import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller, converse } from "../kit/conversation.js";
import { serveCluster } from "../kit/cluster/routers.js";
import type { RouterNode } from "../kit/cluster/routers.js";
import { send } from "../kit/raw-http.js";
import { toolCall } from "../kit/raw-sse.js";
import { begin, postMessage, StreamableConversation } from "../kit/streamable.js";

cleanUpAfterEach();

const elsewhere = (conversation: StreamableConversation, url: string) =>
  new StreamableConversation(url, conversation.sessionId, conversation.headers);

it("CLUSTER-30: a session of Streamable HTTP is used at every node, whoever opened it", async () => {
  const { nodes } = await serveCluster({ count: 3 });
  const [a, b, c] = nodes;
  const alice = await begin(a.mcpUrl);
  for (const node of [b, c!, a, b]) {
    const there = elsewhere(alice, node.mcpUrl);
    expect(await there.call("echo", { text: node.url })).toBe(node.url);
  }
  expect(nodes.map(({ router }) => router.sessions.size)).toEqual([1, 0, 0]);
  expect((await elsewhere(alice, b.mcpUrl).delete()).status).toBe(200);
  expect(a.router.sessions.size).toBe(0);
});

it("CLUSTER-30: messages of HTTP+SSE come in at any node, and are answered on the stream", async () => {
  const { nodes } = await serveCluster({ count: 2 });
  const [a, b] = nodes;
  const alice = await converse(a.sseUrl, asCaller());
  const there = alice.postUrl.replace(a.url, b.url);
  const accepted = await postMessage(there, toolCall(7, "echo", { text: "hello" }), asCaller());
  expect(accepted.status).toBe(202);
  expect((await alice.stream.answerTo(7))["result"].content[0].text).toBe("hello");
});

it("CLUSTER-31: another's session is 404 at every node, with the bytes of one that does not exist", async () => {
  const { nodes } = await serveCluster({ count: 2 });
  const [a, b] = nodes;
  const alice = await begin(a.mcpUrl);
  const none = { ...alice.headers, "mcp-session-id": "0a0a0a0a-0000-4000-8000-000000000000" };
  const bobs = { ...alice.headers, ...asCaller({ sub: "bob" }) };
  const answers = [];
  for (const node of [a, b]) {
    for (const headers of [none, bobs]) {
      answers.push(await postMessage(node.mcpUrl, toolCall(1, "echo", { text: "x" }), headers));
      answers.push(await send(node.mcpUrl, { method: "DELETE", headers }));
    }
  }
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([404]));
  const posts = answers.filter((_answer, at) => at % 2 === 0);
  expect(new Set(posts.map(({ text }) => text)).size).toBe(1);
  // Nobody was asked to work for it.
  expect(a.router.sessions.size).toBe(1);
});

it("CLUSTER-31: whoever asks behind its owner, at a node that has just relayed for that one, is another all the same", async () => {
  const { nodes } = await serveCluster({ count: 2 });
  const [a, b] = nodes;
  const alice = await begin(a.mcpUrl);
  const there = elsewhere(alice, b.mcpUrl);
  const ask = async (url: string, headers: Readonly<Record<string, string>>) =>
    (await postMessage(url, toolCall(1, "echo", { text: "x" }), headers)).status;
  for (let times = 0; times < 2; times++) {
    expect(await there.call("echo", { text: "mine" })).toBe("mine");
    expect(await ask(b.mcpUrl, { ...alice.headers, ...asCaller({ sub: "bob" }) })).toBe(404);
  }
  // What it asked at another URL is none of the kind of the last.
  expect(await ask(`${b.mcpUrl}?tenant=2`, alice.headers)).toBe(404);
});

it("CLUSTER-31: another's session is looked up like one that does not exist, also while nobody can tell", async () => {
  const { nodes } = await serveCluster({ settings: { relayTimeoutMs: 200 } });
  const [a, b] = nodes;
  const alice = await begin(a.mcpUrl);
  // So that the way to it is known.
  await elsewhere(alice, b.mcpUrl).call("echo", { text: "there" });
  const bobs = { ...alice.headers, ...asCaller({ sub: "bob" }) };
  const none = { ...bobs, "mcp-session-id": "0a0a0a0a-0000-4000-8000-000000000000" };
  const ask = async ({ mcpUrl, engine }: RouterNode, headers: Record<string, string>) => {
    const looks = () => engine.asked.filter(([name]) => name === "get").length;
    const before = looks();
    const { status, text } = await postMessage(mcpUrl, toolCall(1, "echo", { text: "x" }), headers);
    return { status, text, looks: looks() - before };
  };
  for (const node of nodes) expect(await ask(node, bobs)).toEqual(await ask(node, none));
  for (const { faults } of nodes) faults.isAway = true;
  for (const node of nodes) {
    const [answer, same] = [await ask(node, bobs), await ask(node, none)];
    expect([answer.status, answer.text]).toEqual([503, same.text]);
  }
});

it("CLUSTER-32: a session of a node that was killed goes on at the node that is asked first", async () => {
  const { nodes } = await serveCluster({ count: 3 });
  const [a, b, c] = nodes;
  const alice = await begin(a.mcpUrl);
  await a.crash();
  const there = elsewhere(alice, b.mcpUrl);
  expect(await there.call("echo", { text: "goes on" })).toBe("goes on");
  expect(await elsewhere(alice, c!.mcpUrl).call("echo", { text: "there" })).toBe("there");
  expect([b, c!].map(({ router }) => router.sessions.size)).toEqual([1, 0]);
  expect(b.router.sessions.get(alice.sessionId)?.isMoved).toBe(true);
  const moves = b.lines.filter((line) => line.includes(`session ${alice.sessionId} moved here: `));
  expect(moves).toHaveLength(1);
});

it("CLUSTER-26: a message that its session's node may have taken is refused as one whose outcome nobody knows", async () => {
  const { nodes } = await serveCluster({ settings: { relayTimeoutMs: 200 } });
  const [a, b] = nodes;
  const alice = await begin(a.mcpUrl);
  a.faults.fateOf = () => "drop";
  const there = elsewhere(alice, b.mcpUrl);
  const answer = await there.post(toolCall(1, "echo", { text: "done?" }));
  expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "1"]);
  expect(JSON.parse(answer.text)).toMatchObject({
    error: { code: -32000, data: { code: "outcome_unknown" } },
  });
});
