import { cleanUpAfterEach } from "../kit/clean-up.js";
import { client112, client120, client125 } from "../kit/old-sdk-clients.js";
import { clientV1, clientV2 } from "../kit/sdk-clients.js";
import { Killer, WAYS } from "../kit/faults/killer.js";
import { FaultHost } from "../kit/faults/host.js";
import { Load, expectNothingLost, RESUME } from "../kit/faults/load.js";
import { storm, survive } from "../kit/faults/storm.js";

import { serverV1, serverV2 } from "../kit/faults/servers.js";

cleanUpAfterEach();

describe.each([
  { client: clientV1, server: serverV1, kills: 100 },
  { client: clientV2, server: serverV2, kills: 100 },
  { client: clientV1, server: serverV2, kills: 24 },
  { client: clientV2, server: serverV1, kills: 24 },
])("$client.name of $server.name", ({ client, server, kills }) => {
  it(`RESUME-4, RESUME-7, RESUME-9, RESUME-12: loses nothing when its stream is killed ${kills} times, in every way`, async () => {
    const host = await FaultHost.start(server, RESUME);
    const load = await Load.start(host, client);
    await survive(host, [load], async () => {
      await storm(load, kills);
      await load.settle();
    });
    const report = load.report();
    expectNothingLost(report);
    expect(load.killer.kills).toBeGreaterThanOrEqual(kills);
    expect(host.served.sessions.size).toBe(1);
  });
});

describe("without resumption", () => {
  it.each([clientV1, clientV2])("the same kills lose messages of $name", async (client) => {
    const host = await FaultHost.start(serverV1, { resume: false });
    const killer = await Killer.start(host.served.origin);
    killer.retryMs = 1;
    const load = await Load.start(host, client, { killer });
    for (const way of WAYS) {
      const stream = await killer.attached();
      const held = await load.hold();
      load.burst();
      const killed = stream.kill(way);
      load.notify(1);
      await killed;
      load.burst();
      load.release(held);
    }
    await killer.attached();
    await load.client.close();
    const { notifications, calls, requests } = load.report();
    expect(notifications.lost).toBeGreaterThan(0);
    expect(calls.lost).toBeGreaterThan(0);
    expect(requests.lost).toBeGreaterThan(0);
  });
});

describe.each([
  {
    client: client112,
    by: "the header X-MCP-Instance",
    how: { headers: { "x-mcp-instance": "one" } },
  },
  { client: client112, by: "the parameter mcp_instance", how: { query: "&mcp_instance=one" } },
  { client: client120, by: "a ping", how: {} },
  { client: client125, by: "a ping", how: {} },
])("$client.name, found by $by,", ({ client, how }) => {
  it("RESUME-3, RESUME-4, RESUME-9: loses nothing when its stream is killed 24 times", async () => {
    const host = await FaultHost.start(serverV1, RESUME);
    const load = await Load.start(host, client, how);
    await survive(host, [load], async () => {
      await storm(load, 24);
      await load.settle();
    });
    expectNothingLost(load.report());
  });
});
