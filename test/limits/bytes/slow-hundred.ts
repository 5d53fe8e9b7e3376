/**
 * A program with a hundred sessions of one principal that ask for answers of 1.25 MB, as many as
 * they are let, and read slowly. It prints what became of the server, of every call that was taken,
 * and of another principal. Run by byte-budget.test.ts, or by hand:
 * `node --import tsx test/limits/bytes/slow-hundred.ts`
 */
import { setTimeout as later } from "node:timers/promises";
import { Client, percentile, Server, watch } from "./client.js";

const SESSIONS = 100;
const CALLS_AT_ONCE = 6;
const BYTES = 1_250_000;
const BYTES_PER_SECOND = 250_000;
const LOAD_MS = 12_000;

async function main(): Promise<void> {
  const server = new Server();
  await server.listening();
  const other = await new Client(server.port, "other").open();
  const clients: Client[] = [];
  for (let index = 0; index < SESSIONS; index++) {
    clients.push(await new Client(server.port, "heavy", BYTES_PER_SECOND).open());
  }
  const before = await server.memory();
  const quietUntil = Date.now() + 2_000;
  const quiet = percentile(await watch(other, () => Date.now() > quietUntil), 0.99);
  let isOver = false;
  const times = watch(other, () => isOver);
  const end = Date.now() + LOAD_MS;
  const statuses: Record<number, number> = {};
  const taken: { client: Client; id: number }[] = [];
  const callOn = async (client: Client, first: number): Promise<void> => {
    for (let id = first; Date.now() < end && server.isAlive; id += CALLS_AT_ONCE) {
      const status = await client.call(id, "answer", { bytes: BYTES });
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === 202) taken.push({ client, id });
      else await later(500);
    }
  };
  await Promise.all(
    clients.flatMap((client) =>
      Array.from({ length: CALLS_AT_ONCE }, (_, index) => callOn(client, 10 + index)),
    ),
  );
  for (const client of clients) client.rate = Infinity;
  await Promise.all(taken.map(({ client, id }) => client.answerTo(id)));
  isOver = true;
  const isAlive = server.isAlive;
  const lost = taken.filter(({ client, id }) => !client.answered.has(id)).length;
  const p99 = Math.round(percentile(await times, 0.99));
  await later(2_000);
  const after = await server.memory();
  const { limited, warnings, closed } = server;
  const result = {
    isAlive,
    statuses,
    taken: taken.length,
    lost,
    quiet,
    p99,
    before,
    after,
    limited,
    warnings,
    closed,
  };
  process.stdout.write(JSON.stringify(result));
  server.stop();
  process.exit(0);
}

void main();
