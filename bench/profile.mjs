/** Where a server spends its time: self time by part and by function. */
import { Session } from "node:inspector/promises";

const SAMPLING_US = 250;

/** How many functions are listed. */
const LISTED = 45;

let session;

export async function startProfile() {
  session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: SAMPLING_US });
  await session.post("Profiler.start");
}

/** @returns shares of the time in which the server was not idle. */
export async function stopProfile() {
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const stackOf = stackReader(profile.nodes);
  const parts = new Map();
  const functions = new Map();
  const withCalls = new Map();
  let busyUs = 0;
  profile.samples.forEach((id, index) => {
    const { callFrame } = byId.get(id);
    if (isNoWork(callFrame)) return;
    const us = profile.timeDeltas[index];
    busyUs += us;
    add(parts, partOf(callFrame), us);
    add(functions, nameOf(callFrame), us);
    for (const name of stackOf(id)) add(withCalls, name, us);
  });
  return {
    part: shares(parts, busyUs),
    function: shares(functions, busyUs).slice(0, LISTED),
    "function of a package, with what it calls": shares(withCalls, busyUs).slice(0, LISTED),
  };
}

/** @returns for a node the functions on its stack that belong to a package, each once. */
function stackReader(nodes) {
  const parents = new Map();
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const known = new Map();
  return (id) => {
    if (known.has(id)) return known.get(id);
    const names = new Set();
    for (let node = byId.get(id); node !== undefined; node = parents.get(node.id)) {
      if (node.callFrame.url.includes("/node_modules/")) names.add(nameOf(node.callFrame));
    }
    known.set(id, names);
    return names;
  };
}

/** Waiting, and the profiler itself. */
function isNoWork({ functionName, url }) {
  return url === "" && (functionName === "(idle)" || functionName === "dispatch");
}

function add(sums, name, us) {
  sums.set(name, (sums.get(name) ?? 0) + us);
}

function shares(sums, total) {
  return [...sums].map(([name, us]) => [name, us / total]).sort(([, a], [, b]) => b - a);
}

/** A package, a folder of Node, or a file of ours. */
function partOf({ url, functionName }) {
  if (url === "") return functionName.startsWith("(") ? functionName : "native";
  if (url.startsWith("node:")) return url.split("/").slice(0, 2).join("/");
  const [, inPackage] = url.split(/\/node_modules\/(?!.*\/node_modules\/)/);
  if (inPackage === undefined) return "bench";
  if (inPackage.startsWith("express-mcp-sse/")) return inPackage;
  return inPackage
    .split("/")
    .slice(0, inPackage.startsWith("@") ? 2 : 1)
    .join("/");
}

function nameOf({ url, functionName, lineNumber }) {
  const file = url.split("/node_modules/").at(-1);
  return `${functionName || "(anonymous)"} ${file}:${lineNumber + 1}`;
}
