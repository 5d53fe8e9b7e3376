import { EventEmitter, once } from "node:events";
import type { CloseReason, LimitReached, Principal, SseRouter } from "../../src/index.js";
import { until } from "./waiting.js";

/** What a router's sessions have announced, and a way to wait for it. */
export class Facts {
  readonly limited: LimitReached<Principal | undefined>[] = [];
  readonly closed: { readonly id: string; readonly reason: CloseReason }[] = [];
  readonly #events = new EventEmitter().setMaxListeners(0);

  constructor(sessions: SseRouter["sessions"]) {
    sessions.on("limited", (fact) => {
      this.limited.push(fact);
      this.#events.emit("fact");
    });
    sessions.on("closed", ({ id }, reason) => {
      this.closed.push({ id, reason });
      this.#events.emit("fact");
    });
  }

  /** The reason for which a session has ended, or will end. */
  async reasonOf(id: string): Promise<CloseReason> {
    for (;;) {
      const found = this.closed.find((fact) => fact.id === id);
      if (found !== undefined) return found.reason;
      await once(this.#events, "fact");
    }
  }

  /** The first fact about a limit, as soon as there is one. */
  async reached(limit: LimitReached<unknown>["limit"]): Promise<LimitReached<unknown>> {
    for (;;) {
      const found = this.limited.find((fact) => fact.limit === limit);
      if (found !== undefined) return found;
      await once(this.#events, "fact");
    }
  }
}

/** Resolves when the server knows that the client of a session has left, and waits for it. */
export async function detached(sessions: SseRouter["sessions"], id: string): Promise<void> {
  await until(() => sessions.get(id)?.state === "detached");
}
