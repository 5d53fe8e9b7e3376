/**
 * Measures what a cluster costs: a call at home, a call that came in at another node, and sessions that move.
 *
 *   node cluster.mjs          a quarter of an hour; prints what it found
 *   node cluster.mjs --short  whether it works and answers are right; measures nothing
 *
 * Everything runs on all cores: a call that is passed on has three processes work for it beside the load.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Child, stopAll } from "./child.mjs";
import { startHelpers } from "./helpers.mjs";
import { comparePair, FULL_PAIR, meanOfPairs, SHORT_PAIR } from "./pair.mjs";
import { roundTrips, startRedis } from "./redis.mjs";
import { PRODUCT, stageProduct } from "./stage.mjs";
import { median, ratiosOf } from "./stats.mjs";

const here = import.meta.dirname;

const FULL = {
  // Two processes of the same program differ, by more than a cluster costs.
  copies: 3,
  rounds: 4,
  ms: 1_000,
  warmUpCalls: 16_000,
  trips: 2_000,
  moved: 1_000,
  sessions: 50,
  pair: FULL_PAIR,
};
const SHORT = {
  copies: 1,
  rounds: 1,
  ms: 100,
  warmUpCalls: 50,
  trips: 50,
  moved: 20,
  sessions: 5,
  pair: SHORT_PAIR,
};

const { values } = parseArgs({ options: { short: { type: "boolean", default: false } } });
const plan = values.short ? SHORT : FULL;

function print(text) {
  process.stdout.write(`${text}\n`);
}

const secret = randomBytes(32).toString("hex");
stageProduct("..");
const redis = await startRedis();
const helpers = await startHelpers();
const { load, secrets } = helpers;

/** @param calls of option `cluster`; without it the process is no node. */
function optionsOf(calls, prefix = "bench") {
  const cluster = calls && { redisUrl: redis.url, secret, prefix, calls };
  return { auth: "hs256", product: PRODUCT, cluster };
}

/** Starts a node. */
async function startNode(calls, module = "our-router", prefix = "bench") {
  const child = new Child(join(here, "server-process.mjs"), { flags: ["--no-memory-reducer"] });
  const options = optionsOf(calls, prefix);
  const { port } = await child.ask("start", { module, options, secrets });
  return { child, port };
}

/** A target of the load: the node that has the streams, and those that get POSTs. */
async function useNodes([home, ...posts], era = 2024) {
  const { port } = home;
  const postPorts = (posts.length > 0 ? posts : [home]).map((node) => node.port);
  await load.ask("use", { port, era, credential: "HS256", postPorts });
  const ask = (command, args) => load.ask(command, { port, ...args });
  return { ask };
}

async function warmUp({ ask }) {
  await ask("open", { count: plan.sessions });
  await ask("start", { count: plan.sessions, width: 1 });
  await ask("mark");
  await ask("reach", { calls: plan.warmUpCalls, timeoutMs: 5_000 });
  await ask("stop");
}

/** Calls for a while. @param nodes whose CPU is counted, for each call. Default: none. */
async function turn({ ask }, count, nodes = []) {
  const measure = () => Promise.all(nodes.map(({ child }) => child.ask("cpu")));
  await ask("start", { count, width: 1 });
  await sleep(plan.ms / 8);
  await ask("mark");
  const before = await measure();
  await sleep(plan.ms);
  const after = await measure();
  const result = await ask("stop");
  const cpuUs = after.map(({ cpuUs, atUs }, index) => {
    const calls = (result.perSecond * (atUs - before[index].atUs)) / 1e6;
    return (cpuUs - before[index].cpuUs) / calls;
  });
  return { ...result, cpuUs: cpuUs.reduce((sum, one) => sum + one, 0) };
}

/**
 * The rows of each set in turns, in another order each round.
 *
 * @returns what each measured in each round of each set.
 */
async function inTurns(sets, count) {
  const results = new Map(sets[0].map(({ name }) => [name, []]));
  for (let round = 0; round < plan.rounds; round++) {
    for (const rows of sets) {
      const order = round % 2 === 0 ? rows : rows.toReversed();
      for (const { name, target, nodes } of order) {
        results.get(name).push(await turn(target, count, nodes));
      }
    }
  }
  return (name, measure) => results.get(name).map((result) => result[measure]);
}

/** One of each row, in processes of their own. */
async function startSet(number) {
  const start = (calls, name) => startNode(calls, "our-router", `${name}${number}`);
  const rows = [
    { name: "without", nodes: [await startNode()] },
    { name: "recent", nodes: [await start("recent", "recent")] },
    { name: "exact", nodes: [await start("exact", "exact")] },
    { name: "relayed", nodes: [await start("exact", "relayed"), await start("exact", "relayed")] },
  ];
  for (const row of rows) {
    row.target = await useNodes(row.nodes);
    await warmUp(row.target);
  }
  return rows;
}

async function measureCalls() {
  const sets = [];
  for (let number = 0; number < plan.copies; number++) sets.push(await startSet(number));
  const many = await inTurns(sets, plan.sessions);
  const one = await inTurns(sets, 1);
  const [a, b, c] = await Promise.all(
    ["three", "three", "three"].map((prefix) => startNode("exact", "our-router", prefix)),
  );
  // A third of the sessions at each node, and each node gets a third of each node's POSTs.
  const thirds = await Promise.all([a, b, c].map((node) => useNodes([node, a, b, c])));
  for (const target of thirds) await warmUp(target);
  const exact = sets[0].find(({ name }) => name === "exact");
  const shared = [];
  const local = [];
  for (let round = 0; round < plan.rounds; round++) {
    const count = Math.ceil(plan.sessions / 3);
    const turns = await Promise.all(thirds.map((target) => turn(target, count)));
    shared.push(turns.reduce((sum, { perSecond }) => sum + perSecond, 0));
    local.push((await turn(exact.target, plan.sessions)).perSecond);
  }
  return { many, one, shared, local };
}

async function measureFloor() {
  const echo = new Child(join(here, "echo-process.mjs"));
  await echo.ask("echo", { url: redis.url });
  const times = await roundTrips({ url: redis.url, count: plan.trips });
  await echo.stop();
  return median(times);
}

/** What a call at home costs its node, as a multiple of what it costs without a cluster: closer than the rows can tell. */
async function measureHome(calls) {
  const row = (options) => ({ module: "our-router", options, era: 2024, credential: "HS256" });
  const pair = [row(optionsOf(calls, `home-${calls}`)), row(optionsOf(undefined))];
  return meanOfPairs(await comparePair(pair, { ...helpers, core: undefined }, plan.pair));
}

/** Sessions that are handed over by a node that is closed, and go on at another. */
async function measureMoving() {
  const from = await startNode("exact", "our-mcp-router", "moving");
  const to = await startNode("exact", "our-mcp-router", "moving");
  const { ask } = await useNodes([from], 2025);
  await ask("open", { count: plan.moved });
  const [leaving, arriving] = [await from.child.ask("close"), await ask("moveTo", { to: to.port })];
  return { leaving, arriving };
}

/** A single pair of processes, of which there is no error, says little. */
const within = ({ mean, error }) =>
  Number.isNaN(error) ? mean.toFixed(3) : `${mean.toFixed(3)} ± ${error.toFixed(3)}`;
const figure = (value) => value.toFixed(value >= 100 ? 0 : 2);

function report({ floor, calls: { many, one, shared, local }, home, moving }) {
  const cpuRatio = (name) => median(ratiosOf(many(name, "cpuUs"), many("without", "cpuUs")));
  const row = (name, what) => [
    what,
    figure(median(many(name, "perSecond"))),
    figure(median(ratiosOf(many(name, "perSecond"), many("without", "perSecond")))),
    figure(cpuRatio(name)),
    figure(median(one(name, "p50"))),
  ];
  const trips = (median(one("relayed", "p50")) - median(one("exact", "p50"))) / floor;
  return [
    "| call | calls/s, 50 sessions | x without | CPU of its nodes, x without | p50 of one at a time, ms |",
    "| --- | ---: | ---: | ---: | ---: |",
    row("without", "without a cluster"),
    row("recent", "at home, `recent`"),
    row("exact", "at home, `exact`"),
    row("relayed", "at another node, `exact`"),
    "",
    "| what | measured | target |",
    "| --- | ---: | ---: |",
    ["CPU of a node for a call at home, `recent`, x without", within(home.recent), "at most 1.05"],
    ["the same, `exact`", within(home.exact), "at most 1.12"],
    ["a message through Redis and back, p50, ms", figure(floor), "the floor"],
    ["a relayed call over a local one, in such messages", figure(trips), "at most 3"],
    [
      "three nodes, two thirds relayed, to one with all at home",
      figure(median(ratiosOf(shared, local))),
      "at least 0.5",
    ],
    [`${plan.moved} sessions leave a node that is closed, ms`, figure(moving.leaving), ""],
    [`and go on at another, each with a call, ms`, figure(moving.arriving), ""],
  ]
    .map((line) => (Array.isArray(line) ? `| ${line.join(" | ")} |` : line))
    .join("\n");
}

try {
  const floor = await measureFloor();
  const calls = await measureCalls();
  const home = { recent: await measureHome("recent"), exact: await measureHome("exact") };
  const moving = await measureMoving();
  print(report({ floor, calls, home, moving }));
} finally {
  await stopAll();
  redis.stop();
}
