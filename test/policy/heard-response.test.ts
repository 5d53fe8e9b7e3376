import type { JsonRpcMessage } from "../../src/shared/json-rpc.js";
import { heardResponse } from "../../src/streamable-http/heard-response.js";

const REQUEST: JsonRpcMessage = { jsonrpc: "2.0", id: 7, method: "tools/list" };

/** What is left of an answer for somebody who may have nothing of the list, nor hear of `db://`. */
async function heardOf(chunks: readonly string[], type: string) {
  const faults: string[] = [];
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
      controller.close();
    },
  });
  const response = await heardResponse(new Response(body, { headers: { "content-type": type } }), {
    session: { noteFault: (fault) => void faults.push(fault) },
    message: REQUEST,
    filter: ({ tools }) => {
      if (!Array.isArray(tools)) throw new Error("no tools");
      return { tools: [] };
    },
    hearing: { mayHear: (uri) => Promise.resolve(!uri.startsWith("db://")) },
  });
  return { text: await response.text(), faults };
}

const stream = (...chunks: string[]) => heardOf(chunks, "text/event-stream");
const frame = (message: unknown) => `event: message\ndata: ${JSON.stringify(message)}\n\n`;
const answer = (more: object) => ({ jsonrpc: "2.0", id: 7, ...more });
const SECRET = answer({ result: { tools: [{ name: "secret" }] } });

describe("POLICY-35: what SDK v2's handler writes to a client of 2026-07-28", () => {
  it.each<[string, readonly string[]]>([
    ["in one piece", [frame(SECRET)]],
    ["in pieces of one character", frame(SECRET).match(/[^]/g)!],
    ["with other line ends", [frame(SECRET).replaceAll("\n", "\r\n")]],
    [
      "in two lines of data",
      ['data: {"jsonrpc":"2.0","id":7,\ndata:"result":{"tools":[{"name":"secret"}]}}\n\n'],
    ],
    ["under another id", [frame({ ...SECRET, id: 8 })]],
    ["beside a method", [frame({ ...SECRET, method: "notifications/progress" })]],
  ])("POLICY-35: an answer is filtered %s", async (_how, chunks) => {
    const { text, faults } = await stream(...chunks);
    expect(text).toContain('"tools":[]');
    expect([text.includes("secret"), faults]).toEqual([false, []]);
  });

  it("POLICY-35: an answer is filtered whatever else its type says", async () => {
    const { text } = await heardOf([frame(SECRET)], "text/event-stream; charset=utf-8");
    expect(text).toContain('"tools":[]');
  });

  it.each<[string, string]>([
    ["a batch", frame([SECRET])],
    ["no message", frame({ tools: [{ name: "secret" }] })],
    ["no JSON", "data: secret\n\n"],
    ["no list", frame(answer({ result: { tools: "secret" } }))],
  ])("POLICY-35: %s is not passed on", async (_what, event) => {
    const { text, faults } = await stream(event);
    expect(text).toContain('"code":-32603');
    expect([text.includes("secret"), faults.length]).toEqual([false, 1]);
  });

  it("POLICY-35: all else goes on as it is, and a whole body like an event", async () => {
    const updated = (uri: string) => ({
      jsonrpc: "2.0",
      method: "notifications/resources/updated",
      params: { uri },
    });
    const progress = frame({ jsonrpc: "2.0", method: "notifications/progress", params: {} });
    const { text } = await stream(
      `: keepalive\n\n${progress}`,
      frame(updated("db://secret")) + frame(updated("file:///a")),
    );
    expect(text).toBe(`: keepalive\n\n${progress}${frame(updated("file:///a"))}`);
    const body = await heardOf([JSON.stringify(SECRET)], "application/json");
    expect(JSON.parse(body.text)).toEqual(answer({ result: { tools: [] } }));
    const error = await heardOf(
      [JSON.stringify(answer({ error: { code: 1, message: "no" } }))],
      "application/json",
    );
    expect(JSON.parse(error.text)).toMatchObject({ error: { code: 1 } });
  });
});
