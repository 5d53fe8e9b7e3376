import type { Attributes } from "@opentelemetry/api";
import type { SessionRef } from "../observe/facts.js";
import { wireAttributes } from "./attributes.js";

/** The attributes of each wire of each router, made once: there are few, and a call needs them twice. */
export class Wires {
  readonly #known = new Map<string, Attributes>();

  of(router: string, session: SessionRef): Attributes {
    const key = `${session.transport} ${session.era ?? ""} ${router}`;
    let found = this.#known.get(key);
    if (found === undefined) {
      found = wireAttributes(router, session);
      this.#known.set(key, found);
    }
    return found;
  }

  all(): Iterable<Attributes> {
    return this.#known.values();
  }

  /** How often each occurs among these, those included that do not. */
  tally(all: Iterable<Attributes>): ReadonlyMap<Attributes, number> {
    const counts = new Map<Attributes, number>();
    for (const wire of this.#known.values()) counts.set(wire, 0);
    for (const wire of all) counts.set(wire, (counts.get(wire) ?? 0) + 1);
    return counts;
  }
}
