import type { AuthConfig } from "../../../src/index.js";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { jumpingClock } from "../../kit/clock.js";
import { asCaller } from "../../kit/conversation.js";
import { FaultHost } from "../../kit/faults/host.js";
import { Killer } from "../../kit/faults/killer.js";
import { serverV1 } from "../../kit/faults/servers.js";
import { recordingLogger } from "../../kit/leak-watch.js";
import { lastingPort } from "../../kit/listen.js";
import { NpmClient } from "../../kit/npm-clients.js";
import { JWT_AUTH, startMcpServer } from "../../kit/serve.js";
import { detached } from "../../kit/session-facts.js";
import { now } from "../../kit/tokens.js";
import { registerTools } from "../../kit/tools.js";
import { isSettled, until } from "../../kit/waiting.js";
import { WHEN_CUT, WHEN_LATER } from "./outcomes.js";
import type { ClientName } from "./outcomes.js";

cleanUpAfterEach();

const KEY = "a-key-for-the-url-0123456789";

/** Tokens, and for clients that send no headers with the GET a key in the URL. */
const AUTH = [
  JWT_AUTH,
  { type: "apikey", options: { keys: [KEY], queryParam: "api_key" } },
] as unknown as AuthConfig;

const SENDS_NO_HEADERS: readonly ClientName[] = ["sdk-1.6", "sdk-1.9"];

/** Those that CI runs, by themselves. */
function each<Row extends { readonly source: object }>(rows: readonly Row[]) {
  return rows.flatMap((row) =>
    "runs" in row.source ? (row.source.runs as ClientName[]).map((name) => ({ name, row })) : [],
  );
}

interface Connected {
  readonly host: FaultHost;
  readonly killer: Killer;
  readonly client: NpmClient;
}

async function connect(name: ClientName, headers: Record<string, string>): Promise<Connected> {
  const host = await FaultHost.start(serverV1, { auth: AUTH, resume: { retryMs: 20 } });
  const killer = await Killer.start(host.served.origin);
  const url = `${killer.origin}/sse`;
  const client = SENDS_NO_HEADERS.includes(name)
    ? await NpmClient.connect(name, `${url}?api_key=${KEY}`, {})
    : await NpmClient.connect(name, url, headers);
  return { host, killer, client };
}

/** Has a call in flight. */
async function hold({
  host,
  client,
}: Connected): Promise<{ outcome: ReturnType<NpmClient["call"]>; sessionId: string }> {
  const outcome = client.call("held", { name: "held" });
  await host.calls.started("held");
  const session = host.served.sessions.list().find(({ inFlight }) => inFlight === 1);
  return { outcome, sessionId: session!.id };
}

describe("a client whose stream is cut while a call is running", () => {
  it.each(each(WHEN_CUT))(
    "RESUME-4: $name: the session $row.session, the call $row.running, the next $row.next",
    async ({ name, row }) => {
      jumpingClock();
      const instance = row.session.endsWith("`X-MCP-Instance`") && { "x-mcp-instance": "host-1" };
      const connected = await connect(name, { ...asCaller(), ...instance });
      const { host, killer, client } = connected;
      const { outcome, sessionId } = await hold(connected);
      const streams = killer.streams.length;
      await (await killer.attached()).kill("destroy");
      const comesBack = !row.session.endsWith("never comes back");
      if (comesBack) await killer.attached();
      else {
        await detached(host.served.sessions, sessionId);
        // From then on a client counts as one that does not come back (RESUME-7).
        jest.advanceTimersByTime(6_000);
      }
      host.calls.release("held");
      if (row.running.startsWith("fails")) {
        expect(await outcome).toEqual({
          id: 1,
          error: expect.stringContaining(row.running.includes("-32001") ? "-32001" : ""),
        });
      } else if (row.running === "is answered") {
        expect((await outcome).text).toBe("held");
      }
      if (!row.next.startsWith("each call")) {
        const next = await client.call("echo", { name: "next" });
        expect(next).toEqual(
          row.next === "works" ? { id: 2, text: "next" } : { id: 2, error: expect.any(String) },
        );
      }
      expect(killer.streams.length > streams).toBe(comesBack);
      if (row.running === "is never answered") expect(await isSettled(outcome)).toBe(false);
      const session = host.served.sessions.get(sessionId);
      if (row.session.startsWith("goes on") && row.next === "works")
        expect(session?.state).toBe("open");
      if (row.session.startsWith("is lost")) expect(session?.state).not.toBe("open");
    },
  );
});

describe("a client whose token expires", () => {
  it.each(each(WHEN_LATER))("RESUME-13: $name: $row.expired", async ({ name, row }) => {
    jumpingClock();
    const connected = await connect(name, asCaller({ exp: now() + 60 }));
    const { host, killer, client } = connected;
    expect(await client.call("echo", { name: "before" })).toMatchObject({ text: "before" });
    const stream = await killer.attached();
    // Whatever a verifier tolerates of clocks that differ.
    jest.advanceTimersByTime(120_000);
    await stream.over;
    const { text, error } = await client.call("echo", { name: "after" });
    expect(text).toBeUndefined();
    expect(error).toMatch(row.expiredError!);
    expect(host.calls.runs("after")).toBe(0);
  });
});

describe("a client whose server restarts", () => {
  it.each(each(WHEN_LATER))("STOP-5: $name: $row.restarted", async ({ name, row }) => {
    const port = await lastingPort();
    const options = { auth: JWT_AUTH, port, resume: { retryMs: 20 }, logger: recordingLogger() };
    const start = () =>
      startMcpServer({ setup: registerTools, transport: { type: "sse", options } });
    const old = await start();
    const client = await NpmClient.connect(name, old.url!, asCaller());
    expect(await client.call("echo", { text: "before" })).toMatchObject({ text: "before" });
    await old.stop({ timeoutMs: 0 });
    const server = await start();
    if (row.restartedError === undefined) await until(() => server.sessions!.size > 0);
    const { text, error } = await client.call("echo", { text: "after" });
    if (row.restartedError === undefined) expect({ text, error }).toEqual({ text: "after" });
    else expect(error).toMatch(row.restartedError);
  });
});
