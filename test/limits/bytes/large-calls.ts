/**
 * A program that makes 10,000 calls of 4 MB to a tool that takes its time, 200 at once.
 * It prints what became of the server, of every call that was taken, and of another principal. Run
 * by byte-budget.test.ts, or by hand: `node --import tsx test/limits/bytes/large-calls.ts`
 */
import { setTimeout as later } from "node:timers/promises";
import { toolCall } from "../../support/raw-sse.js";
import { Client, percentile, Server, watch } from "./client.js";

const CALLS = 10_000;
const SESSIONS = 10;
const CALLS_AT_ONCE = 200;
const PIECE = "x".repeat(250_000);
const PIECES = 16;
const TOOL_MS = 2_000;
/** As many of them as are made in this time. */
const LOAD_MS = 15_000;

async function main(): Promise<void> {
  const server = new Server();
  await server.listening();
  const other = await new Client(server.port, "other").open();
  const clients: Client[] = [];
  for (let index = 0; index < SESSIONS; index++) {
    clients.push(await new Client(server.port, "heavy").open());
  }
  const before = await server.memory();
  const quietUntil = Date.now() + 2_000;
  const quiet = percentile(await watch(other, () => Date.now() > quietUntil), 0.99);
  let isOver = false;
  const times = watch(other, () => isOver);
  const statuses: Record<number, number> = {};
  const taken: { client: Client; id: number }[] = [];
  const end = Date.now() + LOAD_MS;
  let next = 0;
  const callOn = async (): Promise<void> => {
    while (next < CALLS && Date.now() < end && server.isAlive) {
      const id = next++;
      const client = clients[id % SESSIONS] ?? other;
      const [head = "", tail = ""] = JSON.stringify(
        toolCall(id, "work", { ms: TOOL_MS, data: "|" }),
      ).split("|");
      const pieces = [head, ...new Array<string>(PIECES).fill(PIECE), tail];
      const status = await client.postLarge(pieces);
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (status === 202) taken.push({ client, id });
      else await later(100);
    }
  };
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, callOn));
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
