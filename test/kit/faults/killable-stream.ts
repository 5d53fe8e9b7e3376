import type { ClientRequest, IncomingMessage, ServerResponse } from "node:http";
import { turn } from "../waiting.js";
import type { Killer, PassingEvent, PassingRequest, Way } from "./killer.js";

/** One event stream between a server and a client. */
export class KillableStream {
  /** Whether an event has been passed on from which its client knows how to come back. */
  isAttached = false;
  /** Whether its end has begun; a half-written event takes a moment. */
  isKilled = false;
  isOver = false;
  /** Resolves when the client's side has ended, however it did. */
  readonly over: Promise<void>;

  readonly #killer: Killer;
  readonly #ends: { sent: ClientRequest; answer: IncomingMessage; res: ServerResponse };
  readonly #onChange: () => void;
  readonly #name: string;
  #armed: { way: Way; events: number } | undefined;
  #isHalfOpen = false;
  #flushed = Promise.resolve();
  #received = "";
  #number = 0;

  constructor(
    killer: Killer,
    /** The GET that opened it. */
    readonly request: PassingRequest,
    ends: { sent: ClientRequest; answer: IncomingMessage; res: ServerResponse },
    onChange: () => void,
  ) {
    this.#killer = killer;
    this.#ends = ends;
    this.#onChange = onChange;
    this.#name = `stream ${killer.streams.length + 1}`;
    const { answer, res } = ends;
    this.over = new Promise((resolve) => {
      res.on("close", () => {
        this.isOver = true;
        killer.note(`.. ${this.#name} is over`);
        if (!this.#isHalfOpen) ends.sent.destroy();
        resolve();
        onChange();
      });
    });
    answer.setEncoding("utf8");
    answer.on("data", (chunk: string) => this.#take(chunk));
    answer.on("end", () => res.end());
    answer.on("error", () => undefined);
    answer.on("close", () => {
      if (!answer.complete && !this.isOver) res.destroy();
    });
  }

  /** Whether it carries what belongs to no call: not the answer to a POST, and not the rest of one. */
  get isForAll(): boolean {
    const { method, headers } = this.request;
    return method === "GET" && !/\.[1-9]\d*\.\d+$/.test(String(headers["last-event-id"]));
  }

  /**
   * Kills the stream: now, or at the next event if the way cuts one.
   *
   * @returns a promise that resolves when the client's side has ended.
   */
  kill(way: Way): Promise<void> {
    if (way.startsWith("half event")) this.killAfter(0, way);
    else this.#kill(way, "");
    return this.over;
  }

  /** Kills the stream in place of the event that follows the next `events` ones. */
  killAfter(events: number, way: Way): void {
    this.#armed = { way, events };
  }

  /** Lets go of the server's side, which a half-open stream still has. */
  forget(): void {
    this.#ends.sent.destroy();
  }

  #take(chunk: string): void {
    this.#received += chunk;
    for (;;) {
      const end = this.#received.indexOf("\n\n");
      if (end === -1) return;
      const frame = this.#received.slice(0, end + 2);
      this.#received = this.#received.slice(end + 2);
      this.#passOn(frame);
    }
  }

  #passOn(frame: string): void {
    // What the server still writes reaches nobody.
    if (this.isKilled || this.isOver) return;
    if (!/^data:/m.test(frame)) {
      this.#ends.res.write(frame);
      return;
    }
    const passing = { ...parse(frame), frame, number: ++this.#number };
    const way = this.#wayAt(passing);
    if (way !== undefined) {
      this.#kill(way, frame);
      return;
    }
    this.#killer.note(`-> ${this.#name}: ${passing.event} ${passing.data}`);
    this.#flushed = new Promise((resolve) => {
      // A reset takes away what has come and was not read.
      this.#ends.res.write(frame, () => void turn().then(turn).then(resolve));
    });
    if (this.#tellsHowToReturn(passing)) {
      this.isAttached = true;
      this.#onChange();
    }
  }

  /** Over HTTP+SSE the endpoint does, over Streamable HTTP any event's id. */
  #tellsHowToReturn({ event }: PassingEvent): boolean {
    return event === "endpoint" || this.request.headers["mcp-session-id"] !== undefined;
  }

  #wayAt(passing: PassingEvent): Way | undefined {
    const way = this.#killer.onEvent?.(passing, this);
    if (way !== undefined || this.#armed === undefined) return way;
    if (this.#armed.events > 0) {
      this.#armed.events--;
      return undefined;
    }
    return this.#armed.way;
  }

  #kill(way: Way, frame: string): void {
    if (this.isKilled || this.isOver) return;
    this.isKilled = true;
    this.#isHalfOpen = way === "half open";
    this.#killer.kills++;
    this.#killer.note(`!! ${this.#name}: ${way} ${frame === "" ? "" : `at ${frame.trim()}`}`);
    if (this.#killer.sparesFirst) void this.#flushed.then(() => this.#end(way, frame));
    else this.#end(way, frame);
  }

  #end(way: Way, frame: string): void {
    const { res } = this.#ends;
    const half = frame.slice(0, Math.ceil(frame.length / 2));
    const head = frame.slice(0, frame.search(/^data:/m));
    if (way === "half event") res.write(half, () => res.destroy());
    else if (way === "half event, id only") res.write(head, () => res.destroy());
    else if (way === "half event, then end") res.end(half);
    else if (way === "end") res.end();
    else if (way === "reset") res.socket?.resetAndDestroy();
    else res.destroy();
  }
}

function parse(frame: string): { event: string; data: string } {
  const fields = (name: string): string[] =>
    [...frame.matchAll(new RegExp(`^${name}: ?(.*)$`, "gm"))].map(([, value]) => value ?? "");
  return { event: fields("event")[0] ?? "message", data: fields("data").join("\n") };
}
