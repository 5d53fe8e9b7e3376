import { EventEmitter } from "node:events";
import { validateHeaderName, validateHeaderValue } from "node:http";
import type { IncomingMessage, OutgoingHttpHeader, OutgoingHttpHeaders } from "node:http";
import { nextTick } from "node:process";
import type { Exchange } from "../cluster/cluster-bus.js";
import { PacedText } from "./paced-text.js";
import type { RelayFrame, ToldHead, ToldRequest } from "./relay-frames.js";
import { RelayedSocket } from "./relayed-socket.js";

/** So much may be on its way to a client of whom nothing is heard any more. */
const LAST_WORDS = 16_384;

/**
 * The response to a relayed request: what is written goes to the node that has the client.
 *
 * It offers what this package uses of a `ServerResponse`, and nothing else: state and headers, `write`
 * and `end` of text, and the events `close`, `drain`, `finish` and `socket`.
 */
export class RelayedResponse extends EventEmitter {
  statusCode = 200;
  /** Set by whoever makes the request. */
  req!: IncomingMessage;
  /** The edge makes chunks of what comes, where it does. */
  readonly chunkedEncoding = false;
  /** The client's connection, whether or not it is this response's turn on it. */
  readonly connection: RelayedSocket;
  readonly #exchange: Exchange;
  readonly #headers = new Map<string, readonly [name: string, value: OutgoingHttpHeader]>();
  readonly #text: PacedText;
  #waitsForTurn: boolean;
  #headersSent = false;
  #hasToldHead = false;
  #hasEnded = false;
  #isFinished = false;
  #isClosed = false;
  /** How often the edge has told that its client reads, although it has taken too little to be told of. */
  #signs = 0;

  constructor(told: ToldRequest, exchange: Exchange) {
    super();
    this.#exchange = exchange;
    this.#waitsForTurn = told.waitsForTurn;
    this.#text = new PacedText({
      send: (piece) => this.#send(["text", piece]),
      drained: () => this.emit("drain"),
      finished: () => this.#endText(),
    });
    const taken = (): number => this.#text.taken + this.#signs;
    this.connection = new RelayedSocket(told, taken, () => this.destroy());
    exchange.onFrame = (frame) => this.#hear(frame as RelayFrame);
    exchange.onEnd = () => {
      if (this.#hasEnded) this.#finish();
      this.leave();
    };
    exchange.onLost = () => this.leave();
  }

  /** `null` while the response waits for those before it on its connection, as Node has it. */
  get socket(): RelayedSocket | null {
    return this.#waitsForTurn ? null : this.connection;
  }

  get headersSent(): boolean {
    return this.#headersSent;
  }

  get writableEnded(): boolean {
    return this.#hasEnded;
  }

  get writableFinished(): boolean {
    return this.#isFinished;
  }

  get writableLength(): number {
    return this.#isFinished ? 0 : this.#text.length;
  }

  get writableNeedDrain(): boolean {
    return this.#text.needsDrain;
  }

  get closed(): boolean {
    return this.#isClosed;
  }

  get destroyed(): boolean {
    return this.#isClosed;
  }

  setHeader(name: string, value: OutgoingHttpHeader): this {
    if (this.#headersSent) throw new Error("the head of this response was sent");
    validateHeaderName(name);
    for (const one of [value].flat()) validateHeaderValue(name, String(one));
    this.#headers.set(name.toLowerCase(), [name, value]);
    return this;
  }

  getHeader(name: string): OutgoingHttpHeader | undefined {
    return this.#headers.get(name.toLowerCase())?.[1];
  }

  hasHeader(name: string): boolean {
    return this.#headers.has(name.toLowerCase());
  }

  removeHeader(name: string): void {
    this.#headers.delete(name.toLowerCase());
  }

  writeHead(status: number, headers: OutgoingHttpHeaders = {}): this {
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined) this.setHeader(name, value);
    }
    this.statusCode = status;
    this.#headersSent = true;
    return this;
  }

  flushHeaders(): void {
    this.#headersSent = true;
    if (this.#hasToldHead) return;
    this.#hasToldHead = true;
    this.#send(["head", this.#head()]);
  }

  /** @returns whether there is room for more. */
  write(text: string): boolean {
    if (this.#hasEnded || this.#isClosed) return false;
    this.flushHeaders();
    return this.#text.write(text);
  }

  end(text = ""): this {
    if (this.#hasEnded || this.#isClosed) return this;
    this.#hasEnded = true;
    if (!this.#hasToldHead && text.length <= LAST_WORDS) {
      this.#headersSent = true;
      this.#send(["answer", this.#head(), text]);
      this.#endExchange();
      return this;
    }
    this.flushHeaders();
    this.#text.write(text);
    this.#text.end();
    return this;
  }

  /** Has the client's connection cut. */
  destroy(): this {
    if (this.#isClosed || this.#isFinished) return this;
    this.#send(["cut"]);
    this.#exchange.end();
    nextTick(() => this.leave());
    return this;
  }

  #head(): ToldHead {
    return [this.statusCode, [...this.#headers.values()]];
  }

  #send(frame: RelayFrame): void {
    this.#exchange.send(frame);
  }

  /** All of it is on its way. Of a long rest, the edge says when it was taken: by then, the exchange ends. */
  #endText(): void {
    this.#send(["end"]);
    if (this.#text.length <= LAST_WORDS) this.#endExchange();
  }

  #endExchange(): void {
    this.#exchange.end();
    this.#isFinished = true;
    nextTick(() => {
      this.emit("finish");
      this.leave();
    });
  }

  #finish(): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.emit("finish");
  }

  #hear(frame: RelayFrame): void {
    if (frame[0] === "took") {
      if (frame[1] === 0) this.#signs++;
      else this.#text.took(frame[1]);
    } else if (frame[0] === "turn" && this.#waitsForTurn) {
      this.#waitsForTurn = false;
      this.emit("socket", this.connection);
    }
  }

  /** Nothing more becomes of it: it is over, or somebody else's. */
  leave(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#text.discard();
    this.emit("close");
    this.connection.close();
  }
}
