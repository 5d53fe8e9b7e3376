import { CookieJar } from "../kit/person.js";
import { asCaller } from "../kit/conversation.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { client112, client125 } from "../kit/old-sdk-clients.js";
import { clientV1, clientV2 } from "../kit/sdk-clients.js";
import type { ClientKit } from "../kit/sdk-clients.js";
import { FaultHost } from "../kit/faults/host.js";
import { Load, expectNothingLost, RESUME } from "../kit/faults/load.js";
import { dropTogether, survive } from "../kit/faults/storm.js";
import type { LoadOptions } from "../kit/faults/load.js";
import { serverV1, serverV2 } from "../kit/faults/servers.js";

cleanUpAfterEach();

/** Holds everybody until all are there, and lets them go in another order each time. */
class Gate {
  #waiting: (() => void)[] = [];
  #round = 0;

  constructor(readonly size: number) {}

  async pass(): Promise<void> {
    const released = new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (this.#waiting.length === this.size) {
      const shift = this.#round++ % this.size;
      const order = [...this.#waiting.slice(shift), ...this.#waiting.slice(0, shift)].reverse();
      this.#waiting = [];
      for (const release of order) release();
    }
    await released;
  }
}

/** Clients that come back together: their GETs cross, and none tells its session before all are asked. */
function crossReconnects(loads: readonly Load[]): void {
  const [gets, pongs] = [new Gate(loads.length), new Gate(loads.length)];
  for (const { killer } of loads) {
    killer.beforeRequest = async ({ method, body }) => {
      if (method === "GET") await gets.pass();
      else if (body.includes("-probe-")) await pongs.pass();
    };
  }
}

it.each([serverV1, serverV2])(
  "RESUME-4, RESUME-5, RESUME-6: clients of one principal that drop together never get each other's messages, with $name",
  async (server) => {
    const host = await FaultHost.start(server, RESUME);
    const loads = [
      await Load.start(host, clientV1, { tag: "ann" }),
      await Load.start(host, clientV2, { tag: "bob" }),
      await Load.start(host, clientV1, { tag: "cid" }),
      await Load.start(host, client125, { tag: "dan" }),
      await Load.start(host, clientV2, { tag: "mallory", headers: asCaller({ sub: "mallory" }) }),
    ];
    crossReconnects(loads);
    await survive(host, loads, async () => {
      await dropTogether(loads, 20);
      await Promise.all(loads.map((load) => load.settle()));
    });
    for (const load of loads) expectNothingLost(load.report());
    expect(host.served.sessions.size).toBe(loads.length);
  },
);

/** What fetch-cookie makes of `fetch`: every client that has it has the same cookies. */
function fetchWithCookies(): typeof fetch {
  const jar = new CookieJar();
  return async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const headers = new Headers(init?.headers);
    if (jar.for(url) !== "") headers.set("cookie", jar.for(url));
    const answer = await fetch(input, { ...init, headers });
    jar.take(url, answer.headers.getSetCookie());
    return answer;
  };
}

/** What clients of one principal may have in common, so that it says nothing about which is which. */
const JAR = { what: "a cookie jar", share: () => ({ fetch: fetchWithCookies() }) };
const OPEN = { ...JAR, what: "a cookie jar, on an open endpoint,", auth: false as const };
const NAME = {
  what: "the name of their process",
  share: () => ({ headers: { "x-mcp-instance": "same" } }),
};

it.each<{ client: ClientKit; what: string; share: () => LoadOptions; auth?: false }>([
  { client: clientV1, ...JAR },
  { client: clientV2, ...JAR },
  { client: clientV1, ...NAME },
  { client: clientV2, ...NAME },
  { client: clientV1, ...OPEN },
  // Before 1.13 a client does not say that it comes back: only a name lets it be asked.
  { client: client112, ...NAME },
])(
  "RESUME-2, RESUME-3, RESUME-5: two of $client.name that share $what and are cut off together keep their own sessions",
  async ({ client, share, auth }) => {
    const host = await FaultHost.start(serverV1, { ...RESUME, ...(auth === false && { auth }) });
    const shared = share();
    const loads = [
      await Load.start(host, client, { tag: "ann", ...shared }),
      await Load.start(host, client, { tag: "bob", ...shared }),
    ];
    await survive(host, loads, async () => {
      await dropTogether(loads, 15);
      await Promise.all(loads.map((load) => load.settle()));
    });
    for (const load of loads) expectNothingLost(load.report());
    expect(host.served.sessions.size).toBe(loads.length);
  },
);
