import { asCaller } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { client112, client120, client125 } from "../kit/old-sdk-clients.js";
import { clientV1, clientV2 } from "../kit/sdk-clients.js";
import { Killer } from "../kit/faults/killer.js";
import { FaultHost } from "../kit/faults/host.js";
import { RESUME } from "../kit/faults/load.js";
import { serverV1 } from "../kit/faults/servers.js";

cleanUpAfterEach();

/** More are asked for before the stream is cut. */
const CALLS = 20;

it.each([client112, client120, client125, clientV1, clientV2])(
  "RESUME-9: $name drops the answers that it has had, and goes on",
  async (kit) => {
    const host = await FaultHost.start(serverV1, RESUME);
    const killer = await Killer.start(host.served.origin);
    const listener = { onNotification: () => undefined, onSampling: () => "" };
    // The name is for the client that cannot be found by a ping.
    const headers = { ...asCaller(), "x-mcp-instance": "one" };
    const client = await kit.connect(`${killer.origin}/sse?client=one`, { headers, listener });
    // Not a moment passes between these calls: nothing is acknowledged until the cut.
    for (let call = 1; call <= CALLS; call++) {
      expect(await client.call("echo", { name: `call ${call}` })).toBe(`call ${call}`);
    }
    const stream = await killer.attached();
    await stream.kill("destroy");
    await killer.stream(killer.streams.length + 1);
    // The ids that these calls have were not used before, so no old answer is taken for theirs.
    for (let call = 1; call <= CALLS; call++) {
      expect(await client.call("echo", { name: `later ${call}` })).toBe(`later ${call}`);
    }
    const unknown = client.errors.filter(({ message }) => message.includes("unknown message ID"));
    const cuts = client.errors.filter(({ message }) => message.startsWith("SSE error"));
    expect(unknown.length).toBeGreaterThan(0);
    expect(client.errors).toHaveLength(unknown.length + cuts.length);
    expect(host.calls.runs("call 1")).toBe(1);
  },
);
