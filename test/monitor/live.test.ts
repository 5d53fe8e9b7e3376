import compression from "compression";
import type { RequestHandler } from "express";
import { Viewer } from "../../src/monitor/viewer.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { jumpingClock, later } from "../kit/clock.js";
import { asCaller } from "../kit/conversation.js";
import { listen } from "../kit/listen.js";
import { serveMonitor, textIn } from "../kit/monitor.js";
import { RawConnection, send } from "../kit/raw-http.js";
import { openStream } from "../kit/raw-sse.js";
import type { RawStream } from "../kit/raw-sse.js";
import { begin } from "../kit/streamable.js";
import { signal, until } from "../kit/waiting.js";

cleanUpAfterEach();

/** The next parts that an open page is sent, with their text. */
async function nextParts(stream: RawStream): Promise<Record<string, string>> {
  const { event, data } = await stream.nextEvent();
  expect(event).toBe("parts");
  return JSON.parse(data) as Record<string, string>;
}

/** Has open pages shown how things stand now, in place of in two seconds. */
function showAgain(): void {
  jest.advanceTimersByTime(2_000);
}

describe("FACT-53: an open page", () => {
  beforeEach(jumpingClock);

  it("is sent what has changed, and nothing while nothing does", async () => {
    const { mcpUrl, pageUrl } = await serveMonitor();
    const stream = await openStream(`${pageUrl}live`);
    expect(stream.headers).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store, no-transform",
      "x-accel-buffering": "no",
      "referrer-policy": "same-origin",
    });
    expect(textIn((await nextParts(stream))["sessions"] ?? "")).toContain("There are no sessions.");
    await begin(mcpUrl, asCaller({ sub: "alice" }));
    showAgain();
    const parts = await nextParts(stream);
    expect(textIn(parts["sessions"] ?? "")).toContain("alice");
    expect(parts).not.toHaveProperty("limits");
  });

  it("is one of so many, and others hear why they are not", async () => {
    const { pageUrl } = await serveMonitor({ monitor: { maxPages: 1 } });
    const first = await openStream(`${pageUrl}live`);
    await first.nextEvent();
    const second = await openStream(`${pageUrl}live`);
    const refused = await second.nextEvent();
    expect([refused.event, refused.data]).toEqual([
      "refused",
      expect.stringMatching(/^"1 of these/),
    ]);
    await second.ended;
    first.close();
    await until(
      async () => (await (await openStream(`${pageUrl}live`)).nextEvent()).event === "parts",
    );
  });

  it("is not one of another site's", async () => {
    const { pageUrl } = await serveMonitor();
    for (const site of ["cross-site", "same-site"]) {
      const answer = await send(`${pageUrl}live`, { headers: { "sec-fetch-site": site } });
      expect(answer.status).toBe(403);
    }
  });

  it("hears through compression", async () => {
    const { pageUrl } = await serveMonitor({ before: [compression({ threshold: 0 })] });
    const stream = await openStream(`${pageUrl}live`, { "accept-encoding": "gzip" });
    expect(stream.headers["content-encoding"]).toBeUndefined();
    expect(await nextParts(stream)).toHaveProperty("sessions");
  });

  it("asks the guard again every few minutes, and shows nothing to who is no operator any more", async () => {
    let isOperator = true;
    const guard: RequestHandler = (_req, res, next) =>
      isOperator ? next() : res.status(403).end();
    const { pageUrl } = await serveMonitor({ monitor: { guard } });
    const stream = await openStream(`${pageUrl}live`);
    await nextParts(stream);
    isOperator = false;
    later(301_000, [performance]);
    showAgain();
    let { event } = await stream.nextEvent();
    if (event === "parts") ({ event } = await stream.nextEvent());
    // So that the page does not call it a loss of its connection.
    expect(event).toBe("again");
    await stream.ended;
    expect((await send(`${pageUrl}live`)).status).toBe(403);
  });

  it("ends with the router, and so does what it counts", async () => {
    const { pageUrl, router } = await serveMonitor();
    const stream = await openStream(`${pageUrl}live`);
    await stream.nextEvent();
    await router.close();
    await stream.ended;
    const refused = await (await openStream(`${pageUrl}live`)).nextEvent();
    expect([refused.event, refused.data]).toEqual(["refused", '"The server is being closed."']);
  });
});

describe("FACT-53: a reader that does not read", () => {
  /** What serves a stream to one that reads nothing. */
  async function serveSlowReader() {
    const asked = signal<Viewer>();
    const { port } = await listen((_req, res) => asked.resolve(new Viewer(res)));
    const reader = await RawConnection.open(port);
    reader.pause();
    reader.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const viewer = await asked.promise;
    const shown = (text: string) => viewer.show(new Map([["part", text.repeat(100_000)]]));
    return { reader, shown };
  }

  it("misses what was in between, and is sent how things stand once it reads again", async () => {
    const { reader, shown } = await serveSlowReader();
    for (let n = 0; n < 1_000; n++) expect(shown(String(n).padStart(8))).toBe(true);
    reader.resume();
    await until(() => {
      shown("the newest");
      return reader.received.includes("the newest");
    });
    // As much as sockets hold, of 800 megabytes.
    expect(reader.received.length).toBeLessThan(50_000_000);
  });

  it("is cut when that lasts", async () => {
    const { reader, shown } = await serveSlowReader();
    for (let n = 0; n < 100; n++) expect(shown(String(n).padStart(8))).toBe(true);
    later(31_000, [performance]);
    expect(shown("later")).toBe(false);
    reader.resume();
    await reader.ended();
    expect(shown("later")).toBe(false);
  });
});
