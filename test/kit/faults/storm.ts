import type { FaultClient } from "../sdk-clients.js";
import type { FaultHost } from "./host.js";
import { signal } from "../waiting.js";
import type { KillableStream } from "./killable-stream.js";
import type { Killer } from "./killer.js";
import { WAYS } from "./killer.js";
import type { Load } from "./load.js";

/** Where in a client's life its stream is killed. */
const PLACES = [
  "while nothing is sent",
  "while messages are sent",
  "in the answer of a call",
  "while it comes back",
] as const;

/** Kills a client's streams again and again, in every way and place, with traffic all the while. */
export async function storm(load: Load, kills: number, ways = WAYS): Promise<void> {
  const { killer } = load;
  for (let round = 0; killer.kills < kills; round++) {
    const way = ways[round % ways.length]!;
    // Another place each time, and in time each way in each place.
    const place =
      PLACES[((round % ways.length) + Math.floor(round / ways.length)) % PLACES.length]!;
    const stream = await killer.attached();
    const held = await load.hold();
    load.burst();
    if (place === "while nothing is sent") {
      await load.ping();
      const killed = stream.kill(way);
      load.notify(1);
      await killed;
    } else if (place === "in the answer of a call" && held !== undefined) {
      const cut = signal<KillableStream>();
      killer.onEvent = ({ data }, answered) => {
        if (!data.includes(`"text":"${held}"`)) return undefined;
        killer.onEvent = undefined;
        cut.resolve(answered);
        return way;
      };
      // Its client has what came first on that stream by then, and so knows how to come back to it.
      await load.ping();
      load.release(held);
      const answered = await cut.promise;
      await answered.over;
    } else {
      // How far it gets is another number each time.
      if (place === "while it comes back") killer.next = { way, events: round % 5 };
      stream.killAfter(round % 7, way);
      load.notify(10);
      await stream.over;
    }
    // Nobody is listening now; the client itself can still call.
    load.burst();
    load.release(held);
  }
}

/** Kills all streams together, `rounds` times, with traffic before, meanwhile and after. */
export async function dropTogether(loads: readonly Load[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const streams = await Promise.all(loads.map(({ killer }) => killer.attached()));
    const held = await Promise.all(loads.map((load) => load.hold()));
    for (const load of loads) load.burst();
    const killed = streams.map((stream, index) =>
      stream.kill(WAYS[(round + index) % WAYS.length]!),
    );
    for (const load of loads) load.notify(1);
    await Promise.all(killed);
    loads.forEach((load, index) => {
      load.burst();
      load.release(held[index]);
    });
  }
}

/** A client that a test cannot do without. */
export interface Survivor {
  readonly tag: string;
  readonly killer: Killer;
  readonly client?: FaultClient;
}

/** How long a client may take to get everything, in milliseconds: just before the test's own time is over. */
const PATIENCE_MS = 110_000;

/**
 * Does the work of a test, unless a session ends or a client gives up meanwhile.
 *
 * @throws Error with what happened last, since a promise that never resolves tells nothing.
 */
export async function survive(
  host: FaultHost,
  survivors: readonly Survivor[],
  work: () => Promise<void>,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("not everything has arrived")), PATIENCE_MS);
  });
  const gaveUp = survivors.map(async ({ client, tag }) => {
    await (client?.closed ?? late);
    throw new Error(`the client of ${tag} has closed itself`);
  });
  for (const promise of gaveUp) promise.catch(() => undefined);
  try {
    await Promise.race([work(), host.sessionLost, late, ...gaveUp]);
  } catch (cause) {
    const traces = survivors.map(({ tag, killer, client }) =>
      [tag, ...killer.trace.slice(-60), ...(client?.errors ?? []).slice(-3).map(String)].join("\n"),
    );
    throw new Error(`${String(cause)}\n${traces.join("\n\n")}\n${host.served.lines.join("\n")}`, {
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}
