import { once } from "node:events";
import { Delivery } from "../../src/sse/delivery.js";
import { attach, deliver, sseSession } from "../kit/sse-session.js";
import { encodeEvent } from "../../src/http/event.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { freezeTimers } from "../kit/clock.js";
import { bigFrame, openPair, openSlowPair } from "../kit/event-streams.js";
import { isSettled } from "../kit/waiting.js";
import type { ServerSide } from "../kit/event-streams.js";

cleanUpAfterEach();

const MIB = 1024 * 1024;

const RESUME = {
  graceMs: 1,
  maxBufferedBytes: MIB,
  retryMs: 1,
  probeMs: 1,
  closeLostClients: false,
};

/** Fills everything between the writer and a reader that does not read: the last write has to wait. */
async function clog({ stream }: ServerSide): Promise<Promise<void>[]> {
  const writes: Promise<void>[] = [];
  for (;;) {
    const write = Promise.resolve(stream.write(bigFrame(MIB, `${writes.length} `)));
    writes.push(write);
    if (!(await isSettled(write))) return writes;
  }
}

describe("a slow reader", () => {
  it("STREAM-8: makes write wait once the queue is full; after that everything arrives, in order", async () => {
    const pair = await openPair({ maxQueuedBytes: 4 * MIB });
    pair.reader.pause();
    const order: number[] = [];
    const writes = await clog(pair);
    const more = [1, 2, 3].map(async (number) => {
      await pair.stream.write(encodeEvent({ data: `late ${number}` }));
      order.push(number);
    });
    expect(await isSettled(Promise.any(more))).toBe(false);
    pair.reader.resume();
    await Promise.all([...writes, ...more]);
    expect(order).toEqual([1, 2, 3]);
    for (const index of writes.keys()) {
      expect((await pair.reader.nextEvent()).data).toBe(bigFrame(MIB, `${index} `).slice(6, -2));
    }
    expect((await pair.reader.nextEvent()).data).toBe("late 1");
  });

  it("STREAM-8: costs no more memory than its queue, however much is sent", async () => {
    const { stream, res, reader } = await openSlowPair({ maxQueuedBytes: 4 * MIB });
    let highest = 0;
    const sending = (async () => {
      for (let index = 0; index < 200; index++) {
        await stream.write(bigFrame(MIB));
        highest = Math.max(highest, res.writableLength);
      }
    })();
    while (res.socket?.writableNeedDrain !== true) await new Promise(setImmediate);
    expect(await isSettled(sending)).toBe(false);
    reader.resume();
    await sending;
    expect(highest).toBeLessThan(6 * MIB);
  });

  it("STREAM-8: with a queue smaller than the socket's own, a reader that reads gets everything", async () => {
    const { stream, reader } = await openPair({ maxQueuedBytes: 1 });
    const writes = Array.from({ length: 50 }, (_, index) =>
      stream.write(encodeEvent({ data: String(index) })),
    );
    for (const write of writes) await write;
    for (const index of writes.keys()) {
      expect((await reader.nextEvent()).data).toBe(String(index));
    }
  });

  it("STREAM-8: that goes away lets the waiting writes fail", async () => {
    const pair = await openSlowPair();
    const writes = await clog(pair);
    pair.reader.socket.destroy();
    await expect(writes.at(-1)).rejects.toMatchObject({ code: "session_closed" });
    expect(await pair.ended).toBe("disconnected");
  });

  it("STREAM-8: whose stream is ended lets the waiting writes fail", async () => {
    const pair = await openPair();
    pair.reader.pause();
    const writes = await clog(pair);
    pair.stream.end();
    await expect(writes.at(-1)).rejects.toMatchObject({ code: "session_closed" });
    pair.reader.resume();
    await pair.reader.ended;
    expect(pair.reader.bytes.match(/data: \d+ /g)).toHaveLength(writes.length - 1);
  });
});

describe("a reader that takes nothing", () => {
  it("STREAM-8: loses its stream after stallMs, and the waiting writes fail", async () => {
    freezeTimers();
    const pair = await openSlowPair({ stallMs: 30_000 });
    const writes = await clog(pair);
    jest.advanceTimersByTime(29_999);
    expect(pair.ends).toEqual([]);
    // What the network's buffers took at first counts as taken.
    jest.advanceTimersByTime(30_001);
    expect(pair.ends).toEqual(["stalled"]);
    await expect(writes.at(-1)).rejects.toMatchObject({ code: "session_closed" });
    await once(pair.res, "close");
    expect(pair.ends).toEqual(["stalled"]);
  });

  it("STREAM-8: keeps it with stallMs 0", async () => {
    freezeTimers();
    const pair = await openSlowPair({ stallMs: 0 });
    const writes = await clog(pair);
    jest.advanceTimersByTime(24 * 3_600_000);
    expect(pair.ends).toEqual([]);
    pair.reader.resume();
    await Promise.all(writes);
  });

  it("STREAM-8: keeps it as long as nothing waits for it", async () => {
    freezeTimers();
    const pair = await openSlowPair({ stallMs: 30_000 });
    jest.advanceTimersByTime(24 * 3_600_000);
    await pair.stream.write(encodeEvent({ data: "a" }));
    jest.advanceTimersByTime(24 * 3_600_000);
    expect(pair.ends).toEqual([]);
  });

  it("STREAM-8: keeps it while it takes something now and then, however little of the queue that is", async () => {
    freezeTimers();
    const pair = await openSlowPair({ stallMs: 30_000, maxQueuedBytes: 1 });
    // One frame that the reader does not get through, and one that waits behind it.
    void pair.stream.write(bigFrame(96 * MIB));
    const waiting = Promise.resolve(pair.stream.write("data: next\n\n"));
    for (let time = 0; time < 5; time++) {
      // More than the buffers between the two can hold, so that some of it was still to be sent.
      await pair.reader.take(12 * MIB);
      jest.advanceTimersByTime(29_000);
    }
    expect(pair.ends).toEqual([]);
    expect(await isSettled(waiting)).toBe(false);
    pair.reader.resume();
    await waiting;
  });

  it("STREAM-8: after the end of its stream, too, has stallMs to take what is left", async () => {
    freezeTimers();
    const pair = await openSlowPair({ stallMs: 30_000 });
    const writes = await clog(pair);
    const closed = once(pair.res, "close");
    pair.stream.end();
    await expect(writes.at(-1)).rejects.toMatchObject({ code: "session_closed" });
    jest.advanceTimersByTime(29_999);
    expect(pair.res.destroyed).toBe(false);
    jest.advanceTimersByTime(30_001);
    await closed;
    expect(pair.ends).toEqual(["ended"]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it("SLOW-1: after the end of its stream has a minute at most, however much it takes", async () => {
    freezeTimers();
    const pair = await openSlowPair({ stallMs: 30_000, maxQueuedBytes: 1 });
    void pair.stream.write(bigFrame(96 * MIB));
    const closed = once(pair.res, "close");
    pair.stream.end();
    for (let time = 0; time < 3; time++) {
      await pair.reader.take(12 * MIB);
      expect(pair.res.destroyed).toBe(false);
      jest.advanceTimersByTime(20_000);
    }
    await closed;
    expect(jest.getTimerCount()).toBe(0);
  });

  it("SLOW-4: whose queue is never empty makes its session keep no more than it may", async () => {
    const { stream, res, reader } = await openSlowPair({ maxQueuedBytes: 1 });
    const session = sseSession({ principal: undefined, request: res.req }, { resume: RESUME });
    attach(session, stream);
    // More than the buffers between the two can hold, so that no write is through at once.
    const params = { data: "x".repeat(24 * MIB) };
    const sending = (async () => {
      for (let sent = 0; sent < 3; sent++) {
        await session.send({ jsonrpc: "2.0", method: "large", params });
      }
    })();
    reader.resume();
    await sending;
    // Who has nothing cannot go on where it was: the first are not kept any more.
    expect(session.channel.acknowledge(0)).toBe(false);
    session.close();
  });

  it("RESUME-6: loses at once what waits for it when its client has opened another stream", async () => {
    const delivery = new Delivery("session", RESUME);
    const [before, newest] = [await openSlowPair(), await openSlowPair()];
    delivery.attach(before.stream, "/messages");
    const closed = once(before.res, "close");
    await deliver(delivery, { method: "large", params: { data: "x".repeat(24 * MIB) } });
    delivery.attach(newest.stream, "/messages");
    await closed;
    expect([before.stream.isOpen, newest.stream.isOpen]).toEqual([false, true]);
  });
});
