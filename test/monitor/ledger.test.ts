import { Ledger } from "../../src/monitor/ledger.js";
import { Rate } from "../../src/monitor/rate.js";
import { Tally } from "../../src/monitor/tally.js";
import { FactHub } from "../../src/observe/fact-hub.js";
import type { Call, DeniedFact, SessionRef } from "../../src/observe/facts.js";

const ALICE = { id: "alice", method: "jwt", issuer: undefined, clientId: undefined };

const SESSION: SessionRef = {
  id: "s1",
  principal: ALICE,
  transport: "sse",
  era: "2024",
  protocolVersion: undefined,
  state: "open",
  openedAt: 0,
  client: undefined,
  address: "203.0.113.7",
};

function createHub(): FactHub {
  return new FactHub("test", (error) => {
    throw error as Error;
  });
}

function callOf(id: number | string, name: string, isKnown = true): Call {
  return {
    session: SESSION,
    principal: ALICE,
    id,
    method: "tools/call",
    target: { kind: "tool", name, isKnown },
    address: "203.0.113.7",
    startedAt: performance.now(),
    trace: { meta: undefined, http: undefined },
  };
}

function denialOf(name: string): DeniedFact {
  return { kind: "tool", name, denial: { code: "forbidden" }, session: SESSION, principal: ALICE };
}

const runWithin = (): void => undefined;

describe("FACT-51: what has happened", () => {
  it("is counted by what it was, with who was there last", () => {
    const hub = createHub();
    const ledger = new Ledger(hub);
    const refusal = { status: 401, leg: "stream", reason: "", isOthers: false } as const;
    const from = { principal: undefined, address: "192.0.2.1" };
    hub.emit("refusal", { ...refusal, ...from, code: "invalid_token" });
    hub.emit("refusal", { ...refusal, ...from, code: "invalid_token" });
    hub.emit("refusal", { ...refusal, ...from, code: "missing_credential" });
    hub.emit("limit", {
      limit: "maxInFlight",
      outcome: "refused",
      session: SESSION,
      principal: ALICE,
    });
    const missing = { code: "insufficient_scope", needed: ["a", "b"], missing: ["b"] } as const;
    hub.emit("denied", { ...denialOf("refund"), denial: missing });
    hub.emit("revoked", { by: "close-for", principal: ALICE, ended: 2 });
    const closed = { event: "closed", reason: "idle", mark: undefined, from: undefined } as const;
    const waiting = () => ({ waitingBytes: 0, waitingSince: undefined });
    hub.emit("session", { ...closed, session: SESSION, waiting });

    expect(ledger.refusals.list()).toMatchObject([
      { what: { code: "invalid_token", status: 401 }, count: 2, lastBy: "192.0.2.1" },
      { what: { code: "missing_credential" }, count: 1 },
    ]);
    expect(ledger.limits.list()).toMatchObject([
      { what: { limit: "maxInFlight", outcome: "refused" }, lastBy: "alice, from 203.0.113.7" },
    ]);
    expect(ledger.denials.list()).toMatchObject([{ what: { name: "refund", missing: ["b"] } }]);
    expect(ledger.revocations).toMatchObject([{ by: "close-for", ended: 2 }]);
    expect(ledger.endings.list()).toMatchObject([{ what: "idle", count: 1 }]);
    expect(ledger.rates.refusals.lastMinute()).toBe(3);
  });

  it("has calls until they are answered, the oldest first, and what came of them", () => {
    const hub = createHub();
    const ledger = new Ledger(hub);
    const [first, second, third] = [callOf(1, "slow"), callOf("1", "fast"), callOf(3, "fast")];
    for (const call of [first, second, third]) hub.emit("call-started", { ...call, runWithin });
    expect(ledger.openCalls().map(({ name }) => name)).toEqual([
      "tool slow",
      "tool fast",
      "tool fast",
    ]);

    const ended = { rpcCode: undefined, outcome: "ok" } as const;
    hub.emit("call-ended", { ...ended, call: second, durationMs: 10 });
    hub.emit("call-ended", { ...ended, call: third, outcome: "tool-error", durationMs: 30 });
    expect(ledger.openCalls()).toMatchObject([{ name: "tool slow" }]);
    expect(ledger.calls.list()).toMatchObject([
      { what: { name: "tool fast", failed: 1, totalMs: 40, slowestMs: 30 }, count: 2 },
    ]);
    expect(ledger.failedCalls).toBe(1);
  });

  it("stays small, whatever names callers invent, and what is real is seen", () => {
    const hub = createHub();
    const ledger = new Ledger(hub);
    for (let n = 0; n < 5_000; n++) {
      hub.emit("denied", denialOf(`invented ${n} ${"x".repeat(10_000)}`));
      hub.emit("call-ended", {
        ...{ call: callOf(n, `invented ${n}`, false), outcome: "error" as const },
        ...{ rpcCode: -32602, durationMs: 1 },
      });
      hub.emit("revoked", { by: "close-for", principal: undefined, ended: 0 });
    }
    hub.emit("denied", denialOf("refund"));

    expect(ledger.denials.total).toBe(5_001);
    expect(ledger.denials.list().length).toBeLessThanOrEqual(100);
    expect(ledger.denials.list().map(({ what }) => what.name)).toContain("refund");
    expect(JSON.stringify(ledger.denials.list()).length).toBeLessThan(100_000);
    expect(ledger.calls.list()).toMatchObject([{ what: { failed: 5_000 }, count: 5_000 }]);
    expect(ledger.revocations.length).toBe(20);
    // Each is a row of its own, also of those that were at the same time.
    expect(new Set(ledger.revocations.map(({ nth }) => nth)).size).toBe(20);
  });

  it("is heard of by nobody once a monitor is closed", () => {
    const hub = createHub();
    const ledger = new Ledger(hub);
    expect(hub.has("call-started")).toBe(true);
    ledger.close();
    expect(hub.has("call-started")).toBe(false);
  });
});

it("FACT-51: what has not happened for longest is counted among the others", () => {
  const tally = new Tally<number>();
  tally.note("first", 0, "");
  for (let n = 0; n < 99; n++) tally.note(`kind ${n}`, n, "");
  tally.note("first", 0, "");
  tally.note("one more", 0, "");
  expect(tally.get("first")?.count).toBe(2);
  expect(tally.get("kind 0")).toBeUndefined();
  expect([tally.total, tally.others]).toEqual([102, 1]);
});

describe("FACT-51: a rate", () => {
  it("has the last ten minutes, the oldest first", () => {
    const rate = new Rate(0);
    rate.note(5_000);
    rate.note(15_000);
    rate.note(15_001);
    expect(rate.steps(15_002)).toHaveLength(60);
    expect(rate.steps(15_002).slice(-2)).toEqual([1, 2]);
    expect(rate.lastMinute(15_002)).toBe(3);
    expect(rate.lastMinute(61_000)).toBe(2);
    expect(rate.steps(65_000).slice(-7)).toEqual([1, 2, 0, 0, 0, 0, 0]);
  });

  it("is empty after a silence, however long", () => {
    const rate = new Rate(0);
    rate.note(1_000);
    expect(rate.steps(599_000).reduce((a, b) => a + b)).toBe(1);
    expect(rate.steps(601_000).reduce((a, b) => a + b)).toBe(0);
    rate.note(1e9);
    expect(rate.steps(1e9 + 1).at(-1)).toBe(1);
    expect(rate.lastMinute(1e12)).toBe(0);
  });
});
