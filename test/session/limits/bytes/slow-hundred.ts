/**
 * A program with a hundred sessions of one principal that ask for answers of 1.25 MB, as many as
 * they are let, and read slowly. It prints what became of the server, of every call that was taken,
 * and of another principal. Run by byte-budget.test.ts, or by hand:
 * `node --import tsx test/session/limits/bytes/slow-hundred.ts`
 */
import { setTimeout as later } from "node:timers/promises";
import type { Client } from "./client.js";
import { measure } from "./measure.js";
import type { Load } from "./measure.js";

const SESSIONS = 100;
const CALLS_AT_ONCE = 6;
const BYTES = 1_250_000;
const BYTES_PER_SECOND = 250_000;
const LOAD_MS = 12_000;

void measure(SESSIONS, BYTES_PER_SECOND, async ({ server, clients, note }: Load) => {
  const end = Date.now() + LOAD_MS;
  const callOn = async (client: Client, first: number): Promise<void> => {
    for (let id = first; Date.now() < end && server.isAlive; id += CALLS_AT_ONCE) {
      const status = await client.call(id, "answer", { bytes: BYTES });
      if (!note(client, id, status)) await later(500);
    }
  };
  await Promise.all(
    clients.flatMap((client) =>
      Array.from({ length: CALLS_AT_ONCE }, (_, index) => callOn(client, 10 + index)),
    ),
  );
  for (const client of clients) client.rate = Infinity;
});
