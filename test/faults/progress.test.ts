import { asCaller } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { initialize, initialized, openSession, openStream, post } from "../kit/raw-sse.js";
import type { RawStream } from "../kit/raw-sse.js";
import { ProgressOrdering } from "../../src/sse/progress-order.js";
import { FaultHost } from "../kit/faults/host.js";
import { serverV1 } from "../kit/faults/servers.js";

cleanUpAfterEach();

const headers = asCaller();
const call = {
  jsonrpc: "2.0",
  id: 7,
  method: "tools/call",
  params: { name: "steps", arguments: { name: "call" }, _meta: { progressToken: "p" } },
};
const text = { type: "text", text: "an answer" };
const progress = Array.from({ length: 3 }, () => "notifications/progress");

/** A client that has been initialised, and reads and writes by hand. */
async function start() {
  const host = await FaultHost.start(serverV1);
  const { served } = host;
  const { stream, postUrl } = await openSession(served.sseUrl, headers);
  const say = (message: object) => post(postUrl, message, headers);
  await say(initialize);
  const { id } = await stream.nextEvent();
  await say(initialized);
  /** Comes back as a client that has nothing of what followed the answer to `initialize`. */
  const comeBack = async (): Promise<RawStream> => {
    const returned = await openStream(served.sseUrl, { ...headers, "last-event-id": id! });
    await returned.nextEvent();
    return returned;
  };
  return { host, stream, say, comeBack };
}

/** Reads to the next ping, and says what came before it. */
async function readToPing(stream: RawStream): Promise<{ before: unknown[]; ping: string }> {
  const before: unknown[] = [];
  for (;;) {
    const { method, id } = await stream.nextMessageOrPing();
    if (method === "ping") return { before, ping: id as string };
    before.push(method ?? id);
  }
}

it("RESUME-12: an answer waits until the client has seen the progress of its call", async () => {
  const { stream, say } = await start();
  await say(call);
  const { before, ping } = await readToPing(stream);
  expect(before).toEqual(progress);
  await say({ jsonrpc: "2.0", id: ping, result: {} });
  expect(await stream.nextMessage()).toMatchObject({ id: 7 });
});

it("RESUME-12: a client that does not answer pings gets its answer all the same", async () => {
  const { stream, say } = await start();
  await say(call);
  await readToPing(stream);
  expect(await stream.nextMessage()).toMatchObject({ id: 7 });
});

it.each([
  ["cannot tell yet", undefined, 10],
  ["has never told", { seq: 0, hasAnswered: false }, 250],
  ["has told before, and is busy", { seq: 0, hasAnswered: true }, 2_000],
  ["has told", { seq: 1, hasAnswered: true }, 0],
])("RESUME-12: how long it waits for a client that %s", (_what, acknowledged, ms) => {
  const gap = new ProgressOrdering();
  gap.noteReceived({ ...call, jsonrpc: "2.0" });
  const params = { progressToken: "p", progress: 1 };
  const method = "notifications/progress";
  gap.noteWritten({ metadata: gap.metadataOf({ jsonrpc: "2.0", method, params }), seq: 1 }, 5_000);
  const answer = gap.metadataOf({ jsonrpc: "2.0", id: 7, result: {} });
  const other = gap.metadataOf({ jsonrpc: "2.0", id: 8, result: {} });
  expect(gap.delayOf(answer, 5_000, acknowledged)).toBe(ms);
  expect(gap.delayOf(answer, 5_000 + ms, acknowledged)).toBe(0);
  expect(gap.delayOf(other, 5_000, acknowledged)).toBe(0);
});

it("RESUME-12: progress that names no call holds back nothing", () => {
  const gap = new ProgressOrdering();
  // What a tool sends that reports progress although its caller did not ask for it.
  const report = { method: "notifications/progress", params: { progress: 1 } };
  gap.noteWritten({ metadata: gap.metadataOf({ ...report, jsonrpc: "2.0" }), seq: 1 }, 5_000);
  expect(gap.isIdle).toBe(true);
  const acknowledged = { seq: 0, hasAnswered: true };
  for (const message of [report, { id: 7, method: "roots/list" }, { id: 7, result: {} }]) {
    const metadata = gap.metadataOf({ ...message, jsonrpc: "2.0" });
    expect(gap.delayOf(metadata, 5_000, acknowledged)).toBe(0);
  }
});

it("RESUME-12: the same holds when both are sent again, how often it may be", async () => {
  const { stream, say, comeBack } = await start();
  await say(call);
  await readToPing(stream);
  await stream.nextMessage();
  for (let times = 0; times < 2; times++) {
    const returned = await comeBack();
    const { before } = await readToPing(returned);
    expect(before).toEqual(progress);
    expect(await returned.nextMessage()).toMatchObject({ id: 7 });
  }
});

it("RESUME-9: a request that is answered while it waits behind such an answer is not sent again", async () => {
  const { host, stream, say, comeBack } = await start();
  await say(call);
  await readToPing(stream);
  await stream.nextMessage();
  void host.serverOf("").ask("question");
  const { id } = await stream.nextMessage();
  const returned = await comeBack();
  await readToPing(returned);
  await say({ jsonrpc: "2.0", id, result: { model: "m", role: "assistant", content: text } });
  // It has everything that came before the request, too.
  void host.serverOf("").notify("the end");
  expect(await returned.nextMessage()).toMatchObject({ method: "notifications/message" });
});
