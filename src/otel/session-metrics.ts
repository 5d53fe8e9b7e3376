import type { Attributes, Meter } from "@opentelemetry/api";
import type { SessionFact } from "../observe/facts.js";
import { addVersion } from "./attributes.js";
import { createDuration } from "./durations.js";
import type { FactListeners } from "./fact-listeners.js";
import { observeOutboxes } from "./outbox-metrics.js";
import type { OpenSession } from "./outbox-metrics.js";
import { Wires } from "./wires.js";

/** Ends of a session that its client did not want, and nobody decided. */
const FAILED: ReadonlySet<string> = new Set([
  "reader-stalled",
  "buffer-overflow",
  "client-lost",
  "never-initialized",
  "failed-to-open",
]);

interface Counted extends OpenSession {
  readonly state: "open" | "detached";
}

/** How many sessions there are, how long they last, why they end, and how clients come back. */
export function measureSessions(meter: Meter, facts: FactListeners): void {
  const sessions = meter.createUpDownCounter("express_mcp_sse.sessions", {
    description: "Sessions, by whether their client is there.",
    unit: "{session}",
  });
  const duration = createDuration(
    meter,
    "mcp.server.session.duration",
    "How long sessions lasted that have ended.",
  );
  const resumptions = meter.createCounter("express_mcp_sse.resumptions", {
    description: "Clients that came back to their session, by what showed that it is theirs.",
    unit: "{resumption}",
  });
  const moves = meter.createCounter("express_mcp_sse.cluster.moves", {
    description: "Sessions that go on here and were at another node before.",
    unit: "{session}",
  });
  const counted = new CountedSessions((change, attributes) => sessions.add(change, attributes));
  const wires = new Wires();
  observeOutboxes(meter, facts, { wires, open: () => counted.open() });

  facts.on("session", (fact, router) => {
    const { event, session, mark } = fact;
    const wire = wires.of(router, session);
    counted.note(fact, router, wire);
    // One that could not be opened counts, too.
    if (event === "closed" || event === "abandoned") {
      duration.record(lasted(session.openedAt), endOf(fact, wire));
    }
    if (event === "resumed") {
      resumptions.add(1, { ...wire, ...(mark !== undefined && { "express_mcp_sse.mark": mark }) });
    }
    if (event === "moved") moves.add(1, wire);
  });
  facts.onStop(() => counted.clear());
}

function lasted(openedAt: number): number {
  return Math.max(0, Date.now() - openedAt) / 1000;
}

function endOf({ reason, session }: SessionFact, wire: Attributes): Attributes {
  const attributes = { ...wire };
  addVersion(attributes, session);
  if (reason === undefined) return attributes;
  attributes["express_mcp_sse.close_reason"] = reason;
  if (FAILED.has(reason)) attributes["error.type"] = reason;
  return attributes;
}

/** Which sessions are counted, and as what: each once, whatever is announced of it. */
class CountedSessions {
  readonly #add: (change: 1 | -1, attributes: Attributes) => void;
  readonly #states = new Map<string, Counted>();

  constructor(add: (change: 1 | -1, attributes: Attributes) => void) {
    this.#add = add;
  }

  note({ event, session, waiting }: SessionFact, router: string, wire: Attributes): void {
    const key = `${router} ${session.id}`;
    const before = this.#states.get(key);
    if (event === "closed" || event === "abandoned") {
      this.#remove(key);
      return;
    }
    const state = event === "detached" || session.state === "detached" ? "detached" : "open";
    if (before?.state === state) return;
    this.#remove(key);
    this.#states.set(key, { state, wire, waiting });
    this.#count(1, state, wire);
  }

  open(): Iterable<OpenSession> {
    return this.#states.values();
  }

  clear(): void {
    for (const key of [...this.#states.keys()]) this.#remove(key);
  }

  #remove(key: string): void {
    const before = this.#states.get(key);
    if (before === undefined) return;
    this.#states.delete(key);
    this.#count(-1, before.state, before.wire);
  }

  #count(change: 1 | -1, state: Counted["state"], wire: Attributes): void {
    this.#add(change, { ...wire, "express_mcp_sse.state": state });
  }
}
