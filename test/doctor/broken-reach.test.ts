import type { Target } from "../../src/doctor/contract.js";
import { examine } from "../../src/doctor/examine.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { ANSWERED_BY_OTHERS, STREAMABLE, UNREACHED } from "./broken/reach.js";
import type { BrokenServer } from "./broken/reach.js";

cleanUpAfterEach();

async function targetOf({ serve }: BrokenServer): Promise<Target> {
  const { url, credentials = [], timeoutMs = 60_000 } = await serve();
  return { url: new URL(url), credentials, timeoutMs, isQuick: true };
}

describe.each([
  ["the way to it", UNREACHED],
  ["others", ANSWERED_BY_OTHERS],
  ["Streamable HTTP", STREAMABLE],
])("CLI-4: what goes wrong by %s:", (_what, servers) => {
  it.each(servers)("of a server with $name the first finding is $finding", async (server) => {
    const { findings } = await examine(await targetOf(server));
    expect(findings.map(({ id }) => id)).toEqual([server.finding]);
  });
});
