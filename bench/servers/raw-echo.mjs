/** Just enough of MCP over SSE for the load generator: what is left when everything else is taken away. */
import { randomUUID } from "node:crypto";
import { nowUs } from "./echo-tool.mjs";

const streams = new Map();

export function openStream(res) {
  const id = randomUUID();
  streams.set(id, res);
  res.on("close", () => streams.delete(id));
  res.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
  res.write(`event: endpoint\ndata: /messages?sessionId=${id}\n\n`);
}

/** Reads the body by hand. */
export function readAndAnswer(req, res) {
  const chunks = [];
  req.on("data", (chunk) => chunks.push(chunk));
  req.on("end", () => answer(req.url, JSON.parse(chunks.join("")), res));
}

/** @param url that the message was posted to. */
export function answer(url, message, res) {
  const stream = streams.get(url.slice(url.indexOf("=") + 1));
  if (stream === undefined) {
    res.writeHead(404).end();
    return;
  }
  res.writeHead(202).end("Accepted");
  if (message.id === undefined) return;
  const { jsonrpc, id, method, params } = message;
  const result = method === "initialize" ? initialized(params) : echo(params.arguments);
  stream.write(`event: message\ndata: ${JSON.stringify({ jsonrpc, id, result })}\n\n`);
}

function initialized({ protocolVersion }) {
  const serverInfo = { name: "raw", version: "1.0.0" };
  return { protocolVersion, capabilities: { tools: {} }, serverInfo };
}

function echo({ text, times = 1 }) {
  return { content: [{ type: "text", text: text.repeat(times) }] };
}

export async function notifyAll(notification) {
  const startedAt = nowUs();
  const frame = `event: message\ndata: ${JSON.stringify({ jsonrpc: "2.0", ...notification })}\n\n`;
  for (const stream of streams.values()) stream.write(frame);
  return startedAt;
}
