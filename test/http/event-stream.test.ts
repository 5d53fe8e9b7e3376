import { connect } from "node:net";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import compression from "compression";
import { EventStream } from "../../src/http/event-stream.js";
import { encodeEvent } from "../../src/http/event.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { freezeTimers } from "../kit/clock.js";
import { listen } from "../kit/listen.js";
import { openStream } from "../kit/raw-sse.js";
import { bigFrame, openPair, OPTIONS } from "../kit/event-streams.js";
import { signal } from "../kit/waiting.js";

cleanUpAfterEach();

describe("encodeEvent", () => {
  it.each([
    ["one line", { data: "a" }, "data: a\n\n"],
    ["an event name", { event: "endpoint", data: "/m" }, "event: endpoint\ndata: /m\n\n"],
    ["an id", { id: "7", data: "a" }, "id: 7\ndata: a\n\n"],
    ["empty data", { data: "" }, "data: \n\n"],
    ["several lines", { data: "a\nb\n\nc" }, "data: a\ndata: b\ndata: \ndata: c\n\n"],
    ["CR", { data: "a\rb" }, "data: a\ndata: b\n\n"],
    ["CRLF", { data: "a\r\nb" }, "data: a\ndata: b\n\n"],
    ["a line break at the end", { data: "a\n" }, "data: a\ndata: \n\n"],
    ["a field in the data", { data: "a\nevent: b" }, "data: a\ndata: event: b\n\n"],
    ["line breaks that SSE does not know", { data: "a\u2028b\v\f" }, "data: a\u2028b\v\f\n\n"],
    ["NUL in the data", { data: "a\0b" }, "data: a\0b\n\n"],
  ])("STREAM-7: writes %s", (_what, event, frame) => {
    expect(encodeEvent(event)).toBe(frame);
  });

  it.each("\n \r \r\n \0 \v \f \u001C \u001D \u001E \u0085 \u2028 \u2029".split(" "))(
    "STREAM-7: refuses %j in event and id",
    (bad) => {
      expect(() => encodeEvent({ event: `a${bad}data: forged`, data: "" })).toThrow(TypeError);
      expect(() => encodeEvent({ id: `a${bad}data: forged`, data: "" })).toThrow(TypeError);
    },
  );
});

describe("the response", () => {
  it("STREAM-5: sends its head at once, before any event", async () => {
    const { reader } = await openPair();
    expect(reader.status).toBe(200);
    expect(reader.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
    expect(reader.bytes).toBe("");
  });

  it("STREAM-5: keeps headers that a middleware has set", async () => {
    const { reader } = await openPair({}, (_req, res, next) => {
      res.setHeader("Access-Control-Allow-Origin", "https://app.example");
      next();
    });
    expect(reader.headers["access-control-allow-origin"]).toBe("https://app.example");
  });

  it("STREAM-4: carries frames unchanged, whatever they are made of", async () => {
    const { stream, reader } = await openPair();
    const data = `😀 é ${JSON.stringify("\r\n\0\u2028")} "quotes"`;
    await stream.write(encodeEvent({ event: "message", data }));
    expect(await reader.nextEvent()).toEqual({ event: "message", data });
  });

  it("STREAM-4: carries 5 MB in one event", async () => {
    const { stream, reader } = await openPair();
    const data = "😀".repeat(1_250_000);
    await stream.write(encodeEvent({ data }));
    expect((await reader.nextEvent()).data).toBe(data);
  });

  it("STREAM-5: each event passes compression() at once", async () => {
    const { stream, reader } = await openPair({}, compression({ threshold: 0 }) as never);
    for (const data of ["first", "second"]) {
      void stream.write(encodeEvent({ data }));
      expect((await reader.nextEvent()).data).toBe(data);
    }
    stream.end();
    await reader.ended;
  });

  it("STREAM-4: an event is one chunk, and one write to the socket", async () => {
    const { stream, res, reader } = await openPair();
    const socket = res.socket!;
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
    const writes: unknown[] = [];
    socket.write = (...args: unknown[]) => {
      writes.push(args[0]);
      return write(...args);
    };
    const frame = encodeEvent({ event: "message", id: "1", data: "é".repeat(1_000) });
    await stream.write(frame);
    expect((await reader.nextEvent()).data).toBe("é".repeat(1_000));
    expect(writes).toEqual([`${Buffer.byteLength(frame).toString(16)}\r\n${frame}\r\n`]);
  });

  it("RESUME-2: sends its cookie beside those that are set already", async () => {
    for (const others of [undefined, "a=b", ["a=b", "c=d"]]) {
      const { url } = await listen((_req, res) => {
        if (others !== undefined) res.setHeader("Set-Cookie", others);
        new EventStream(res, OPTIONS).open("ours=1");
      });
      const { headers } = await openStream(url);
      expect(headers["set-cookie"]).toEqual([others ?? [], "ours=1"].flat());
    }
  });

  it("STREAM-5: serves a client that speaks HTTP/1.0, without chunks", async () => {
    const { port } = await listen((_req, res) => {
      const stream = new EventStream(res, OPTIONS);
      stream.open();
      void stream.write(encodeEvent({ data: "old" }));
      stream.end();
    });
    const socket = connect(port, "127.0.0.1");
    onDispose(() => socket.destroy());
    socket.write("GET / HTTP/1.0\r\n\r\n");
    const [head, body] = (await text(socket)).split("\r\n\r\n");
    expect(head).toContain("text/event-stream");
    expect(head?.toLowerCase()).not.toContain("transfer-encoding");
    expect(body).toBe("data: old\n\n");
  });
});

describe("keep-alive", () => {
  it("STREAM-6: a comment is sent after keepAliveMs of silence, and again", async () => {
    freezeTimers();
    const { reader } = await openPair({ keepAliveMs: 15_000 });
    jest.advanceTimersByTime(14_999);
    jest.advanceTimersByTime(1);
    expect(await reader.nextComment()).toBe(": keep-alive");
    jest.advanceTimersByTime(15_000);
    await reader.nextComment();
    expect(reader.bytes).toBe(": keep-alive\n\n: keep-alive\n\n");
  });

  it("STREAM-6: an event starts the silence anew", async () => {
    freezeTimers();
    const { reader, stream } = await openPair({ keepAliveMs: 15_000 });
    for (const data of ["a", "b", "c"]) {
      jest.advanceTimersByTime(14_999);
      await stream.write(encodeEvent({ data }));
      await reader.nextEvent();
    }
    expect(reader.bytes).toBe("data: a\n\ndata: b\n\ndata: c\n\n");
    jest.advanceTimersByTime(15_000);
    await reader.nextComment();
  });

  it("STREAM-6: 0 means none", async () => {
    freezeTimers();
    const { reader, stream } = await openPair({ keepAliveMs: 0 });
    jest.advanceTimersByTime(24 * 3_600_000);
    await stream.write(encodeEvent({ data: "still here" }));
    await reader.nextEvent();
    expect(reader.bytes).toBe("data: still here\n\n");
  });

  it("STREAM-6: a reader that does not read gets none", async () => {
    freezeTimers();
    const { reader, stream, res } = await openPair({ keepAliveMs: 15_000, maxQueuedBytes: 1 });
    reader.pause();
    const writes = [stream.write(bigFrame(32_000_000)), stream.write("data: waiting\n\n")];
    await new Promise(setImmediate);
    const queued = res.writableLength;
    jest.advanceTimersByTime(10 * 15_000);
    expect(res.writableLength).toBe(queued);
    reader.resume();
    for (const write of writes) await write;
    await stream.write(encodeEvent({ data: "last" }));
    while ((await reader.nextEvent()).data !== "last");
    expect(reader.bytes).not.toContain("keep-alive");
  });

  it("STREAM-6: nothing ticks after the end", async () => {
    freezeTimers();
    const { stream, res } = await openPair({ keepAliveMs: 15_000, stallMs: 30_000 });
    stream.end();
    await once(res, "close");
    expect(jest.getTimerCount()).toBe(0);
  });
});

describe("the end", () => {
  it("SESSION-3: end() sends what was accepted, and says ended once", async () => {
    const { stream, reader, ends, ended } = await openPair();
    for (const data of ["a", "b"]) void stream.write(encodeEvent({ data }));
    stream.end();
    stream.end();
    expect(await ended).toBe("ended");
    await reader.ended;
    expect(reader.bytes).toBe("data: a\n\ndata: b\n\n");
    expect(ends).toEqual(["ended"]);
    expect(stream.isOpen).toBe(false);
  });

  it("SESSION-3: end() sends all of a big frame to a reader that pauses", async () => {
    const { stream, reader } = await openPair({ maxQueuedBytes: 8_000_000 });
    reader.pause();
    await stream.write(bigFrame(6_000_000));
    stream.end();
    reader.resume();
    await reader.ended;
    expect(reader.bytes).toBe(bigFrame(6_000_000));
  });

  it.each(["close", "reset"] as const)("SESSION-3: a client's %s is a disconnect", async (way) => {
    const { reader, ended, ends, stream, res } = await openPair();
    if (way === "close") reader.close();
    else res.socket!.resetAndDestroy();
    expect(await ended).toBe("disconnected");
    await expect(stream.write("data: a\n\n")).rejects.toMatchObject({ code: "session_closed" });
    stream.end();
    expect(ends).toEqual(["disconnected"]);
  });

  it("SESSION-3: a response that someone else ends is a disconnect", async () => {
    const { res, ended, reader } = await openPair();
    res.end();
    expect(await ended).toBe("disconnected");
    await reader.ended;
  });

  it("SESSION-3: a peer that left before open() is noticed", async () => {
    const gone = signal<[EventStream, string[]]>();
    const { url } = await listen((_req, res) => {
      res.on("close", () => {
        const ends: string[] = [];
        const stream = new EventStream(res, OPTIONS);
        stream.owner = { streamEnded: (_stream, end) => ends.push(end) };
        stream.open();
        gone.resolve([stream, ends]);
      });
      res.socket!.destroy();
    });
    await expect(openStream(url)).rejects.toThrow();
    const [stream, ends] = await gone.promise;
    expect(ends).toEqual(["disconnected"]);
    await expect(stream.write("data: a\n\n")).rejects.toMatchObject({ code: "session_closed" });
  });

  it("SESSION-3: write() and end() before open() do nothing to the response", async () => {
    const checked = signal<boolean>();
    const { url } = await listen((_req, res) => {
      const stream = new EventStream(res, OPTIONS);
      stream.write("data: a\n\n")?.catch(() => {
        stream.end();
        checked.resolve(res.headersSent);
        res.end();
      });
    });
    await openStream(url);
    expect(await checked.promise).toBe(false);
  });

  it("SESSION-3: no listener of ours is left on a socket that serves on", async () => {
    const sockets: number[] = [];
    const { port } = await listen((req, res) => {
      if (req.url === "/count") {
        sockets.push(req.socket.listenerCount("close"), req.socket.listenerCount("drain"));
        res.end();
        return;
      }
      const stream = new EventStream(res, { ...OPTIONS, keepAliveMs: 1000 });
      stream.open();
      stream.end();
    });
    const socket = connect(port, "127.0.0.1");
    onDispose(() => socket.destroy());
    for (const path of ["/count", "/", "/", "/", "/count"]) {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      await once(socket, "data");
    }
    expect(sockets.slice(2)).toEqual(sockets.slice(0, 2));
  });
});
