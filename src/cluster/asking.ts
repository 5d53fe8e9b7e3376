import { TIMED_OUT, withTimeout } from "../shared/timeout.js";
import type { ClusterBus, Exchange, Frame, Gathered } from "./cluster-bus.js";
import { isPacket } from "./envelope.js";

/** What exchanges of questions begin with; others choose kinds of letters. */
const ASK = ":ask";
const ANSWER = ":answer";

type Answer = (question: Frame, asker: string) => unknown;

/** Questions to all other nodes, each an exchange with one of them. */
export class Asking {
  readonly #answers = new Map<string, Answer>();
  readonly #bus: Pick<ClusterBus, "open">;

  constructor(bus: Pick<ClusterBus, "open" | "onExchange">) {
    this.#bus = bus;
    bus.onExchange(ASK, ([, question], exchange) => void this.#answer(question, exchange));
  }

  on(kind: string, answer: Answer): void {
    this.#answers.set(kind, answer);
  }

  async #answer(question: unknown, exchange: Exchange): Promise<void> {
    const answer = isPacket(question) ? this.#answers.get(question[0]) : undefined;
    if (answer === undefined) {
      exchange.abort();
      return;
    }
    try {
      const said = await answer(question as Frame, exchange.peer);
      exchange.send([ANSWER, said]);
      exchange.end();
    } catch {
      // A rejection is no answer.
      exchange.abort();
    }
  }

  /** @returns what they answered in time, and who did not. */
  async gather(
    nodes: readonly string[],
    question: Frame,
    timeoutMs: number,
  ): Promise<Gathered<unknown>> {
    const answers = new Map<string, unknown>();
    const exchanges: Exchange[] = [];
    const asked = nodes.map((node) => {
      const exchange = this.#bus.open(node, [ASK, question]);
      exchanges.push(exchange);
      return new Promise<void>((resolve) => {
        exchange.onFrame = ([kind, said]) => {
          if (kind === ANSWER) answers.set(node, said);
          resolve();
        };
        exchange.onEnd = exchange.onLost = () => resolve();
      });
    });
    const isLate = (await withTimeout(Promise.all(asked), timeoutMs)) === TIMED_OUT;
    if (isLate) for (const exchange of exchanges) exchange.end();
    return {
      answers: new Map(answers),
      unreached: nodes.filter((node) => !answers.has(node)),
    };
  }
}
