import type { Socket } from "node:net";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { RawConnection } from "../kit/raw-http.js";
import { begin, serveMcp } from "../kit/streamable.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

/** The bytes of a request. */
function bytesOf(method: string, path: string, headers: Record<string, string>, body = ""): string {
  const all = { host: "127.0.0.1", "content-length": String(body.length), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
}

it("STREAM-7: many streams on one connection are no leak, and Node does not warn of one", async () => {
  let socket: Socket | undefined;
  const { port, mcpUrl, router } = await serveMcp({
    configure: (app) =>
      app.use((req, _res, next) => {
        socket = req.socket;
        next();
      }),
    advanced: { maxUninitialized: 0 },
  });
  const client = await begin(mcpUrl);
  const connection = await RawConnection.open(port);
  const streams = Array.from({ length: 15 }, () => bytesOf("GET", "/mcp/sse", asCaller()));
  const listening = bytesOf("GET", "/mcp", { ...client.headers, accept: "text/event-stream" });
  connection.write([...streams, ...streams.map(() => listening)].join(""));
  await until(() => router.sessions.size === 16);
  // Node warns from the eleventh on.
  expect(socket!.listenerCount("close")).toBeLessThanOrEqual(10);
  connection.destroy();
  await until(() =>
    router.sessions.list().every(({ state, id }) => state !== "open" || id === client.sessionId),
  );
});
