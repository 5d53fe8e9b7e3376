/**
 * What a call costs in this build, as a multiple of what it costs in another.
 *
 *   node builds.mjs FOLDER                       the build in another folder is the other
 *   node builds.mjs FOLDER --only server-hs256   some rows of ours, of rows.mjs
 *   node builds.mjs FOLDER --short               whether it works and answers are right; measures nothing
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { runToEnd } from "./child.mjs";
import { startHelpers } from "./helpers.mjs";
import { chooseCores } from "./machine.mjs";
import { comparePair, FULL_PAIR, meanOfPairs, SHORT_PAIR } from "./pair.mjs";
import { ROWS, rowBefore } from "./rows.mjs";
import { PRODUCT_BEFORE, stageProduct } from "./stage.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: "string", default: "router-hs256,server-hs256" },
    short: { type: "boolean", default: false },
  },
});

function print(text) {
  process.stdout.write(`${text}\n`);
}

/** @throws Error for a row that there is not, or that is not ours. */
function chosenRows() {
  return values.only.split(",").map((id) => {
    const row = ROWS.find((one) => one.id === id && one.ours);
    if (row === undefined) throw new Error(`No row of ours is "${id}": see rows.mjs`);
    return row;
  });
}

async function main() {
  const [folder] = positionals;
  if (folder === undefined) throw new Error("Name the folder of the other build.");
  const rows = chosenRows();
  stageProduct("..");
  stageProduct(folder, PRODUCT_BEFORE);
  const cores = values.short ? {} : chooseCores();
  const helpers = { ...(await startHelpers(cores.load)), core: cores.server };
  for (const row of rows) {
    const plan = values.short ? SHORT_PAIR : FULL_PAIR;
    const ratios = await comparePair([row, rowBefore(row)], helpers, plan);
    const { mean, error } = meanOfPairs(ratios);
    const each = ratios.map((ratio) => ratio.toFixed(3)).join(" ");
    if (values.short) print(`${row.id}: every answer was right`);
    else print(`${row.id}: ${mean.toFixed(3)} ± ${error.toFixed(3)} times the CPU (${each})`);
  }
}

await runToEnd(main);
