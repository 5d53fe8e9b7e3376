import { inspect } from "node:util";
import { McpSseError } from "../../src/shared/errors.js";
import { NO_LIMITS } from "../../src/session/limits.js";
import type { CloseReason } from "../../src/session/close-reason.js";
import type { SessionInit } from "../../src/session/session-init.js";
import { EventStream } from "../../src/http/event-stream.js";
import type { SseChannelOptions } from "../../src/sse/sse-channel.js";
import type { EventStreamOptions } from "../../src/options/stream-options.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { freezeTimers } from "../kit/clock.js";
import { listen } from "../kit/listen.js";
import { attach, sseSession } from "../kit/sse-session.js";
import type { TestSession } from "../kit/sse-session.js";
import { openStream } from "../kit/raw-sse.js";
import type { RawStream } from "../kit/raw-sse.js";
import { signal, isSettled } from "../kit/waiting.js";
import { OPTIONS } from "../kit/event-streams.js";

cleanUpAfterEach();

const RESUME = {
  graceMs: 50,
  maxBufferedBytes: 1_000,
  retryMs: 1,
  probeMs: 1,
  closeLostClients: false,
};

interface Opened {
  session: TestSession<string>;
  reader: RawStream;
  reasons: CloseReason[];
  closed: Promise<CloseReason>;
}

async function openSession(
  options: Partial<EventStreamOptions> = {},
  { resume, ...init }: Partial<SessionInit<string>> & SseChannelOptions = {},
): Promise<Opened> {
  const made = signal<TestSession<string>>();
  const closed = signal<CloseReason>();
  const reasons: CloseReason[] = [];
  const { url } = await listen((req, res) => {
    const session = sseSession({ principal: "alice", request: req, ...init }, { resume });
    session.onmessage = () => undefined;
    session.onClosed((reason) => {
      reasons.push(reason);
      closed.resolve(reason);
    });
    attach(session, new EventStream(res, { ...OPTIONS, ...options }));
    made.resolve(session);
  });
  const reader = await openStream(url, { authorization: "Bearer hidden-token" });
  return { session: await made.promise, reader, reasons, closed: closed.promise };
}

/** A session whose client has not been answered yet. */
function openingSession(): TestSession<string> {
  return sseSession({ principal: "alice" });
}

const call = (id: string | number, method = "tools/call") =>
  ({ jsonrpc: "2.0", id, method }) as const;
const answer = (id: string | number) => ({ jsonrpc: "2.0", id, result: {} }) as const;
const cancel = (requestId: unknown) =>
  ({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } }) as const;

describe("its state", () => {
  it("SESSION-3: is opening, open, closed, and stays closed", async () => {
    expect(openingSession().state).toBe("opening");
    const { session } = await openSession();
    expect(session.state).toBe("open");
    session.close();
    expect(session.state).toBe("closed");
    expect(() => attach(session, undefined as never)).toThrow(McpSseError);
    expect(session.state).toBe("closed");
  });

  it("SESSION-3: the first reason counts, and is told once", async () => {
    const { session, reasons } = await openSession();
    session.end("revoked");
    session.end("shutting-down");
    session.close();
    expect(reasons).toEqual(["revoked"]);
  });

  it("SESSION-3: a client that leaves closes it", async () => {
    const { session, reader, closed } = await openSession();
    reader.close();
    expect(await closed).toBe("client-disconnected");
    expect(session.state).toBe("closed");
  });

  it("SESSION-3: who asks late hears at once", () => {
    const session = openingSession();
    session.end("failed-to-open");
    const late = jest.fn();
    session.onClosed(late);
    expect(late).toHaveBeenCalledWith("failed-to-open");
  });

  it("SESSION-3: a listener that throws keeps no other from hearing", () => {
    const session = openingSession();
    const other = jest.fn();
    session.onClosed(() => {
      throw new Error("listener");
    });
    session.onClosed(other);
    expect(() => session.close()).toThrow("listener");
    expect(other).toHaveBeenCalledTimes(1);
    expect(() => session.close()).not.toThrow();
  });

  it("SESSION-3: a stream that cannot be opened leaves it unopened", async () => {
    const state = signal<string>();
    const { url } = await listen((req, res) => {
      res.writeHead(200).end();
      const session = sseSession({ principal: "", request: req });
      expect(() => attach(session, new EventStream(res, OPTIONS))).toThrow(/headers/);
      state.resolve(session.state);
    });
    await openStream(url);
    expect(await state.promise).toBe("opening");
  });

  it("RESUME-8: a stream that cannot be opened leaves it waiting no longer", async () => {
    freezeTimers();
    const { session, reader, closed } = await openSession({}, { resume: RESUME });
    session.receive(call(1), {});
    reader.close();
    while (!session.isDetached) await new Promise(setImmediate);
    const { url } = await listen((_req, res) => {
      // What a middleware does that answers in our place after some time.
      res.writeHead(503).end();
      expect(() => attach(session, new EventStream(res, OPTIONS))).toThrow(/headers/);
    });
    await openStream(url);
    jest.advanceTimersByTime(RESUME.graceMs);
    expect(await closed).toBe("grace-expired");
  });

  it("RESUME-8: an expiry in its grace does not prolong that", async () => {
    freezeTimers();
    const validUntil = Date.now() + 40;
    const { session, reader, reasons } = await openSession({}, { resume: RESUME, validUntil });
    session.receive(call(1), {});
    reader.close();
    while (!session.isDetached) await new Promise(setImmediate);
    jest.advanceTimersByTime(50);
    expect(reasons).toEqual(["grace-expired"]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it("RESUME-13, LIMIT-6: far moments come to the millisecond, and once", async () => {
    freezeTimers();
    const { session, reasons } = await openSession(
      {},
      { limits: { ...NO_LIMITS, lifetimeMs: 40 * 86_400_000 + 12_345 } },
    );
    session.receive(call(1), {});
    jest.advanceTimersByTime(40 * 86_400_000 + 12_344);
    expect(reasons).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(reasons).toEqual(["lifetime-reached"]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it("RESUME-13: a credential that comes after its end sets no timer", () => {
    jest.useFakeTimers();
    const session = sseSession({ principal: "alice", validUntil: Date.now() + 1_000 });
    session.close();
    session.renew("alice", Date.now() + 2_000);
    expect(jest.getTimerCount()).toBe(0);
  });

  it("SESSION-3: signal is aborted at the end, whether it was asked for before or after", () => {
    const [early, late] = [openingSession(), openingSession()];
    const { signal } = early;
    expect(signal.aborted).toBe(false);
    early.close();
    late.close();
    expect(signal.aborted).toBe(true);
    expect(early.signal).toBe(signal);
    expect(late.signal.aborted).toBe(true);
  });

  it("SESSION-3: before its stream and after it, nothing is sent and nothing is taken", async () => {
    const closed = { code: "session_closed" };
    const { session } = await openSession();
    session.close();
    for (const one of [openingSession(), session]) {
      await expect(one.send(answer(1))).rejects.toMatchObject(closed);
      expect(() => one.receive(call(1), {})).toThrow(expect.objectContaining(closed));
      expect(one.inFlight).toBe(0);
    }
  });

  it("AUTH-9: ids are unguessable, and a renewed principal keeps its owner", () => {
    const session = openingSession();
    expect(session.id).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(openingSession().id).not.toBe(session.id);
    session.renew("alice, later");
    expect([session.principal, session.ownerKey]).toEqual(["alice, later", "owner"]);
  });

  it("AUTH-11: printing it shows no header and no token", async () => {
    const { session } = await openSession();
    expect(session.signal.aborted).toBe(false);
    for (const showHidden of [false, true]) {
      const printed = inspect(session, { showHidden, depth: Infinity, getters: false });
      expect(printed).not.toMatch(/hidden-token|authorization/i);
    }
    expect(JSON.stringify(session)).not.toMatch(/hidden-token/);
  });
});

describe("calls in flight", () => {
  it("SESSION-4: count from the request until its answer, also if that is an error", async () => {
    const { session } = await openSession();
    session.receive(call(1), {});
    session.receive(call("1"), {});
    session.receive({ jsonrpc: "2.0", method: "notifications/initialized" }, {});
    session.receive(answer(7), {});
    expect(session.inFlight).toBe(2);
    await session.send(answer(1));
    expect(session.inFlight).toBe(1);
    await session.send({ jsonrpc: "2.0", id: "1", error: { code: 1, message: "no" } });
    expect(session.inFlight).toBe(0);
  });

  it("SESSION-4: a request or notification of the server answers nothing", async () => {
    const { session } = await openSession();
    session.receive(call(1), {});
    await session.send(call(1, "sampling/createMessage"));
    await session.send({ jsonrpc: "2.0", method: "notifications/message" });
    await session.send({ jsonrpc: "2.0", error: { code: 1, message: "no" } });
    await session.send(answer(2));
    expect(session.inFlight).toBe(1);
  });

  it("SESSION-4: a cancelled request is not waited for", async () => {
    const { session } = await openSession();
    session.receive(call(1), {});
    session.receive(cancel(2), {});
    session.receive(cancel(undefined), {});
    session.receive(cancel({ toString: null }), {});
    session.receive({ jsonrpc: "2.0", method: "notifications/cancelled" }, {});
    expect(session.inFlight).toBe(1);
    session.receive(cancel(1), {});
    expect(session.inFlight).toBe(0);
    await session.whenIdle();
  });

  it("SESSION-4: an id that is used twice counts once", async () => {
    const { session } = await openSession();
    session.receive(call(1), {});
    session.receive(call(1), {});
    expect(session.inFlight).toBe(1);
    await session.send(answer(1));
    await session.send(answer(1));
    expect(session.inFlight).toBe(0);
  });

  it("MESSAGE-10: ids may be called like anything", async () => {
    const { session } = await openSession();
    const ids = ["__proto__", "constructor", "", "0", 0, -1];
    for (const id of ids) session.receive(call(id), {});
    expect(session.inFlight).toBe(ids.length);
    for (const id of ids) await session.send(answer(id));
    expect(session.inFlight).toBe(0);
  });

  it("SESSION-4: a call that the server throws back is not in flight", async () => {
    const { session } = await openSession();
    session.onmessage = () => {
      throw new Error("not taken");
    };
    expect(() => session.receive(call(1), {})).toThrow("not taken");
    expect(session.inFlight).toBe(0);
  });

  it("SESSION-4: an answer that is no JSON rejects, and its call is over", async () => {
    const { session } = await openSession();
    session.receive(call(1), {});
    const unsendable = { jsonrpc: "2.0", id: 1, result: { size: 1n } };
    await expect(session.send(unsendable)).rejects.toThrow(TypeError);
    await session.whenIdle();
  });

  it("SESSION-4: whenIdle waits until the answer is on its way to the socket", async () => {
    const { session, reader } = await openSession({ maxQueuedBytes: 1 });
    await session.whenIdle();
    expect((await reader.nextEvent()).event).toBe("endpoint");
    reader.pause();
    session.receive(call(1), {});
    void session.send({ jsonrpc: "2.0", method: "big", params: { text: "x".repeat(32_000_000) } });
    const answering = session.send(answer(1));
    const idle = session.whenIdle();
    expect(await isSettled(Promise.race([answering, idle]))).toBe(false);
    reader.resume();
    await Promise.all([answering, idle]);
    expect((await reader.nextMessage())["method"]).toBe("big");
    expect((await reader.nextMessage())["id"]).toBe(1);
  });

  it("SESSION-4: nobody waits for the answers of a session that has ended", async () => {
    const { session } = await openSession();
    session.receive(call(1), {});
    const waiting = [session.whenIdle(), session.whenIdle()];
    session.close();
    await Promise.all([...waiting, session.whenIdle()]);
    expect(session.inFlight).toBe(0);
  });
});
