import { cleanUpAfterEach } from "../kit/clean-up.js";
import { clientV1, clientV2 } from "../kit/sdk-clients.js";
import { Killer, WAYS } from "../kit/faults/killer.js";
import type { Way } from "../kit/faults/killer.js";
import { FaultHost } from "../kit/faults/host.js";
import { Load, expectNothingLost, RESUME } from "../kit/faults/load.js";
import { survive } from "../kit/faults/storm.js";

import { serverV1 } from "../kit/faults/servers.js";

cleanUpAfterEach();

const isInitialize = (body: string): boolean => body.includes('"method":"initialize"');
const isInitialized = (body: string): boolean => body.includes("notifications/initialized");

async function start(): Promise<{ host: FaultHost; killer: Killer }> {
  const host = await FaultHost.start(serverV1, RESUME);
  return { host, killer: await Killer.start(host.served.origin) };
}

/** The session is in order, and the only one. */
async function expectOneGoodSession(host: FaultHost, load: Load): Promise<void> {
  await survive(host, [load], async () => {
    load.burst();
    await load.settle();
  });
  expectNothingLost(load.report());
  expect(host.served.sessions.size).toBe(1);
}

/** Kills the next `times` streams in place of the answer to `initialize`. */
function killAnswer(killer: Killer, way: Way, times: number): void {
  let left = times;
  killer.onEvent = ({ data }) => (data.includes('"serverInfo"') && left-- > 0 ? way : undefined);
}

describe.each([clientV1, clientV2])("$name, cut off while it initialises,", (client) => {
  it.each(WAYS.filter((way) => way !== "half open"))(
    "RESUME-9: gets the answer on its next stream, also when that is cut: %s",
    async (way) => {
      const { host, killer } = await start();
      killAnswer(killer, way, 3);
      const load = await Load.start(host, client, { killer });
      expect(killer.kills).toBe(3);
      await expectOneGoodSession(host, load);
    },
  );

  it("RESUME-3: is found by its instance even if its old stream seems to be alive", async () => {
    const { host, killer } = await start();
    killAnswer(killer, "half open", 3);
    const load = await Load.start(host, client, { killer, headers: { "x-mcp-instance": "one" } });
    await expectOneGoodSession(host, load);
  });

  it("RESUME-3: is found by its instance next to another one to which the same happens", async () => {
    const { host } = await start();
    const loads = await Promise.all(
      ["ann", "bob"].map(async (tag) => {
        const killer = await Killer.start(host.served.origin);
        killAnswer(killer, "destroy", 3);
        return await Load.start(host, client, { tag, killer, headers: { "x-mcp-instance": tag } });
      }),
    );
    await survive(host, loads, async () => {
      for (const load of loads) load.burst();
      await Promise.all(loads.map((load) => load.settle()));
    });
    for (const load of loads) expectNothingLost(load.report());
    expect(host.served.sessions.size).toBe(2);
  });

  it("RESUME-4: is found although it comes back before it has said that it is initialised", async () => {
    const { host, killer } = await start();
    const cameBack = killer.stream(2);
    killer.beforeRequest = async ({ body }) => {
      if (!isInitialized(body)) return;
      void killer.streams[0]!.kill("destroy");
      await cameBack;
    };
    await expectOneGoodSession(host, await Load.start(host, client, { killer }));
  });

  it("RESUME-8: is told at once if it had not begun", async () => {
    const { host, killer } = await start();
    killer.beforeRequest = async ({ body }) => {
      if (!isInitialize(body)) return;
      const closed = new Promise((resolve) => host.served.sessions.on("closed", resolve));
      await killer.streams[0]!.kill("destroy");
      await closed;
    };
    await expect(Load.start(host, client, { killer })).rejects.toThrow(/404/);
  });
});
