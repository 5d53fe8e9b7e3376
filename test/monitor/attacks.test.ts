import express from "express";
import { Live } from "../../src/monitor/live.js";
import type { Look } from "../../src/monitor/view.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { listen } from "../kit/listen.js";
import { letIn, partOf, serveMonitor } from "../kit/monitor.js";
import { send } from "../kit/raw-http.js";
import { openStream } from "../kit/raw-sse.js";
import { begin } from "../kit/streamable.js";

cleanUpAfterEach();

it("FACT-53: a monitor that is asked for after its router was closed streams nothing", async () => {
  const { router } = await serveMonitor();
  await router.close();
  const { url } = await listen(express().use("/late", router.monitor({ guard: letIn })));
  const refused = await (await openStream(`${url}/late/live`)).nextEvent();
  expect([refused.event, refused.data]).toEqual(["refused", '"The server is being closed."']);
});

it("FACT-53: what many open pages show is rendered once", async () => {
  let rendered = 0;
  const live = new Live({
    maxPages: 1_000,
    look: () => Promise.resolve({} as Look),
    render: () => new Map([["part", String(++rendered)]]),
  });
  const { url } = await listen((req, res) => {
    const text = new URL(req.url ?? "", "http://localhost").searchParams.get("q") ?? "";
    live.open(req, res, { text, page: 1 });
  });
  const streams = await Promise.all(
    Array.from({ length: 50 }, (_one, n) => openStream(`${url}/?q=${n % 2}`)),
  );
  const before = rendered;
  for (const stream of streams) {
    let event = await stream.nextEvent();
    // The first may have been sent while others still came.
    while (Number((JSON.parse(event.data) as { part: string }).part) <= before) {
      event = await stream.nextEvent();
    }
  }
  expect(rendered - before).toBeLessThanOrEqual(4);
  live.close();
});

it("FACT-54: what a policy denies, a limit refuses, and closeFor ends is shown as it was", async () => {
  const { mcpUrl, pageUrl, router } = await serveMonitor({
    policy: { tools: { slow: false, echo: { perMinute: 1 } } },
    maxMessageSize: 2_000,
  });
  const alice = await begin(mcpUrl, asCaller({ sub: "alice" }));
  const call = (name: string) =>
    alice.post({
      ...{ jsonrpc: "2.0", id: name, method: "tools/call" },
      params: { name, arguments: { text: "x" } },
    });
  await call("slow");
  await call("echo");
  await call("echo");
  const tooLong = await alice.post("x".repeat(3_000));
  expect(tooLong.status).toBe(413);
  router.sessions.closeFor((principal) => principal?.id === "alice");

  const page = (await send(pageUrl)).text;
  expect(partOf(page, "denials")).toMatch(/Denied by policy 2 .*tool slow forbidden 1 \d+ s alice/);
  expect(partOf(page, "denials")).toMatch(/tool echo rate_limited 1 \d+ s alice, from 127/);
  expect(partOf(page, "limits")).toMatch(/maxMessageSize refused 1 /);
  expect(partOf(page, "endings")).toMatch(/revoked 1 /);
  expect(partOf(page, "revocations")).toMatch(/closeFor, or this page 1 /);
  expect(partOf(page, "sessions")).toContain("There are no sessions.");
});
