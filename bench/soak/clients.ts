/** The clients of the soak, in a process of their own: `clients.ts <url> <sessions> <seconds>`. */
import { SoakClient } from "./client.js";

const [url = "", sessions = "0", seconds = "0"] = process.argv.slice(2);
const endsAt = Date.now() + Number(seconds) * 1000;

/** How many clients open their sessions at a time. */
const OPENING = 20;

let seed = 1;

/** The same numbers in each run, from 0 to below `max`. */
function some(max: number): number {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed % max;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const counts = { opened: 0, calls: 0, drops: 0, left: 0 };

/** One place that is always taken by some client, until the time is over. */
async function occupy(place: number, opened: () => void): Promise<void> {
  let release: (() => void) | undefined = opened;
  while (Date.now() < endsAt || release !== undefined) {
    const client = new SoakClient(url, `soak-key-number-${place % 50}`, place % 2 === 0);
    await client.open();
    counts.opened++;
    release?.();
    release = undefined;
    for (let step = 0; step < 10 && Date.now() < endsAt; step++) {
      await pause(some(8_000));
      // The call is under way when the stream is cut.
      const call = client.echo(some(4_000));
      if (some(3) === 0) {
        client.drop();
        counts.drops++;
      }
      await call;
      counts.calls++;
    }
    client.leave();
    counts.left++;
  }
}

const places: Promise<void>[] = [];
for (let start = 0; start < Number(sessions); start += OPENING) {
  const size = Math.min(OPENING, Number(sessions) - start);
  const opened = Array.from({ length: size }, (_unused, index) => {
    return new Promise<void>((resolve) => places.push(occupy(start + index, resolve)));
  });
  await Promise.race([Promise.all(opened), Promise.all(places)]);
}
await Promise.all(places);
process.stdout.write(`clients: ${JSON.stringify(counts)}\n`);
process.exit(0);
