/**
 * A program that makes 10,000 calls of 4 MB to a tool that takes its time, 200 at once.
 * It prints what became of the server, of every call that was taken, and of another principal. Run
 * by byte-budget.test.ts, or by hand: `node --import tsx test/session/limits/bytes/large-calls.ts`
 */
import { setTimeout as later } from "node:timers/promises";
import { toolCall } from "../../../kit/raw-sse.js";
import { measure } from "./measure.js";
import type { Load } from "./measure.js";

const CALLS = 10_000;
const SESSIONS = 10;
const CALLS_AT_ONCE = 200;
const PIECE = "x".repeat(250_000);
const PIECES = 16;
const TOOL_MS = 2_000;
/** As many of them as are made in this time. */
const LOAD_MS = 15_000;

void measure(SESSIONS, undefined, async ({ server, clients, note }: Load) => {
  const end = Date.now() + LOAD_MS;
  let next = 0;
  const callOn = async (): Promise<void> => {
    while (next < CALLS && Date.now() < end && server.isAlive) {
      const id = next++;
      const client = clients[id % SESSIONS];
      if (client === undefined) throw new Error("there are no sessions");
      const call = JSON.stringify(toolCall(id, "work", { ms: TOOL_MS, data: "|" }));
      const [head = "", tail = ""] = call.split("|");
      const pieces = [head, ...new Array<string>(PIECES).fill(PIECE), tail];
      if (!note(client, id, await client.postLarge(pieces))) await later(100);
    }
  };
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, callOn));
});
