import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { Killer, WAYS } from "../kit/faults/killer.js";
import { Calls, serverV1, serverV2 } from "../kit/faults/servers.js";
import type { FaultServer } from "../kit/faults/servers.js";
import { streamableV1, streamableV2, streamableV2Auto } from "../kit/sdk-clients.js";
import type { ClientKit } from "../kit/sdk-clients.js";
import { Facts } from "../kit/session-facts.js";
import { serveMcp } from "../kit/streamable.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

const servers = [serverV1, serverV2];
const streamable = [streamableV1, streamableV2, streamableV2Auto];

/** A router for all wires, and what its one client hears. */
async function serve(kit: (typeof servers)[number], resume: object = { retryMs: 10 }) {
  const calls = new Calls();
  const made: FaultServer[] = [];
  const served = await serveMcp({
    resume,
    createServer: () => {
      const server = kit.create(calls);
      made.push(server);
      return server;
    },
  });
  const heard: string[] = [];
  const listener = {
    onNotification: (text: string) => void heard.push(text),
    onSampling: (text: string) => `${text}!`,
  };
  const connect = (client: ClientKit, url: string) =>
    client.connect(url, { headers: asCaller(), listener });
  return { ...served, calls, heard, connect, server: () => made.at(-1)! };
}

/** Which wires the sessions have that were begun. */
const wiresOf = ({ router }: Awaited<ReturnType<typeof serve>>) =>
  router.sessions
    .list()
    .filter(({ client }) => client !== undefined)
    .map(({ transport }) => transport);

describe.each(servers)("with $name", (kit) => {
  it.each(streamable)(
    "STREAMABLE-2, STREAMABLE-14: $name talks over Streamable HTTP at either URL",
    async (client) => {
      const served = await serve(kit);
      for (const url of [served.mcpUrl, served.sseUrl]) {
        const mcp = await served.connect(client, url);
        expect(await mcp.call("echo", { name: "hello" })).toBe("hello");
        expect(await served.server().ask("well")).toBe("well!");
        await served.server().notify("heard");
        await until(() => served.heard.length > 0);
        expect([served.heard.splice(0), mcp.errors]).toEqual([["heard"], []]);
      }
      expect(wiresOf(served)).toEqual(["streamable", "streamable"]);
    },
  );

  it.each(streamable)(
    "STREAMABLE-5: $name gets all progress of a call before its answer",
    async (client) => {
      const served = await serve(kit);
      const mcp = await served.connect(client, served.mcpUrl);
      for (let times = 0; times < 20; times++) {
        const seen: number[] = [];
        await mcp.call("steps", { name: `${times}` }, (progress) => seen.push(progress));
        expect(seen).toEqual([1, 2, 3]);
      }
    },
  );

  const cuts = WAYS.flatMap((way) => [1, 2, 3].map((step) => ({ way, step })));

  it.each(cuts)(
    "STREAMABLE-10, STREAMABLE-12: no message of a call is lost: $way after step $step",
    async ({ way, step }) => {
      const served = await serve(kit);
      for (const client of streamable) {
        const killer = await Killer.start(served.url);
        const mcp = await served.connect(client, `${killer.origin}/mcp`);
        const seen: number[] = [];
        const walk = mcp.call("walk", { name: client.name }, (progress) => {
          seen.push(progress);
          // Its client knows of the step by now, and so with which id to come back.
          if (progress === step) {
            const stream = killer.streams.findLast(({ request }) => request.method === "POST")!;
            if (way.startsWith("half event")) stream.killAfter(0, way);
            else void stream.kill(way);
          }
          served.calls.release(`${client.name} ${progress}`);
        });
        expect(await walk).toBe(client.name);
        expect([seen, killer.kills]).toEqual([[1, 2, 3], 1]);
      }
    },
  );

  it.each(WAYS)(
    "STREAMABLE-7, STREAMABLE-10: no message on a GET's stream is lost: %s",
    async (way) => {
      const served = await serve(kit);
      for (const client of streamable) {
        const killer = await Killer.start(served.url);
        await served.connect(client, `${killer.origin}/mcp`);
        await killer.stream(1);
        let count = 0;
        killer.onEvent = () => (count++ % 3 === 1 && killer.kills < 3 ? way : undefined);
        const all = Array.from({ length: 9 }, (_, n) => `note ${n}`);
        for (const text of all) {
          await served.server().notify(text);
          // One at a time, so that each stream dies in the middle of something.
          if (way !== "half open") await until(() => served.heard.includes(text));
        }
        await until(() => served.heard.length >= all.length);
        expect(served.heard.splice(0)).toEqual(all);
      }
    },
  );
});

it("STREAMABLE-10: a tool that takes long is answered after its stream was cut", async () => {
  const served = await serve(serverV1);
  const killer = await Killer.start(served.url);
  const mcp = await served.connect(streamableV1, `${killer.origin}/mcp`);
  const get = await killer.stream(1);
  const call = mcp.call("held", { name: "long" });
  const post = await killer.stream(2);
  await Promise.all([post.kill("reset"), get.kill("reset")]);
  served.calls.release("long");
  expect(await call).toBe("long");
  expect(served.calls.runs("long")).toBe(1);
});

it.each([streamableV1, streamableV2])(
  "STREAMABLE-7: $name listens twice when it forgets which stream a call has, and neither ends the other",
  async (client) => {
    const served = await serve(serverV1, { retryMs: 1 });
    const killer = await Killer.start(served.url);
    const mcp = await served.connect(client, `${killer.origin}/mcp`);
    const first = await killer.stream(1);
    mcp.call("held", { name: "forgotten" }).catch(() => undefined);
    const post = await killer.stream(2);
    await until(() => post.isAttached);
    // It comes back for the call, and is cut before it has an id; then it listens to what belongs to none.
    killer.next = { way: "destroy", events: 0 };
    await post.kill("destroy");
    const second = await killer.stream(4);
    expect(second.request.headers["last-event-id"]).toBeUndefined();
    for (const text of ["one", "two", "three"]) {
      await served.server().notify(text);
      await until(() => served.heard.includes(text));
      await mcp.ping();
    }
    expect([first.isOver, second.isOver, killer.streams.length]).toEqual([false, false, 4]);
    // Both come back when the newest ends, and what was sent meanwhile has arrived.
    void second.kill("destroy");
    await served.server().notify("four");
    await killer.stream(6);
    await until(() => served.heard.includes("four"));
    await mcp.ping();
    expect(killer.streams.slice(4).map(({ isOver }) => isOver)).toEqual([false, false]);
  },
);

it("STREAMABLE-15: official clients end their session", async () => {
  const served = await serve(serverV1);
  const facts = new Facts(served.router.sessions);
  const transport = new StreamableHTTPClientTransport(new URL(served.mcpUrl), {
    requestInit: { headers: asCaller() },
  });
  const client = new Client({ name: "v1", version: "1" });
  await client.connect(transport);
  onDispose(() => client.close());
  const id = transport.sessionId!;
  await transport.terminateSession();
  expect(await facts.reasonOf(id)).toBe("deleted");
});
