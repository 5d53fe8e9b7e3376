import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { clientV1, clientV2 } from "../kit/feature-clients.js";
import { Stage } from "../kit/feature-servers.js";
import { secret } from "../kit/leak-watch.js";
import { lastingPort } from "../kit/listen.js";
import { send } from "../kit/raw-http.js";
import { initialize, toolCall } from "../kit/raw-sse.js";

cleanUpAfterEach();

const KEYS = [
  { id: "alice", key: "the-key-of-alice-0123" },
  { id: "bob", key: "the-key-of-bob-4567890" },
];

/** A server in a process of its own, which can be killed and started anew at the same port. */
async function startProgram() {
  const port = await lastingPort();
  const sealing = secret(randomBytes(32).toString("hex"));
  const program = join(__dirname, "../kit/restoring-program.ts");
  const args = ["--import", "tsx", program, String(port), sealing, JSON.stringify(KEYS)];
  const start = async () => {
    const child = spawn(process.execPath, args, {
      cwd: join(__dirname, "../.."),
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const exit = once(child, "exit");
    const kill = async () => {
      child.kill("SIGKILL");
      await exit;
    };
    onDispose(kill);
    const failed = exit.then(() => {
      throw new Error("the program has ended before it was ready");
    });
    failed.catch(() => undefined);
    await Promise.race([once(child, "message"), failed]);
    return kill;
  };
  const first = await start();
  return { url: `http://127.0.0.1:${port}`, kill: first, start };
}

const as = (who: number) => ({ "x-api-key": KEYS[who]!.key });

/** With the sockets alone: which Express the program has, is its own business. */
const postMessage = (url: string, message: object, headers: Record<string, string>) =>
  send(url, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(message),
  });

/** They come back as often as it takes. */
const reconnectionOptions = {
  initialReconnectionDelay: 50,
  maxReconnectionDelay: 50,
  reconnectionDelayGrowFactor: 1,
  maxRetries: 10_000,
};

it("RESTORE-1, RESTORE-2: after kill -9 official clients go on: calls, what they are asked, and the stream of a GET", async () => {
  const { url, kill, start } = await startProgram();
  const clients = await Promise.all(
    [clientV1, clientV2].flatMap((kit) =>
      ["/v1", "/v2"].map(async (path) => {
        const stage = new Stage();
        const options = { headers: as(0), stage, streamable: true, reconnectionOptions };
        const client = await kit.connect(`${url}${path}`, options);
        await stage.heard("tools changed");
        return { client, stage };
      }),
    ),
  );
  const begun = await postMessage(`${url}/v1`, initialize, as(0));
  const named = { "mcp-session-id": begun.headers["mcp-session-id"] as string };
  for (const { client } of clients) expect(await client.call("echo", { text: "a" })).toBe("a");
  await kill();
  await start();
  for (const { client, stage } of clients) {
    // By itself its stream has restored the session: nothing was called yet.
    await stage.heard("tools changed", 2);
    expect(await client.call("echo", { text: "b" })).toBe("b");
    expect(await client.call("elicit")).toContain("green");
    expect(await client.call("ask")).toContain("Fine, thanks");
  }
  const call = toolCall(2, "whoami");
  expect((await postMessage(`${url}/v1`, call, { ...as(1), ...named })).status).toBe(404);
  expect((await postMessage(`${url}/v2`, call, { ...as(0), ...named })).status).toBe(404);
  expect((await postMessage(`${url}/v1`, call, { ...as(0), ...named })).status).toBe(200);
});
