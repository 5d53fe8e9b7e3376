/** Where a run takes place, and with what. Nothing that names the machine. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, platform, totalmem } from "node:os";
import { join } from "node:path";
import process from "node:process";

const GIB = 1024 ** 3;

/** Packages whose versions decide the numbers. */
const PACKAGES = [
  "express-mcp-sse",
  "express",
  "@modelcontextprotocol/sdk",
  "@modelcontextprotocol/server",
  "@modelcontextprotocol/node",
  "zod",
  "jose",
  "passport",
  "passport-jwt",
  "jsonwebtoken",
  "passport-http",
  "mcp-framework",
  "fastmcp",
];

export function describeMachine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / GIB),
    platform: platform(),
    node: process.version,
  };
}

export function readVersions() {
  return Object.fromEntries(PACKAGES.map((name) => [name, readPackage(name).version]));
}

/** @returns what is in the package.json of something that is installed here. */
export function readPackage(name) {
  const file = join(import.meta.dirname, "node_modules", name, "package.json");
  return JSON.parse(readFileSync(file, "utf8"));
}

/**
 * One core for the server and one for the load.
 *
 * @returns none, and why, where they cannot be told apart.
 */
export function chooseCores() {
  const allowed = readAffinity();
  if (allowed === undefined) return { note: "not pinned: there is no taskset here" };
  if (allowed.length < 2) return { note: "not pinned: there is one core only" };
  const [server] = allowed;
  const load = allowed.at(-1);
  // This process does nothing while something is measured, and little otherwise.
  execFileSync("taskset", ["-a", "-cp", String(load), String(process.pid)]);
  return { server, load, note: "the server pinned to one core, the load to another" };
}

function readAffinity() {
  try {
    const text = execFileSync("taskset", ["-cp", String(process.pid)], { encoding: "utf8" });
    return text
      .slice(text.lastIndexOf(":") + 1)
      .split(",")
      .flatMap((range) => expand(range.trim().split("-").map(Number)));
  } catch {
    return undefined;
  }
}

function expand([first, last = first]) {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
