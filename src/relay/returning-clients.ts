import { randomUUID } from "node:crypto";
import type { ClusterBus } from "../cluster/cluster-bus.js";
import { directoryIsAway } from "../cluster/record-store.js";
import type { Sealer } from "../cluster/record-store.js";
import type { KeptSession } from "../http/moved-session.js";
import type { ReturningClients } from "../http/returning-clients.js";
import type { Requester } from "../session/requester.js";
import type { ReturnMarks } from "./return-marks.js";

export interface ClusterReturningInit {
  readonly bus: ClusterBus;
  readonly box: Sealer;
  /** See {@link ReturningClients.look}. */
  readonly look: ReturningClients["look"];
  readonly marks: ReturnMarks;
  readonly relayTimeoutMs: number;
}

/** The kind of exchange, and of question, that is about clients that were asked. */
const ANSWERED = "client-answered";
const IN_TOUCH = "in-touch";

/** How long nodes may take to say that they are there, in milliseconds. */
const IN_TOUCH_MS = 1_000;

/** How long is rested before it is looked again for what may be written down soon, in milliseconds. */
const REST_MS = 100;

/** For what names of questions are sealed. */
const PLACE = "question";

/** {@link ReturningClients} over a bus. */
export class ClusterReturning implements ReturningClients {
  readonly #init: ClusterReturningInit;

  constructor(init: ClusterReturningInit) {
    this.#init = init;
    init.bus.onQuestion(IN_TOUCH, () => true);
  }

  get patienceMs(): number {
    return this.#init.relayTimeoutMs;
  }

  async look(id: string, asker: Requester): Promise<KeptSession | undefined> {
    return await this.#init.look(id, asker);
  }

  async whoMisses(mark: string, asker: Requester): Promise<readonly string[]> {
    const { bus, marks, relayTimeoutMs } = this.#init;
    const until = performance.now() + relayTimeoutMs;
    for (;;) {
      if (!(await bus.whenUp(until - performance.now()))) throw directoryIsAway();
      const holders = await marks.holders(mark, asker);
      if (holders.length > 0 || (await bus.confirmDirectory())) return holders;
      // Nodes may still be writing down what they have.
      if (performance.now() + REST_MS >= until) throw directoryIsAway();
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
    }
  }

  async areInTouch(holders: readonly string[]): Promise<boolean> {
    const { bus } = this.#init;
    if (bus.state === "down") return false;
    const { unreached } = await bus.gather([IN_TOUCH], IN_TOUCH_MS);
    return !unreached.some((node) => holders.includes(node));
  }

  /**
   * Security decision: it is sealed, so that nobody outside learns from it which node asked, or makes one that
   * has a node hear of an answer; and it holds what nobody can guess, so that no other question has it.
   */
  nameQuestion(): string {
    const { bus, box } = this.#init;
    const sealed = box.seal(JSON.stringify([bus.node, randomUUID()]), PLACE);
    return Buffer.from(sealed).toString("base64url");
  }

  tellAnswer(question: string, sessionId: string): void {
    const { bus, box } = this.#init;
    const node = nodeIn(box.open(Buffer.from(question, "base64url").toString(), PLACE));
    // One of this node's has had its answer.
    if (node === undefined || node === bus.node) return;
    // Whoever is not there would be greeted for a while: a question may be old, or made up where nothing is sealed.
    const telling = bus.isAlive(node).then((isThere) => {
      if (isThere) bus.open(node, [ANSWERED, question, sessionId]);
    });
    // While nobody can tell, its client is waited for as if nothing had come.
    telling.catch(() => undefined);
  }

  onAnswer(hear: (question: string, sessionId: string) => void): void {
    this.#init.bus.onExchange(ANSWERED, ([, question, sessionId], exchange) => {
      exchange.end();
      hear(String(question), String(sessionId));
    });
  }
}

/** Where nothing is sealed, anybody may have made it. */
function nodeIn(text: string | undefined): string | undefined {
  try {
    const [node] = JSON.parse(text ?? "[]") as readonly unknown[];
    return typeof node === "string" ? node : undefined;
  } catch {
    return undefined;
  }
}
