import fc from "fast-check";
import { Delivery } from "../../src/sse/delivery.js";
import type { EventStream } from "../../src/http/event-stream.js";
import { deliver } from "../kit/sse-session.js";
import type { JsonRpcMessage } from "../../src/shared/json-rpc.js";

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** What may happen between a session and its client. */
const steps = fc.array(
  fc.oneof(
    fc.constantFrom("notify", "ask", "answer", "report progress"),
    fc.constantFrom("read one", "read all", "wait", "reply"),
    fc.constantFrom("drop", "come back", "come back with Last-Event-ID"),
  ),
  { minLength: 10, maxLength: 80 },
);

const RESUME = {
  graceMs: 0,
  maxBufferedBytes: 1_000_000,
  retryMs: 1,
  probeMs: 1,
  closeLostClients: false,
};

const INITIALIZED: JsonRpcMessage = { jsonrpc: "2.0", method: "notifications/initialized" };

/** As much of a stream as a delivery uses; the client reads from it as far as it likes. */
class FakeStream {
  readonly isOpen = true;
  readonly isBlocked = false;
  readonly frames: string[] = [];

  constructor(readonly onWrite: (frame: string) => void) {}

  write(frame: string): Promise<void> {
    this.onWrite(frame);
    this.frames.push(frame);
    return Promise.resolve();
  }

  end(): void {
    // Whoever reads it is gone.
  }
}

/** A session's delivery and the client at its other end. */
class Conversation {
  readonly #delivery = new Delivery("session", RESUME);
  #stream: FakeStream | undefined;
  #calls = 0;
  /** Messages in the order in which the server sent them; progress and answers of one call, too. */
  readonly sent: string[] = [];
  /** The same as the client first saw them. */
  readonly seen: string[] = [];
  /** Requests that the client has answered, and those that were written after that. */
  readonly answered = new Set<number>();
  readonly repeated: number[] = [];
  #lastEventId = "";
  readonly #replies: JsonRpcMessage[] = [];

  constructor() {
    this.#delivery.noteInitialized(INITIALIZED);
  }

  send(message: Record<string, unknown>): void {
    const numbered = { jsonrpc: "2.0", ...message, number: this.sent.length };
    this.sent.push(JSON.stringify(numbered));
    void deliver(this.#delivery, numbered);
  }

  do(step: string): void {
    switch (step) {
      case "notify": {
        this.send({ method: "notify" });
        return;
      }
      case "ask": {
        this.send({ method: "ask", id: this.sent.length });
        return;
      }
      case "report progress": {
        const id = ++this.#calls;
        const params = { _meta: { progressToken: id } };
        const call = { jsonrpc: "2.0", id, method: "tools/call", params } as const;
        this.#delivery.progress.noteReceived(call);
        this.send({ method: "notifications/progress", params: { progressToken: id } });
        return;
      }
      case "answer": {
        this.send({ id: this.#calls, result: {} });
        return;
      }
      case "read one": {
        this.read(1);
        return;
      }
      case "read all": {
        this.read(Infinity);
        return;
      }
      case "wait":
        jest.advanceTimersByTime(300);
        return;
      case "reply": {
        this.reply();
        return;
      }
      case "drop":
        this.#stream = undefined;
        this.#delivery.detach();
        return;
      default:
        this.comeBack(step.endsWith("Last-Event-ID"));
    }
  }

  comeBack(namesLastEvent: boolean): void {
    const seq = /:(\d+)$/.exec(this.#lastEventId)?.[1];
    if (namesLastEvent && seq !== undefined) this.#delivery.acknowledge(Number(seq));
    this.#stream = new FakeStream((frame) => {
      const id = /"method":"ask","id":(\d+)/.exec(frame)?.[1];
      if (id !== undefined && this.answered.has(Number(id))) this.repeated.push(Number(id));
    });
    this.#delivery.attach(this.#stream as unknown as EventStream, "/messages");
  }

  read(count: number): void {
    for (const frame of this.#stream?.frames.splice(0, count) ?? []) {
      this.#lastEventId = /^id: (.*)$/m.exec(frame)?.[1] ?? this.#lastEventId;
      const data = /^data: (.*)$/m.exec(frame)![1]!;
      if (!data.startsWith("{")) continue;
      const message = JSON.parse(data) as { method?: string; id?: number | string };
      if (message.method === "ping") {
        this.#replies.push({ jsonrpc: "2.0", id: message.id!, result: {} });
        continue;
      }
      if (!this.seen.includes(data)) this.seen.push(data);
      if (message.method === "ask") {
        this.#replies.push({ jsonrpc: "2.0", id: message.id!, result: {} });
      }
    }
  }

  /** The client's answers arrive, also those that were on their way when its stream was cut. */
  reply(): void {
    for (const answer of this.#replies.splice(0)) {
      this.#delivery.takeAnswer(answer);
      const { id } = answer as { id: number | string };
      if (typeof id === "number") this.answered.add(id);
    }
  }

  /** Everything that is still to come, comes. */
  finish(): void {
    this.comeBack(false);
    // Each call with progress may hold back what follows it, once.
    for (let turns = 0; turns <= this.#calls + 1; turns++) {
      jest.advanceTimersByTime(300);
      this.read(Infinity);
      this.reply();
    }
  }
}

it("RESUME-6, RESUME-9, RESUME-12: whatever happens, everything arrives in order, and nothing that was answered is sent again", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const conversation = new Conversation();
      for (const step of all) conversation.do(step);
      conversation.finish();
      expect(conversation.seen).toEqual(conversation.sent);
      expect(conversation.repeated).toEqual([]);
    }),
    { numRuns: 1_000 },
  );
});

describe("the answer to initialize", () => {
  /** A client that has been sent this, in this order, and has said this. */
  function delivered(sent: readonly Record<string, unknown>[], said: string): Delivery {
    const delivery = new Delivery("session", RESUME);
    delivery.attach(new FakeStream(() => undefined) as unknown as EventStream, "/messages");
    for (const message of sent) {
      void deliver(delivery, message);
    }
    delivery.noteInitialized({ jsonrpc: "2.0", method: said });
    return delivery;
  }

  const answer = { id: 1, result: {} };

  it("RESUME-9: has arrived when the client says that it is initialised", () => {
    expect(delivered([answer], "notifications/initialized").waitingSince).toBeUndefined();
    // What comes before it has arrived too; of what comes after it nobody knows.
    const before = delivered([{ method: "before" }, answer], "notifications/initialized");
    expect(before.waitingSince).toBeUndefined();
    const after = delivered([answer, { method: "after" }], "notifications/initialized");
    expect(after.waitingSince).toBeDefined();
    const another = delivered([answer, { id: 2, result: {} }], "notifications/initialized");
    expect(another.waitingSince).toBeDefined();
  });

  it("RESUME-9: may not have arrived when the client says anything else", () => {
    expect(delivered([answer], "ping").waitingSince).toBeDefined();
    expect(
      delivered([{ method: "after" }], "notifications/initialized").waitingSince,
    ).toBeDefined();
  });
});

/** Ids of the acknowledgement pings among frames. */
const pingsIn = (frames: readonly string[]): string[] =>
  frames.flatMap((frame) => /"id":"(express-mcp-sse-ack-[^"]+)"/.exec(frame)?.[1] ?? []);

it("RESUME-9: a pong that is lost is asked for again, so that not all that follows is sent twice", () => {
  const delivery = new Delivery("session", RESUME);
  delivery.noteInitialized(INITIALIZED);
  const stream = new FakeStream(() => undefined);
  delivery.attach(stream as unknown as EventStream, "/messages");
  for (const method of ["first", "second", "third"]) {
    void deliver(delivery, { method });
    // Long after the client has sent its pong, which a proxy answered with 502, say.
    jest.advanceTimersByTime(6_000);
  }
  const pings = pingsIn(stream.frames);
  expect(pings).toHaveLength(2);
  delivery.takeAnswer({ jsonrpc: "2.0", id: pings[1]!, result: {} });
  expect(delivery.waitingSince).toBeUndefined();
});

describe("a request of the server", () => {
  function conversing() {
    const delivery = new Delivery("session", RESUME);
    delivery.noteInitialized(INITIALIZED);
    const stream = new FakeStream(() => undefined);
    delivery.attach(stream as unknown as EventStream, "/messages");
    const send = (message: object): void => void deliver(delivery, message);
    return { delivery, stream, send };
  }

  it("RESUME-9: is asked for at once, although an earlier ping has no answer yet", () => {
    const { delivery, stream, send } = conversing();
    send({ method: "notifications/message" });
    jest.advanceTimersByTime(250);
    expect(pingsIn(stream.frames)).toHaveLength(1);
    send({ id: 1, method: "sampling/createMessage" });
    jest.advanceTimersByTime(0);
    const [, forRequest] = pingsIn(stream.frames);
    delivery.takeAnswer({ jsonrpc: "2.0", id: forRequest!, result: {} });
    expect(delivery.waitingSince).toBeUndefined();
  });

  it("RESUME-9: gets no ping of its own where one that was written after it is on its way", () => {
    const { stream, send } = conversing();
    for (let id = 1; id <= 5; id++) send({ id, method: "sampling/createMessage" });
    jest.advanceTimersByTime(0);
    expect(pingsIn(stream.frames)).toHaveLength(1);
  });

  it("RESUME-9: of many, a slow client gets ten pings, and one more for the rest", () => {
    const { delivery, stream, send } = conversing();
    for (let id = 1; id <= 50; id++) {
      send({ id, method: "sampling/createMessage" });
      jest.advanceTimersByTime(1);
    }
    const pings = pingsIn(stream.frames);
    expect(pings).toHaveLength(10);
    for (const id of pings) delivery.takeAnswer({ jsonrpc: "2.0", id, result: {} });
    jest.advanceTimersByTime(0);
    const rest = pingsIn(stream.frames).slice(10);
    expect(rest).toHaveLength(1);
    delivery.takeAnswer({ jsonrpc: "2.0", id: rest[0]!, result: {} });
    expect(delivery.waitingSince).toBeUndefined();
  });
});

describe("a busy client", () => {
  /** Sends messages for a while, one each 10 ms. @returns when the client was asked, in milliseconds. */
  function asked(makeMessage: (id: number) => object, whileMs: number): number[] {
    const delivery = new Delivery("session", RESUME);
    delivery.noteInitialized(INITIALIZED);
    const stream = new FakeStream(() => undefined);
    delivery.attach(stream as unknown as EventStream, "/messages");
    let count = 0;
    const send = (): void => void deliver(delivery, makeMessage(++count));
    const pongs: number[] = [];
    for (let ms = 10; ms <= whileMs; ms += 10) {
      send();
      jest.advanceTimersByTime(10);
      for (const id of pingsIn(stream.frames).slice(pongs.length)) {
        // What is written while the pong is on its way is for the next one.
        send();
        delivery.takeAnswer({ jsonrpc: "2.0", id, result: {} });
        pongs.push(ms);
      }
    }
    return pongs;
  }

  const answer = (id: number): object => ({ id, result: {} });
  const notification = (): object => ({ method: "notifications/message", params: {} });

  it("RESUME-9: is asked for its answers once it is known to say, then once for 32 of them", () => {
    // Two come in each 10 ms in which a pong is on its way.
    expect(asked(answer, 1_500)).toEqual([250, 560, 870, 1_180, 1_490]);
  });

  it("RESUME-9: is asked as soon as 64 KiB of them wait", () => {
    const large = (id: number): object => ({ id, result: { text: "x".repeat(16_384) } });
    expect(asked(large, 330)).toEqual([250, 280, 310]);
  });

  it("RESUME-9: is asked for notifications sooner, which it would take for others", () => {
    expect(asked(notification, 1_000)).toEqual([250, 500, 750, 1_000]);
    // The 30th message comes at 280 ms, when nobody was to be asked before 560.
    const mixed = (id: number): object => (id === 30 ? notification() : answer(id));
    expect(asked(mixed, 550)).toEqual([250, 530]);
  });
});

it("RESUME-9: answers that a client may have are asked for in a silence, and only then", () => {
  const delivery = new Delivery("session", RESUME);
  delivery.noteInitialized(INITIALIZED);
  const stream = new FakeStream(() => undefined);
  delivery.attach(stream as unknown as EventStream, "/messages");
  const send = (id: number): void => void deliver(delivery, { id, result: {} });
  const pong = (): void =>
    void delivery.takeAnswer({ jsonrpc: "2.0", id: pingsIn(stream.frames).at(-1)!, result: {} });
  expect(delivery.writePing()).toBe(false);
  send(1);
  jest.advanceTimersByTime(250);
  pong();
  send(2);
  jest.advanceTimersByTime(60_000);
  expect(pingsIn(stream.frames)).toHaveLength(1);
  expect(delivery.writePing()).toBe(true);
  pong();
  expect([delivery.waitingSince, delivery.writePing()]).toEqual([undefined, false]);
});
