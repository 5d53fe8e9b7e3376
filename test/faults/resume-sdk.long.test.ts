import { cleanUpAfterEach } from "../kit/clean-up.js";
import { client112, client120, client125 } from "../kit/old-sdk-clients.js";
import { clientV1, clientV2 } from "../kit/sdk-clients.js";
import { Facts } from "../kit/session-facts.js";
import { signal } from "../kit/waiting.js";
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
    // A stream that was half-open when its client was asked may have a session: one that nobody uses.
    expect(host.served.sessions.counts()).toMatchObject({ sse: 1 });
  });
});

it("RESUME-4, LIMIT-3, LIMIT-4: a stream that is half-open when its client is asked gets a session that counts for nothing and ends, and the client's own goes on", async () => {
  const host = await FaultHost.start(serverV1, {
    ...RESUME,
    // Longer than a client may take to say which session it has.
    sessions: { initTimeoutMs: 5_000, maxSessionsPerPrincipal: 2 },
  });
  const { sessions } = host.served;
  const facts = new Facts(sessions);
  const unused: string[] = [];
  const loads = await Promise.all([
    Load.start(host, clientV1, { tag: "ann" }),
    Load.start(host, clientV2, { tag: "bob" }),
  ]);
  const bothOpened = signal();
  sessions.on("opened", ({ id }) => {
    if (unused.push(id) === loads.length) bothOpened.resolve();
  });
  await survive(host, loads, async () => {
    for (const { killer } of loads) {
      const stream = await killer.attached();
      killer.next = { way: "half open", events: 0 };
      await stream.kill("destroy");
    }
    await bothOpened.promise;
    expect(sessions.counts()).toEqual({ sse: 2, streamable: 0, unused: 2 });
    for (const load of loads) load.burst();
    const reasons = await Promise.all(unused.map((id) => facts.reasonOf(id)));
    expect(reasons).toEqual(["never-initialized", "never-initialized"]);
    for (const load of loads) load.burst();
    await Promise.all(loads.map((load) => load.settle()));
  });
  for (const load of loads) expectNothingLost(load.report());
  expect(sessions.counts()).toMatchObject({ sse: 2, unused: 0 });
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
