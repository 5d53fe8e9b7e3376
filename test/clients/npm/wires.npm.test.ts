import type express from "express";
import { cleanUpAfterEach } from "../../kit/clean-up.js";
import { throughMcpRemote } from "../../kit/mcp-remote.js";
import type { McpRemoteMode } from "../../kit/mcp-remote.js";
import {
  client112,
  client120,
  client125,
  streamable112,
  streamable120,
  streamable125,
} from "../../kit/old-sdk-clients.js";
import { begunBy, casesOf, talk } from "../../kit/wires.js";
import type { Major, WireCase } from "../../kit/wires.js";
import { MCP_REMOTE_WIRES, OTHER_WIRES } from "./wires.js";
import type { WireRow } from "./wires.js";

cleanUpAfterEach();

/** What else may make a difference is in one or the other. */
const HOSTS = {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- an alias without types of its own
  v1: { framework: require("express4") as typeof express },
  v2: { ahead: true },
};

/** As many processes as a small machine can start at a time. */
const AT_A_TIME = 3;

const old = [client112, client120, client125, streamable112, streamable120, streamable125];

function modeNamed(name: string): McpRemoteMode {
  const [transport, protocol] = name.split(" ");
  return { transport, protocol } as McpRemoteMode;
}

const runsOf = (rows: readonly WireRow[], major: Major) =>
  rows.flatMap((row) =>
    row.runs.flatMap((name) => casesOf(row, major).map((wire) => ({ name, wire }))),
  );

/** What came of a run, in the words of the table; a failure in its own, if it is another. */
function said({ expected }: WireCase, { outcome, begun }: Awaited<ReturnType<typeof talk>>) {
  const isExpected = typeof expected !== "string" && expected.fails.test(outcome);
  return { outcome: isExpected ? expected.because : outcome, begun };
}

const wanted = ({ expected }: WireCase) => ({
  outcome: typeof expected === "string" ? expected : expected.because,
  begun: begunBy(expected),
});

describe.each(["v1", "v2"] as const)("with servers of SDK %s", (major) => {
  it("STREAMABLE-2, STREAMABLE-14: clients of older versions talk the wire of their URL", async () => {
    for (const { name, wire } of runsOf(OTHER_WIRES, major)) {
      const client = old.find((kit) => kit.name === name)!;
      const outcome = said(wire, await talk(client, wire, HOSTS[major]));
      expect({ name, at: wire.at, ...outcome }).toEqual({ name, at: wire.at, ...wanted(wire) });
    }
  });

  it("STREAMABLE-2, MODERN-1, MODERN-3: mcp-remote talks in each mode the wire of its URL", async () => {
    const left = runsOf(MCP_REMOTE_WIRES, major).entries();
    const found: object[] = [];
    const expected: object[] = [];
    const work = async () => {
      for (const [index, { name, wire }] of left) {
        const client = await throughMcpRemote(modeNamed(name));
        const outcome = await talk(client, wire, HOSTS[major]);
        found[index] = { name, at: wire.at, ...said(wire, outcome) };
        expected[index] = { name, at: wire.at, ...wanted(wire) };
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    expect(found).toEqual(expected);
  });
});
