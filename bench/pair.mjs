/** Two rows in one process, called in turns of some hundredths of a second: closer than two processes can tell. */
import { join } from "node:path";
import { Child } from "./child.mjs";
import { median, ratiosOf } from "./stats.mjs";

const here = import.meta.dirname;

export const FULL_PAIR = { processes: 6, turns: 180, warmUps: 60, sessions: 50, callsEach: 10 };
export const SHORT_PAIR = { processes: 2, turns: 2, warmUps: 1, sessions: 5, callsEach: 2 };

/**
 * What a call of one row costs, as a multiple of what one of the other does, in CPU of the process.
 *
 * A machine that changes its speed does so for both. Whichever is loaded second is up to some hundredths slower, so
 * every other process loads them in the other order.
 *
 * @param pair the two rows: `module`, `options`, `era` and `credential` of each.
 * @param helpers the `load` and the `secrets` that all share, and the `core` of the process.
 * @param plan how much of it; `processes` is even.
 * @returns the ratio of each process.
 */
export async function comparePair(pair, helpers, plan) {
  const ratios = [];
  for (let number = 0; number < plan.processes; number++) {
    const isTurned = number % 2 === 1;
    const measured = await measure(isTurned ? pair.toReversed() : pair, helpers, plan);
    const [ours, theirs] = isTurned ? measured.toReversed() : measured;
    ratios.push(median(ratiosOf(ours, theirs)));
  }
  return ratios;
}

/** The geometric mean of ratios, and twice its standard error; the order falls out of each pair of processes. */
export function meanOfPairs(ratios) {
  const logs = ratios
    .filter((_ratio, number) => number % 2 === 1)
    .map((ratio, pair) => (Math.log(ratio) + Math.log(ratios[2 * pair])) / 2);
  const mean = logs.reduce((sum, one) => sum + one, 0) / logs.length;
  const variance = logs.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (logs.length - 1);
  return { mean: Math.exp(mean), error: 2 * Math.sqrt(variance / logs.length) };
}

/** Both rows in a new process. @returns for each its CPU microseconds for a call, turn by turn. */
async function measure(rows, { load, secrets, core }, plan) {
  const flags = ["--no-memory-reducer"];
  const child = new Child(join(here, "server-process.mjs"), { core, flags });
  const servers = [];
  for (const { module, options, era, credential } of rows) {
    const { port, missing } = await child.ask("start", { module, options, secrets });
    if (missing !== undefined) throw new Error(missing);
    await load.ask("use", { port, era, credential });
    await load.ask("open", { port, count: plan.sessions });
    servers.push({ port, cpuUs: [] });
  }
  for (let turn = -plan.warmUps; turn < plan.turns; turn++) {
    for (const { port, cpuUs } of turn % 2 === 0 ? servers : servers.toReversed()) {
      const before = await child.ask("cpu");
      const calls = await load.ask("callEach", { port, times: plan.callsEach });
      const after = await child.ask("cpu");
      if (turn >= 0) cpuUs.push((after.cpuUs - before.cpuUs) / calls);
    }
  }
  for (const { port } of servers) await load.ask("leave", { port });
  await child.stop();
  return servers.map(({ cpuUs }) => cpuUs);
}
