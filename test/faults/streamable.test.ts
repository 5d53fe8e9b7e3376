import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { FaultHost } from "../kit/faults/host.js";
import { WAYS_WITH_IDS } from "../kit/faults/killer.js";
import type { RequestCut } from "../kit/faults/killer.js";
import { expectAllOnce, Load, RESUME } from "../kit/faults/load.js";
import { serverV1, serverV2 } from "../kit/faults/servers.js";
import { specClient } from "../kit/faults/spec-client.js";
import { storm, survive } from "../kit/faults/storm.js";
import { toolCall } from "../kit/raw-sse.js";
import type { Json, RawStream } from "../kit/raw-sse.js";
import { streamableV1, streamableV2 } from "../kit/sdk-clients.js";
import { begin, textOf } from "../kit/streamable.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

/** Each call has a stream at once, so that its client can come back to it. */
const AT_ONCE = { ...RESUME, streamable: { sseAfterMs: 0 } };

const clients = [
  { client: streamableV1, server: serverV2 },
  { client: streamableV2, server: serverV1 },
  { client: specClient, server: serverV1 },
];

async function start({ client, server }: (typeof clients)[number]) {
  const host = await FaultHost.startStreamable(server, AT_ONCE);
  const load = await Load.start(host, client);
  load.killer.sparesFirst = client !== specClient;
  return { host, load };
}

describe.each(clients)("$client.name of $server.name", (pair) => {
  it("STREAMABLE-7, STREAMABLE-8, STREAMABLE-10, STREAMABLE-12: gets everything once when its streams are killed, in every way and place", async () => {
    const { host, load } = await start(pair);
    await survive(host, [load], async () => {
      await storm(load, WAYS_WITH_IDS.length * 4, WAYS_WITH_IDS);
      await load.arrived();
    });
    expectAllOnce(load.report());
    expect(host.served.sessions.size).toBe(1);
  });

  it("STREAMABLE-22: comes back for each answer before which its tool has ended the stream, also when that is cut", async () => {
    const { load, host } = await start(pair);
    await survive(host, [load], async () => {
      for (const way of WAYS_WITH_IDS) {
        load.call("leave");
        load.burst();
        await load.arrived();
        load.killer.next = { way, events: 0 };
        load.call("leave");
        await load.arrived();
      }
    });
    expectAllOnce(load.report());
    expect(load.killer.kills).toBe(WAYS_WITH_IDS.length);
  });
});

describe("a client that follows the specification", () => {
  it.each<RequestCut>(["before its bytes", "within its body"])(
    "STREAMABLE-12: sends a message again that was cut off %s, and no tool runs twice",
    async (cut) => {
      const { host, load } = await start({ client: specClient, server: serverV1 });
      let count = 0;
      load.killer.onRequest = ({ method }) =>
        method === "POST" && count++ % 2 === 0 ? cut : undefined;
      await survive(host, [load], async () => {
        for (let times = 0; times < 5; times++) {
          load.burst();
          load.release(await load.hold());
        }
        await load.arrived();
      });
      expectAllOnce(load.report());
      expect(load.killer.kills).toBe(20);
      expect(host.served.sessions.size).toBe(1);
    },
  );

  it.each(WAYS_WITH_IDS)(
    "STREAMABLE-10: is cut off at the first event of what it comes back to, time and again: %s",
    async (way) => {
      const { host, load } = await start({ client: specClient, server: serverV2 });
      const { killer } = load;
      await survive(host, [load], async () => {
        const get = await killer.attached();
        await load.hold();
        await load.ping();
        const post = killer.streams.findLast(({ isOver }) => !isOver)!;
        killer.onEvent = ({ number }, { request }) =>
          request.method === "GET" && number === 1 && killer.kills < 8 ? way : undefined;
        load.burst();
        // Those ways that cut an event do so at the next.
        for (const stream of [get, post]) stream.killAfter(0, way);
        load.notify(1);
        load.release();
        await until(() => killer.kills >= 8);
        load.burst();
        await load.arrived();
      });
      expectAllOnce(load.report());
    },
  );
});

describe("an answer as JSON", () => {
  const converse = async (sseAfterMs?: number) => {
    const host = await FaultHost.startStreamable(serverV1, {
      ...RESUME,
      ...(sseAfterMs !== undefined && { streamable: { sseAfterMs } }),
    });
    const url = `${host.served.origin}${host.path}?client=one`;
    const client = await begin(url, asCaller());
    const idle = () => until(() => host.served.sessions.get(client.sessionId)!.inFlight === 0);
    return { host, client, idle };
  };

  it.each(["before it is given", "in its middle"])(
    "STREAMABLE-5, STREAMABLE-12: that is cut off %s is lost, since its client has no event to come back to; nothing else is",
    async (when) => {
      const { host, client, idle } = await converse();
      const name = "x".repeat(1024 * 1024);
      const cut = new AbortController();
      const response = fetch(client.url, {
        method: "POST",
        headers: {
          ...client.headers,
          "content-type": "application/json",
          accept: "application/json, text/event-stream",
        },
        body: JSON.stringify(toolCall(2, "held", { name })),
        signal: cut.signal,
      });
      response.catch(() => undefined);
      await host.calls.started(name);
      if (when === "in its middle") {
        host.calls.release(name);
        await response;
      }
      cut.abort();
      host.calls.release(name);
      await idle();
      // It ran, once. A GET has what was said after it, and a call of the same id its own answer.
      await host.serverOf("one").notify("after");
      const get = await client.listen();
      expect((await nextMessage(get)).params).toMatchObject({ data: "after" });
      const again = await client.post(toolCall(2, "echo", { name: "again" }));
      expect(textOf(again.json)).toBe("again");
      expect([host.calls.runs(name), get.bytes.includes("xxx")]).toEqual([1, false]);
    },
  );

  it("STREAMABLE-5, STREAMABLE-10: is an event after streamable.sseAfterMs, and is not lost", async () => {
    const { host, client, idle } = await converse(1);
    for (const isAnswered of [false, true]) {
      const name = `answered while it is away: ${isAnswered}`;
      const stream = await client.stream(toolCall(2, "held", { name }));
      const { id } = await stream.nextEvent();
      stream.close();
      await stream.ended;
      if (isAnswered) {
        host.calls.release(name);
        await idle();
      }
      const resumed = await client.listen(id);
      host.calls.release(name);
      expect(textOf(await nextMessage(resumed))).toBe(name);
      await resumed.ended;
      expect(host.calls.runs(name)).toBe(1);
    }
  });
});

/** Passes over the event that only gives an id. */
async function nextMessage(stream: RawStream): Promise<Json> {
  for (;;) {
    const { data } = await stream.nextEvent();
    if (data !== "") return JSON.parse(data);
  }
}
