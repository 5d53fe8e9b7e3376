import { join } from "node:path";
import type { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import type { Page } from "playwright-core";
import { describeInChromium, openPage } from "../kit/chromium.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { listen } from "../kit/listen.js";
import { createModernServer, headersOf, modernCall, REVISION } from "../kit/modern.js";
import { initialize } from "../kit/raw-sse.js";
import { serveMcp, textOf } from "../kit/streamable.js";
import { execute } from "../package/processes.js";

cleanUpAfterEach();

/** SDK v2's client, as a page has it. */
interface Sdk {
  readonly sdk: {
    readonly Client: typeof Client;
    readonly StreamableHTTPClientTransport: typeof StreamableHTTPClientTransport;
  };
}

const ROOT = join(__dirname, "../..");
const KEY = "a-key-for-the-page-of-another-site";

/** What pages load; made once. */
let script: Promise<string> | undefined;

function bundle(): Promise<string> {
  const entry = "node_modules/@modelcontextprotocol/client/dist/index.mjs";
  const how = ["--bundle", "--platform=browser", "--format=iife", "--global-name=sdk"];
  return execute(join(ROOT, "node_modules/.bin/esbuild"), [entry, ...how], { cwd: ROOT });
}

/** A page of another site whose scripts have the SDK's client, and a router that lets them call. */
async function open(allowed: boolean): Promise<{ page: Page; mcpUrl: string }> {
  const site = await listen((_req, res) => void res.setHeader("content-type", "text/html").end());
  const { mcpUrl } = await serveMcp({
    createServer: () => createModernServer(),
    auth: { type: "apikey", options: { keys: [KEY] } },
    cors: { allowOrigins: allowed ? [site.url] : ["https://elsewhere.example"] },
  });
  const page = await openPage();
  await page.goto(site.url);
  await page.addScriptTag({ content: await (script ??= bundle()) });
  return { page, mcpUrl };
}

/** What a page does in one way to talk; its text is what the page runs. */
async function converse({ url, key, mode }: { url: string; key: string; mode: string }) {
  const { sdk } = window as unknown as Sdk;
  const pin = { pin: mode };
  const client = new sdk.Client(
    { name: "page", version: "1" },
    { versionNegotiation: { mode: mode === "legacy" ? "legacy" : pin } },
  );
  const transport = new sdk.StreamableHTTPClientTransport(new URL(url), {
    requestInit: { headers: { "x-api-key": key } },
  });
  await client.connect(transport);
  await client.listTools();
  const { content } = await client.callTool({ name: "echo", arguments: { text: "hello" } });
  const steps = await client.callTool({ name: "steps", arguments: {} });
  const { sessionId } = transport;
  await transport.terminateSession();
  await client.close();
  return [content, steps.content, sessionId !== undefined];
}

describeInChromium("a page of another site", () => {
  it.each(["legacy", REVISION])(
    "SOURCE-3, SOURCE-4: talks Streamable HTTP by the SDK's client, %s",
    async (mode) => {
      const { page, mcpUrl } = await open(true);
      const said = await page.evaluate(converse, { url: mcpUrl, key: KEY, mode });
      const text = (value: string) => [{ type: "text", text: value }];
      expect(said).toEqual([text("hello"), text("walked"), mode === "legacy"]);
    },
  );

  it("SOURCE-3, SOURCE-4: may come back for what it missed, and reads why it may not", async () => {
    const { page, mcpUrl } = await open(true);
    const seen = await page.evaluate(
      async ([url, key, message]) => {
        const type = { "content-type": "application/json" };
        const begin = (headers: HeadersInit): Promise<Response> =>
          fetch(url!, { method: "POST", headers, body: message! });
        const refused = await begin(type);
        const begun = await begin({ ...type, "x-api-key": key! });
        const id = begun.headers.get("mcp-session-id") ?? "";
        const named = {
          "x-api-key": key!,
          "mcp-session-id": id,
          "mcp-protocol-version": "2025-06-18",
        };
        const unknown = await fetch(url!, { headers: { ...named, "last-event-id": "none" } });
        const { error } = (await unknown.json()) as { error: string };
        const ended = await fetch(url!, { method: "DELETE", headers: named });
        return [refused.status, refused.headers.get("www-authenticate"), error, ended.status];
      },
      [mcpUrl, KEY, JSON.stringify(initialize)],
    );
    expect(seen).toEqual([401, expect.stringMatching(/^ApiKey/), "event_id_unknown", 200]);
  });

  it("SOURCE-3, MODERN-9: may send what a tool wants as a header", async () => {
    const { page, mcpUrl } = await open(true);
    const call = modernCall(1, "region", { region: "north" });
    const headers = { ...headersOf(call), "x-api-key": KEY, "mcp-param-region": "north" };
    const body = JSON.stringify(call);
    const answer = await page.evaluate(
      async ([url, sent]) => {
        const type = { "content-type": "application/json" };
        const given = JSON.parse(sent!) as { headers: Record<string, string>; body: string };
        const { headers: own, body: posted } = given;
        const response = await fetch(url!, {
          method: "POST",
          headers: { ...type, ...own },
          body: posted,
        });
        return response.text();
      },
      [mcpUrl, JSON.stringify({ headers, body })],
    );
    expect(textOf(JSON.parse(answer))).toBe("north");
  });

  it("SOURCE-2: gets nowhere where its site may not call", async () => {
    const { page, mcpUrl } = await open(false);
    const called = page.evaluate(converse, { url: mcpUrl, key: KEY, mode: "legacy" });
    await expect(called).rejects.toThrow(/Failed to fetch/);
  });
});
