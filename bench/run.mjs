/**
 * Measures every server of rows.mjs, and writes RESULTS.md and results.svg.
 *
 *   node run.mjs                    everything; takes more than a quarter of an hour
 *   node run.mjs --short            whether it works and answers are right; measures nothing
 *   node run.mjs --rows streamable  one set of rows: sse, streamable; writes its part of RESULTS.md
 *   node run.mjs --only C,B         some rows; prints, and writes nothing
 *   node run.mjs --shape 50,open    some shapes; prints, and writes nothing
 *   node run.mjs --rounds 3         other than five rounds, and three turns for each; prints, and writes nothing
 *   node run.mjs --imports          how long imports take; prints, and writes nothing
 *   node run.mjs --profile          where the time goes; prints, and writes nothing
 *   node run.mjs --product ../..    a build of express-mcp-sse in another folder
 *   node run.mjs --against ../..    ours beside another build of it, row by row in one run; prints, and writes nothing
 *   node run.mjs --json file        also the numbers of every round, as JSON
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import process from "node:process";
import { parseArgs } from "node:util";
import { runToEnd, stopAll } from "./child.mjs";
import { groupsOf, pairsOf } from "./groups.mjs";
import { startHelpers } from "./helpers.mjs";
import { measureImports } from "./imports.mjs";
import { chooseCores, describeMachine, readVersions } from "./machine.mjs";
import { drawPlot } from "./plot.mjs";
import {
  formatComparison,
  formatImports,
  formatReport,
  formatTables,
  withReport,
} from "./report.mjs";
import { Results } from "./results.mjs";
import { ROWS, rowsOfSet, SET_IDS } from "./rows.mjs";
import { mainShape, planFor, planOfVisit, SHAPE_IDS } from "./shapes.mjs";
import { PRODUCT_BEFORE, stageProduct } from "./stage.mjs";
import { isMemoryCompared } from "./targets.mjs";
import { Visitor } from "./visit.mjs";

const here = import.meta.dirname;

function readOptions() {
  const { values } = parseArgs({
    options: {
      short: { type: "boolean", default: false },
      rows: { type: "string" },
      only: { type: "string" },
      shape: { type: "string" },
      rounds: { type: "string" },
      imports: { type: "boolean", default: false },
      profile: { type: "boolean", default: false },
      product: { type: "string", default: ".." },
      against: { type: "string" },
      json: { type: "string" },
    },
  });
  const shapes = chosen("shape", values.shape, SHAPE_IDS);
  const ids = ROWS.map(({ id }) => id);
  const only = chosen("row", values.only, ids);
  const sets = chosen("set", values.rows, SET_IDS) ?? SET_IDS;
  const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
  const isWhole = [shapes, only, rounds].every((value) => value === undefined);
  return {
    ...values,
    shapes,
    rounds,
    parts:
      only === undefined
        ? sets.map((set) => ({ set, rows: rowsOfSet(set) }))
        : [{ set: undefined, rows: ROWS.filter(({ id }) => only.includes(id)) }],
    isFull: isWhole && !values.short && !values.profile && values.against === undefined,
  };
}

/** @throws Error for a name that is none, with those that are. */
function chosen(what, text, known) {
  if (text === undefined) return undefined;
  return text.split(",").map((name) => {
    const found = known.find((id) => id.toLowerCase() === name.trim().toLowerCase());
    if (found === undefined)
      throw new Error(`No ${what} "${name}". There are: ${known.join(", ")}`);
    return found;
  });
}

function print(text) {
  process.stdout.write(`${text}\n`);
}

/** The order of a round: another one each time, so that no row is always behind the same one. */
function orderOf(servers, round) {
  const start = Math.floor((round * servers.length) / 4) % servers.length;
  const order = [...servers.slice(start), ...servers.slice(0, start)];
  return round % 2 === 0 ? order : order.reverse();
}

async function measureSpeeds(visitor, groups, plan, results) {
  for (const [group, members] of groups.entries()) {
    for (let generation = 0; generation < plan.generations; generation++) {
      const servers = await startAll(visitor, members, plan, results);
      const part = { group, servers, generation };
      // All have the same behind them when they are called for what the targets are about.
      await callInTurn(visitor, part, plan, results);
      for (const server of servers) await visitor.leave(server);
      await visitInTurn(visitor, part, plan, results);
      await Promise.all(servers.map(({ child }) => child.stop()));
    }
  }
}

/** Starts and warms those that can be measured. */
async function startAll(visitor, members, plan, results) {
  const present = members.filter(({ row }) => !results.isMissing(row.id));
  const starting = present.map(async ({ row, shapes }) => ({
    ...(await visitor.start(row)),
    shapes,
  }));
  const servers = [];
  for (const server of await Promise.all(starting)) {
    if (server.missing === undefined) servers.push(server);
    else reportMissing(server, results);
  }
  for (const server of servers) await visitor.warmUp(server, plan);
  return servers;
}

/** The rounds of a generation, of so many in all. */
function* roundsOf(generation, all, { generations }) {
  const end = Math.ceil((all * (generation + 1)) / generations);
  for (let round = Math.ceil((all * generation) / generations); round < end; round++) yield round;
}

/** Everything but the main shape: one server after the other, each with everything. */
async function visitInTurn(visitor, { group, servers, generation }, plan, results) {
  for (const round of roundsOf(generation, plan.rounds, plan)) {
    for (const server of orderOf(servers, round)) {
      const visit = planOfVisit(plan, server.shapes, server.row.id, generation === 0);
      if (!visit.isEmpty) {
        note(group, server, round, await visitor.measureSpeed(server, visit), results);
      }
    }
  }
}

/** The main shape: all servers have their sessions, and are called in many short turns. */
async function callInTurn(visitor, { group, servers, generation }, plan, results) {
  const shape = mainShape(plan);
  if (shape === undefined) return;
  for (const round of roundsOf(generation, plan.turns, plan)) {
    for (const server of orderOf(servers, round)) {
      note(group, server, round, { [shape.id]: await visitor.turn(server, shape, plan) }, results);
    }
  }
}

function note(group, { row }, round, result, results) {
  results.add(group, row, round, result);
  print(`round ${String(round + 1).padEnd(4)}${row.id.padEnd(24)}${brief(result)}`);
  for (const [shape, calls] of Object.entries(result)) printProfile(row, shape, calls);
}

function reportMissing({ row, missing }, results) {
  results.addMissing(row, missing);
  print(`${row.id} is left out: ${missing}`);
}

function brief(result) {
  return Object.entries(result)
    .map(([shape, { perSecond, p50 }]) =>
      perSecond === undefined
        ? `${shape} ${p50.toFixed(1)} ms`
        : `${shape} ${Math.round(perSecond)}/s`,
    )
    .join("  ");
}

/** Shares of the time, and what they are of a call. */
function printProfile({ id }, shape, { profile, cpuUs } = {}) {
  if (profile === undefined) return;
  for (const [what, shares] of Object.entries(profile)) {
    print(`\n${id}, ${shape}: ${cpuUs.toFixed(1)} us of CPU per call, by ${what}`);
    for (const [name, share] of shares.filter(([, value]) => value > 0.003)) {
      const us = (share * cpuUs).toFixed(1).padStart(7);
      print(`${(share * 100).toFixed(1).padStart(6)} % ${us} us  ${name}`);
    }
  }
}

async function measureMemories(visitor, rows, plan, results) {
  if (!plan.has("memory")) return;
  const due = rows.filter(({ id, memory }) => memory && !results.isMissing(id));
  // Rows that a target compares are measured in more than one process.
  const compared = due.filter(({ id }) => isMemoryCompared(id));
  const again = Array.from({ length: plan.idleRounds - 1 }, () => compared).flat();
  for (const row of [...due, ...again]) {
    const server = await visitor.start(row, { idles: true });
    if (server.missing !== undefined) {
      reportMissing(server, results);
      continue;
    }
    const result = await visitor.measureMemory(server, plan);
    await server.child.stop();
    results.addMemory(row, result);
    print(
      `memory      ${row.id.padEnd(24)}${(result[plan.idle.at(-1)].rss / 1024).toFixed(1)} KiB`,
    );
  }
}

async function main() {
  const options = readOptions();
  stageProduct(options.product);
  if (options.against !== undefined) stageProduct(options.against, PRODUCT_BEFORE);
  if (options.imports) {
    print(formatImports(measureImports()));
    return;
  }
  const cores = options.short ? { note: "not pinned: a short run" } : chooseCores();
  const helpers = await startHelpers(cores.load);
  const visitor = new Visitor({ ...helpers, core: cores.server });
  const begunAt = performance.now();
  const all = [];
  for (const part of options.parts) all.push(await measurePart(visitor, part, cores, options));
  if (options.json !== undefined) writeFileSync(options.json, JSON.stringify(all, null, 1));
  if (!options.short) return;
  measureImports(1);
  print(`every answer was right; ${((performance.now() - begunAt) / 1000).toFixed(0)} s`);
}

/** Measures some rows, and prints or writes down what came of it. @returns the numbers of every round. */
async function measurePart(visitor, { set, rows: chosenRows }, cores, options) {
  const begunAt = performance.now();
  const plan = planFor({
    isShort: options.short,
    only: options.shapes,
    rounds: options.rounds,
    profiles: options.profile,
  });
  print(`${chosenRows.length} rows, ${plan.rounds} rounds, ${cores.note}`);
  const isAlone = options.against === undefined;
  const groups = isAlone ? groupsOf(chosenRows, set) : pairsOf(chosenRows);
  const rows = isAlone ? chosenRows : groups.flat().map(({ row }) => row);
  const results = new Results(rows, plan, set);
  if (plan.hasSpeeds) await measureSpeeds(visitor, groups, plan, results);
  if (isAlone) await measureMemories(visitor, rows, plan, results);
  if (!options.short) print(isAlone ? formatTables(results) : formatComparison(results));
  const minutes = (performance.now() - begunAt) / 60_000;
  if (options.isFull) writeDown(results, { cores, minutes });
  return results.all;
}

/** Writes the part of RESULTS.md that was measured. */
function writeDown(results, run) {
  const file = join(here, "RESULTS.md");
  const isFirst = results.set === SET_IDS[0];
  const whole = { ...run, machine: describeMachine(), versions: readVersions() };
  const text = formatReport(results, isFirst ? { ...whole, imports: measureImports() } : whole);
  writeFileSync(file, withReport(readFileSync(file, "utf8"), results.set, text));
  if (isFirst) writeFileSync(join(here, "results.svg"), drawPlot(results));
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => void stopAll().then(() => process.exit(1)));
}

await runToEnd(main);
