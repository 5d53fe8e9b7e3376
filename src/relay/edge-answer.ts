import type { ServerResponse } from "node:http";
import type { Exchange } from "../cluster/cluster-bus.js";
import { FrameWriter } from "../http/frame-writer.js";
import { onResponseEnd, onResponseTurn, waitsForTurn } from "../http/response-end.js";
import { ReaderWatch } from "../http/slow-reader.js";
import { WORTH_TELLING } from "./paced-text.js";
import { checkAnswer } from "./relay-frames.js";
import type { RelayFrame, ToldHead } from "./relay-frames.js";

/** How long the last of a response may take to leave, in milliseconds: nobody watches its reader any more. */
const LONGEST_END_MS = 60_000;

/** How a response is written that comes from another node. */
export interface EdgeAnswerInit {
  readonly res: ServerResponse;
  readonly exchange: Exchange;
  /** How soon a client whose stream is cut comes back, in milliseconds; `undefined` where it is not told. */
  readonly retryMs: number | undefined;
  /** After how long without a byte taken its reader counts as gone; 0 for never. */
  readonly stallMs: number;
  /** A credential that the client is to be told again, for what the other node has written in its place. */
  readonly putIn: { readonly standIn: string; readonly credential: string } | undefined;
  /** Is called once: nothing more will be written, or its client has left. */
  readonly over: () => void;
}

/**
 * The response that a client gets from another node, as it is written here. What its reader has
 * taken is told to that node, which sends no more than fits into a window.
 */
export class EdgeAnswer {
  readonly #init: EdgeAnswerInit;
  #forget: (() => void) | undefined;
  #writer: FrameWriter | undefined;
  #watch: ReaderWatch | undefined;
  /** Taken, and not told. */
  #taken = 0;
  /** Written, and not taken. */
  #untaken = 0;
  /** Whether it is an event stream that its client can come back to, and whether the last event is whole. */
  #canComeBack = false;
  #isWhole = true;
  #isStream = false;
  #hasPutIn = false;
  #hasBegun = false;
  #hasEnded = false;
  #isOver = false;

  constructor(init: EdgeAnswerInit) {
    this.#init = init;
    this.#forget = onResponseEnd(init.res, () => this.#clientLeft());
    const { res, exchange } = init;
    if (waitsForTurn(res)) onResponseTurn(res, () => this.#tell(exchange, ["turn"]));
  }

  /** Whether anything of the response was touched. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** @throws Error for what is no part of an answer; nothing was touched for it. */
  hear(frame: RelayFrame): void {
    if (this.#isOver) return;
    checkAnswer(frame);
    const isRest = frame[0] === "text" || frame[0] === "end";
    if (isRest && this.#writer === undefined) throw new TypeError("an answer has no head");
    this.#hasBegun = true;
    if (frame[0] === "answer") this.#answer(frame[1], frame[2]);
    else if (frame[0] === "head") this.#begin(frame[1]);
    else if (frame[0] === "text") this.#write(frame[1]);
    else if (frame[0] === "end") this.#end();
    else if (frame[0] === "cut") this.#cut();
  }

  /** Another node is asked: the response is left as it is. */
  drop(): void {
    this.#finish();
  }

  /** The other node has no more to say. */
  exchangeEnded(): void {
    if (!this.#hasEnded) this.leave();
  }

  /**
   * Nothing more comes from the other node: the client is told to come back, if what it has allows
   * that, and else cut off, which tells it the same.
   */
  leave(): void {
    if (this.#isOver) return;
    const { res, retryMs } = this.#init;
    if (this.#canComeBack && this.#isWhole && retryMs !== undefined && !this.#hasEnded) {
      res.end(`retry: ${retryMs}\n\n`);
      this.#cutLate();
      this.#finish();
    } else this.#cut();
  }

  #answer(head: ToldHead, text: string): void {
    const { res } = this.#init;
    if (res.headersSent) {
      this.#begin(head);
      if (this.#isOver) return;
      res.end(text);
    } else {
      res.statusCode = head[0];
      for (const [name, value] of head[1]) this.#setHeader(name, value);
      res.end(text);
    }
    this.#hasEnded = true;
    this.#cutLate();
    this.#finish();
  }

  #begin([status, headers]: ToldHead): void {
    const { res } = this.#init;
    const type = headers.find(([name]) => name.toLowerCase() === "content-type")?.[1];
    this.#isStream = String(type ?? "").startsWith("text/event-stream");
    if (res.headersSent) {
      // Its client had to be asked something, on what is an event stream already: nothing else fits.
      if (status !== 200 || !this.#isStream) {
        this.#canComeBack = true;
        this.leave();
        return;
      }
    } else {
      for (const [name, value] of headers) this.#setHeader(name, value);
      res.writeHead(status);
      res.flushHeaders();
    }
    this.#canComeBack = this.#isStream && res.req.method === "GET";
    this.#writer = new FrameWriter(res);
    this.#writer.onDrain(this.#drained);
    res.on("error", ignore);
    // A body that nobody reads would keep the end of its connection from being seen.
    res.req.resume();
  }

  /** Beside those cookies that are set already. */
  #setHeader(name: string, value: ToldHead[1][number][1]): void {
    const { res } = this.#init;
    const isCookie = name.toLowerCase() === "set-cookie";
    const others = isCookie ? res.getHeader(name) : undefined;
    res.setHeader(name, others === undefined ? value : [others, value].flat().map(String));
  }

  #write(text: string): void {
    // Whoever has heard an id can come back for the rest; a GET needs none.
    if (this.#isStream && text.startsWith("id: ")) this.#canComeBack = true;
    this.#isWhole = text.endsWith("\n\n");
    const shown = this.#withCredential(text);
    const hasRoom = this.#writer?.write(shown, Buffer.byteLength(shown)) ?? false;
    this.#untaken += text.length;
    if (hasRoom) this.#noteTaken();
    else this.#startWatch();
  }

  /** As it stands in a query. Once it was put in, nothing more is looked for. */
  #withCredential(text: string): string {
    const { putIn } = this.#init;
    if (putIn === undefined || this.#hasPutIn || !text.includes(putIn.standIn)) return text;
    this.#hasPutIn = true;
    const { credential } = putIn;
    const written = new URLSearchParams({ "": credential }).toString().slice(1);
    return text.replace(putIn.standIn, () => written);
  }

  readonly #drained = (): void => {
    this.#watch?.stop();
    this.#noteTaken();
  };

  #noteTaken(): void {
    this.#taken += this.#untaken;
    this.#untaken = 0;
    if (this.#taken < WORTH_TELLING || this.#isOver) return;
    this.#tell(this.#init.exchange, ["took", this.#taken]);
    this.#taken = 0;
  }

  /** While its reader is slow, the other node hears that it reads at all: there it is decided whether it may stay. */
  #startWatch(): void {
    const { res, exchange, stallMs } = this.#init;
    this.#watch ??= new ReaderWatch(res, (untakenMs) => {
      if (untakenMs === 0) this.#tell(exchange, ["took", 0]);
    });
    this.#watch.start(stallMs);
  }

  #end(): void {
    const { res, exchange } = this.#init;
    this.#hasEnded = true;
    res.end(() => {
      if (this.#isOver) return;
      this.#finish();
      exchange.end();
    });
    this.#cutLate();
  }

  #cut(): void {
    this.#finish();
    this.#init.res.destroy();
  }

  #cutLate(): void {
    const { res } = this.#init;
    if (res.writableFinished) return;
    onResponseTurn(res, () => {
      const cut = setTimeout(() => res.destroy(), LONGEST_END_MS).unref();
      onResponseEnd(res, () => clearTimeout(cut));
    });
  }

  #clientLeft(): void {
    if (this.#isOver) return;
    this.#finish();
    this.#init.exchange.abort();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watch?.stop();
    this.#writer?.offDrain(this.#drained);
    this.#forget?.();
    this.#init.over();
  }

  #tell(exchange: Exchange, frame: RelayFrame): void {
    if (!this.#isOver) exchange.send(frame);
  }
}

function ignore(): void {
  // The close that follows is what counts.
}
