import type { Attributes, Meter } from "@opentelemetry/api";
import type { SessionFact, WaitingMessages } from "../observe/facts.js";
import type { FactListeners } from "./fact-listeners.js";
import { whenAsked } from "./when-asked.js";
import type { Wires } from "./wires.js";

/** A session that there is. */
export interface OpenSession {
  readonly wire: Attributes;
  readonly waiting: SessionFact["waiting"];
}

interface Outboxes {
  bytes: number;
  /** Milliseconds since the epoch; `Infinity` while nothing waits. */
  since: number;
}

/** How much waits for clients, and since when: looked at when somebody asks. */
export function observeOutboxes(
  meter: Meter,
  facts: FactListeners,
  { wires, open }: { readonly wires: Wires; readonly open: () => Iterable<OpenSession> },
): void {
  const bytes = meter.createObservableUpDownCounter("express_mcp_sse.outbox.bytes", {
    description: "Memory of messages that are kept for clients, or that they have not read yet.",
    unit: "By",
  });
  const oldest = meter.createObservableGauge("express_mcp_sse.outbox.oldest", {
    description: "How long the oldest message waits that its client is not known to have.",
    unit: "s",
  });
  whenAsked(meter, facts, [bytes, oldest], (result) => {
    const all = new Map<Attributes, Outboxes>();
    for (const wire of wires.all()) all.set(wire, { bytes: 0, since: Infinity });
    for (const { wire, waiting } of open()) add(all.get(wire), waiting());
    for (const [wire, { bytes: kept, since }] of all) {
      result.observe(bytes, kept, wire);
      result.observe(oldest, Math.max(0, Date.now() - since) / 1000, wire);
    }
  });
}

function add(
  sum: Outboxes | undefined,
  { waitingBytes, waitingSince = Infinity }: WaitingMessages,
): void {
  if (sum === undefined) return;
  sum.bytes += waitingBytes;
  sum.since = Math.min(sum.since, waitingSince);
}
