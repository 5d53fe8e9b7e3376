import { asCaller } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { FaultHost } from "../kit/faults/host.js";
import { WAYS_WITH_IDS } from "../kit/faults/killer.js";
import { expectAllOnce, Load, RESUME } from "../kit/faults/load.js";
import { serverV1, serverV2 } from "../kit/faults/servers.js";
import { specClient } from "../kit/faults/spec-client.js";
import { dropTogether, storm, survive } from "../kit/faults/storm.js";
import { streamableV1, streamableV2 } from "../kit/sdk-clients.js";

cleanUpAfterEach();

/** Each call has a stream at once, so that its client can come back to it. */
const AT_ONCE = { ...RESUME, streamable: { sseAfterMs: 0 } };

it.each([
  { client: streamableV1, server: serverV1, kills: 56 },
  { client: streamableV2, server: serverV2, kills: 56 },
  { client: specClient, server: serverV1, kills: 100 },
  { client: specClient, server: serverV2, kills: 28 },
])(
  "STREAMABLE-7, STREAMABLE-8, STREAMABLE-10, STREAMABLE-12: $client.name of $server.name gets everything once when its streams are killed $kills times, in every way and place",
  async ({ client, server, kills }) => {
    const host = await FaultHost.startStreamable(server, AT_ONCE);
    const load = await Load.start(host, client);
    load.killer.sparesFirst = client !== specClient;
    await survive(host, [load], async () => {
      await storm(load, kills, WAYS_WITH_IDS);
      await load.arrived();
    });
    expectAllOnce(load.report());
    expect(load.client.errors.filter(({ message }) => message.startsWith("event "))).toEqual([]);
    expect(host.served.sessions.size).toBe(1);
  },
);

it.each([serverV1, serverV2])(
  "STREAMABLE-3, STREAMABLE-10: clients that drop together never get each other's messages, with $name",
  async (server) => {
    const host = await FaultHost.startStreamable(server, AT_ONCE);
    const mallory = { tag: "mallory", headers: asCaller({ sub: "mallory" }) };
    const loads = [
      await Load.start(host, streamableV1, { tag: "ann" }),
      await Load.start(host, streamableV2, { tag: "bob" }),
      await Load.start(host, specClient, { tag: "cid" }),
      await Load.start(host, specClient, mallory),
    ];
    for (const { killer } of loads) killer.sparesFirst = true;
    await survive(host, loads, async () => {
      await dropTogether(loads, 7);
      await Promise.all(loads.map((load) => load.arrived()));
    });
    for (const load of loads) expectAllOnce(load.report());
    expect(host.served.sessions.size).toBe(loads.length);
  },
);
