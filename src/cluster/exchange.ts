import { errorName } from "../shared/log-text.js";
import type { Logger } from "../shared/logger.js";
import type { Exchange, ExchangeLoss, Frame } from "./cluster-bus.js";
import { isPacket } from "./envelope.js";
import type { Link, Outbound } from "./link.js";

/** What a frame of a link is; it is the second item, behind the exchange's number. */
const OPEN = 0;
const FRAME = 1;
const END = 2;
const ABORT = 3;
const UNSUPPORTED = 4;
const TOLD = 5;

/** Who answers what other nodes begin. */
export interface Answerers {
  readonly logger: Logger;
  /** Hears that an exchange is over. */
  over(): void;
  /** @returns whether there is somebody who does. */
  answer(opening: Frame, exchange: Exchange): boolean;
  told(frame: Frame, teller: string): void;
}

/** The exchanges of one link: one side of it begins them all, and numbers them. */
export class LinkedExchanges {
  readonly #link: Link;
  readonly #answerers: Answerers;
  readonly #open = new Map<number, LinkedExchange>();
  #last = 0;

  constructor(link: Link, answerers: Answerers) {
    this.#link = link;
    this.#answerers = answerers;
  }

  /** How many somebody waits to hear of. */
  get openCount(): number {
    return this.#open.size;
  }

  /** How many of them the other side may have heard of, or has begun. */
  get heardCount(): number {
    return [...this.#open.values()].filter(({ mayBeHeard }) => mayBeHeard).length;
  }

  begin(opening: Frame): Exchange {
    const exchange = this.#add(++this.#last);
    exchange.begin(opening);
    return exchange;
  }

  tell(frame: Frame): void {
    this.#link.send({ text: JSON.stringify([0, TOLD, frame]), tries: 0 });
  }

  /** A frame of the other side. */
  receive(frame: unknown): void {
    if (!Array.isArray(frame)) return;
    const [number, what, content] = frame as unknown[];
    if (typeof number !== "number") return;
    if (what === TOLD && isPacket(content)) this.#answerers.told(content, this.#link.peer);
    else if (what === OPEN && isPacket(content)) this.#answer(number, content);
    else this.#open.get(number)?.receive(what, content);
  }

  #answer(number: number, opening: Frame): void {
    const exchange = this.#add(number);
    if (!this.#answerers.answer(opening, exchange)) exchange.refuse();
  }

  #add(number: number): LinkedExchange {
    const { logger } = this.#answerers;
    const exchange = new LinkedExchange(number, {
      link: this.#link,
      logger,
      forget: () => {
        this.#open.delete(number);
        this.#answerers.over();
      },
    });
    this.#open.set(number, exchange);
    return exchange;
  }

  /** Nobody hears what is sent: what was not heard by anybody will not be. */
  loseUnheard(): void {
    for (const exchange of [...this.#open.values()]) exchange.loseUnheard();
  }

  /** The link is lost, and its frames are gone. */
  lose(): void {
    for (const exchange of [...this.#open.values()]) exchange.lose();
  }
}

interface Context {
  readonly link: Link;
  readonly logger: Logger;
  forget(): void;
}

class LinkedExchange implements Exchange {
  readonly peer: string;
  onFrame: ((frame: Frame) => void) | undefined;
  onEnd: (() => void) | undefined;
  onLost: ((loss: ExchangeLoss) => void) | undefined;
  readonly #number: number;
  readonly #context: Context;
  #isOver = false;
  #unheard = 0;
  /** Where this side has begun it. */
  #opening: Outbound | undefined;
  readonly #noteHeard = (): void => {
    this.#unheard--;
  };

  constructor(number: number, context: Context) {
    this.peer = context.link.peer;
    this.#number = number;
    this.#context = context;
  }

  get unheard(): number {
    return this.#unheard;
  }

  begin(frame: Frame): void {
    this.#opening = this.#send(OPEN, frame);
  }

  send(frame: Frame): void {
    if (!this.#isOver) this.#send(FRAME, frame);
  }

  end(): void {
    this.#leave(END);
  }

  abort(): void {
    this.#leave(ABORT);
  }

  /** Nobody here answers such a thing. */
  refuse(): void {
    this.#leave(UNSUPPORTED);
  }

  #leave(how: number): void {
    if (this.#isOver) return;
    this.#send(how);
    this.#finish();
  }

  #finish(): void {
    this.#isOver = true;
    this.#context.forget();
  }

  #send(what: number, frame?: Frame): Outbound {
    const content = frame === undefined ? [] : [frame];
    const text = JSON.stringify([this.#number, what, ...content]);
    const outbound = { text, tries: 0, onHeard: this.#noteHeard };
    this.#unheard++;
    this.#context.link.send(outbound);
    return outbound;
  }

  receive(what: unknown, content: unknown): void {
    if (what === FRAME && isPacket(content)) this.#call(() => this.onFrame?.(content));
    else if (what === END) this.#close(() => this.onEnd?.());
    // It came from there, or was not looked at there.
    else if (what === ABORT) this.#close(() => this.onLost?.({ mayBeHeard: true }));
    else if (what === UNSUPPORTED) this.#close(() => this.onLost?.({ mayBeHeard: false }));
  }

  /**
   * Whether the other side may have heard of it.
   *
   * Security decision: what was sent may have been heard and acted on, unless each time that its
   * beginning was sent the engine was certain that nobody heard. A rejection, and silence, are no such
   * certainty.
   */
  get mayBeHeard(): boolean {
    return this.#opening === undefined || this.#opening.tries > 0;
  }

  /** The other node is gone, or cannot be reached. */
  lose(): void {
    const { mayBeHeard } = this;
    this.#close(() => this.onLost?.({ mayBeHeard }));
  }

  /** Takes back its beginning, if nobody has heard it: without that nothing of it counts. */
  loseUnheard(): void {
    const opening = this.#opening;
    if (opening === undefined || this.mayBeHeard) return;
    opening.text = "[0]".padEnd(opening.text.length);
    this.lose();
  }

  #close(tell: () => void): void {
    if (this.#isOver) return;
    this.#finish();
    this.#call(tell);
  }

  /** Whoever hears it must not harm what others of the same link hear. */
  #call(hear: () => void): void {
    try {
      hear();
    } catch (error) {
      this.#context.logger.error(`A listener of the cluster has thrown: ${errorName(error)}`);
      this.abort();
    }
  }
}
