import express from "express";
import type { ErrorRequestHandler, RequestHandler } from "express";
import { createMcpRouter } from "../../src/index.js";
import type { MonitorOptions } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller, converse } from "../kit/conversation.js";
import { letIn, partOf, serveMonitor, textIn } from "../kit/monitor.js";
import { send } from "../kit/raw-http.js";
import { begin, serveMcp } from "../kit/streamable.js";
import { createToolServer } from "../kit/tools.js";

cleanUpAfterEach();

/** Express asks it when something was thrown, and only then. */
const forErrors: ErrorRequestHandler = (error, _req, _res, next) => next(error);

const keepOut: RequestHandler = (_req, res) => void res.status(401).end("operators only");

describe("FACT-50: the guard", () => {
  it.each([
    ["nothing at all", undefined, "options must be an object"],
    ["no guard", {}, "options.guard is missing"],
    ["an undefined guard", { guard: undefined }, "options.guard is missing"],
    ["an empty list", { guard: [] }, "options.guard is no handler"],
    ["no function", { guard: "admin" }, "options.guard is no handler"],
    ["a list with a gap", { guard: [keepOut, undefined] }, "options.guard is no handler"],
    [
      "a handler of errors, which Express would never ask",
      { guard: forErrors },
      "options.guard is no handler",
    ],
    [
      "an option that there is not",
      { guard: keepOut, path: "/x" },
      "options.path is not an option",
    ],
  ])("must be there: %s is a TypeError", (_what, options, message) => {
    const router = createMcpRouter({ auth: false, createServer: () => createToolServer() });
    const ask = () => router.monitor(options as unknown as MonitorOptions);
    expect(ask).toThrow(TypeError);
    expect(ask).toThrow(message);
  });

  it("comes before every route, whatever is asked for", async () => {
    const { pageUrl } = await serveMonitor({ monitor: { guard: keepOut } });
    for (const path of ["", "live", "end", "end?who=x", "nothing", "%2e%2e/", "live/", "/"]) {
      for (const method of ["GET", "HEAD", "POST", "OPTIONS", "DELETE"]) {
        expect((await send(pageUrl, { method, path: `/admin/mcp/${path}` })).status).toBe(401);
      }
    }
  });

  it("may be several, each of which is asked", async () => {
    const { pageUrl } = await serveMonitor({ monitor: { guard: [letIn, keepOut] } });
    expect((await send(pageUrl)).text).toBe("operators only");
  });
});

describe("FACT-52: a page", () => {
  it("may do nothing but show itself, and is kept by nobody", async () => {
    const { pageUrl } = await serveMonitor();
    const { headers, text, status } = await send(pageUrl);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "same-origin",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
    });
    const policy = String(headers["content-security-policy"]).split("; ");
    expect(policy).toEqual([
      "default-src 'none'",
      expect.stringMatching(/^script-src 'sha256-[\w+/]+=*'$/),
      expect.stringMatching(/^style-src 'sha256-[\w+/]+=*'$/),
      "img-src data:",
      "connect-src 'self'",
      "form-action 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      "trusted-types monitor",
    ]);
    expect(text).not.toMatch(/<[^>]+ (?:src|on\w+|style)=/);
    expect(text).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);
  });

  it("is at its folder, so that its links lead below it whatever a proxy calls that", async () => {
    const { url, pageUrl } = await serveMonitor();
    const { status, headers } = await send(`${url}/admin/mcp?q=a`);
    expect([status, headers.location]).toEqual([302, "./mcp/?q=a"]);
    expect((await send(`${url}//evil.example`)).status).toBe(404);
    expect((await send(`${pageUrl}nothing`)).status).toBe(404);
    const refused = await send(pageUrl, { method: "PUT" });
    expect([refused.status, refused.headers.allow]).toEqual([405, "GET"]);
    expect((await send(pageUrl, { method: "HEAD" })).text).toBe("");
  });

  it("is served by no other name of this machine than loopback's", async () => {
    const { pageUrl } = await serveMonitor();
    const rebound = await send(pageUrl, { headers: { host: "evil.example" }, setHost: false });
    expect([rebound.status, rebound.json.error]).toEqual([403, "host_not_allowed"]);
    const named = await serveMonitor({ allowedHosts: ["mcp.example.com"] });
    for (const host of ["mcp.example.com", "localhost"]) {
      const answer = await send(named.pageUrl, { headers: { host }, setHost: false });
      expect(answer.status).toBe(200);
    }
  });

  it("shows who is connected, and finds them", async () => {
    const { mcpUrl, sseUrl, pageUrl } = await serveMonitor();
    await converse(sseUrl, asCaller({ sub: "alice" }));
    await begin(mcpUrl, asCaller({ sub: "bob" }));

    const page = (await send(pageUrl)).text;
    expect(partOf(page, "sessions")).toMatch(/alice jwt.* HTTP\+SSE of 2024 open .*127\.0\.0\.1/);
    expect(partOf(page, "sessions")).toMatch(/bob jwt.* Streamable HTTP of 2025 open/);
    expect(partOf(page, "people")).toMatch(/Principals 2 .*alice.*bob/);
    const found = (await send(`${pageUrl}?q=ALI`)).text;
    expect(partOf(found, "people")).toContain("alice");
    expect(partOf(found, "people")).not.toContain("bob");
    expect(textIn((await send(`${pageUrl}?q=nobody`)).text)).toContain("No session is found.");
  });
});

describe("FACT-54: what happens", () => {
  it("is shown from the moment on at which the monitor was asked for", async () => {
    const admin = express.Router();
    const { router, mcpUrl, url } = await serveMcp({
      configure: (app) => app.use("/admin", admin),
    });
    await begin(mcpUrl, asCaller({ sub: "alice" }));
    admin.use(router.monitor({ guard: letIn }));
    // What the page is made of is not loaded by now.
    expect(router.sessions.closeFor((principal) => principal?.id === "alice")).toBe(1);
    const page = (await send(`${url}/admin/`)).text;
    expect(partOf(page, "endings")).toMatch(/revoked 1 .*alice/);
    expect(partOf(page, "revocations")).toContain("closeFor");
  });

  it("is shown once it has: calls, refusals and limits", async () => {
    const { mcpUrl, sseUrl, pageUrl } = await serveMonitor({ sessions: { maxInFlight: 1 } });
    const alice = await begin(mcpUrl, asCaller({ sub: "alice" }));
    await alice.call("echo", { text: "an argument that nobody else sees" });
    await send(sseUrl);
    const page = (await send(pageUrl)).text;
    expect(partOf(page, "done")).toMatch(/tool echo 0 \d+ ms \d+ ms 1 /);
    expect(partOf(page, "refusals")).toMatch(/missing_credential 401 stream 1/);
    expect(page).not.toContain("an argument");
  });
});
