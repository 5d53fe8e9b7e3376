/** What the two programs do alike: load a server, watch another principal meanwhile, and print what became of all. */
import { setTimeout as later } from "node:timers/promises";
import { Client, percentile, Server, watch } from "./client.js";

/** A call that was answered 202, and so must be answered. */
interface Taken {
  readonly client: Client;
  readonly id: number;
}

/** What a load is made with, and what it notes. */
export interface Load {
  readonly server: Server;
  readonly clients: readonly Client[];
  /** @param status of the POST of a call. @returns whether the call was taken. */
  readonly note: (client: Client, id: number, status: number) => boolean;
}

/**
 * Runs a load of one principal with so many sessions, and prints the outcome.
 *
 * @param bytesPerSecond how fast each of them reads; as fast as it can by default.
 * @param load resolves when it makes no more calls.
 */
export async function measure(
  sessions: number,
  bytesPerSecond: number | undefined,
  load: (load: Load) => Promise<void>,
): Promise<never> {
  const server = new Server();
  await server.listening();
  const other = await new Client(server.port, "other").open();
  const clients: Client[] = [];
  for (let index = 0; index < sessions; index++) {
    clients.push(await new Client(server.port, "heavy", bytesPerSecond).open());
  }
  const before = await server.memory();
  const quietUntil = Date.now() + 2_000;
  const quiet = percentile(await watch(other, () => Date.now() > quietUntil), 0.99);
  let isOver = false;
  const times = watch(other, () => isOver);
  const statuses: Record<number, number> = {};
  const taken: Taken[] = [];
  const note = (client: Client, id: number, status: number): boolean => {
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (status === 202) taken.push({ client, id });
    return status === 202;
  };
  await load({ server, clients, note });
  await Promise.all(taken.map(({ client, id }) => client.answerTo(id)));
  isOver = true;
  const isAlive = server.isAlive;
  const lost = taken.filter(({ client, id }) => !client.answered.has(id)).length;
  const p99 = Math.round(percentile(await times, 0.99));
  await later(2_000);
  const after = await server.memory();
  const { limited, warnings, closed } = server;
  const calls = { statuses, taken: taken.length, lost, quiet, p99 };
  const result = { isAlive, ...calls, before, after, limited, warnings, closed };
  process.stdout.write(JSON.stringify(result));
  server.stop();
  process.exit(0);
}
