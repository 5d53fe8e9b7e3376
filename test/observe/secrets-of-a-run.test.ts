import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import { createMcpRouter, McpSseError } from "../../src/index.js";
import type { AuthConfig } from "../../src/index.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { asCaller } from "../kit/conversation.js";
import { HeardFacts } from "../kit/heard-facts.js";
import { printed } from "../kit/leak-watch.js";
import { serveMonitor } from "../kit/monitor.js";
import { MODERN, STATEFUL } from "../kit/policy-wires.js";
import { send } from "../kit/raw-http.js";
import { JWT_AUTH } from "../kit/serve.js";
import { obtainTokens, serveSignIn } from "../kit/sign-in.js";
import { postMessage } from "../kit/streamable.js";
import { observeTelemetry } from "../kit/telemetry.js";
import { SECRET } from "../kit/tokens.js";

cleanUpAfterEach();

/** What was used, by what it is. */
type Secrets = Map<string, string>;

/** A text that is nowhere else, with what JSON, HTML and URLs would write in another way left out. */
function note(secrets: Secrets, what: string): string {
  const text = randomBytes(18).toString("hex");
  // A tool that runs ten times has ten results.
  secrets.set(`${what} (${secrets.size})`, text);
  return text;
}

function noteToken(secrets: Secrets, what: string, token: string): string {
  for (const [index, part] of token.split(".").entries()) {
    // What a token begins with is the same for all of them.
    if (index > 0 || !token.includes(".")) secrets.set(`${what}, part ${index}`, part);
  }
  return token;
}

function createServer(secrets: Secrets): McpServer {
  const server = new McpServer(
    { name: "shop", version: "1" },
    { capabilities: { logging: {}, tools: {}, resources: {}, prompts: {} } },
  );
  const text = (value: string) => ({ content: [{ type: "text" as const, text: value }] });
  const args = { inputSchema: z.object({ value: z.string() }) };
  server.registerTool("tell", args, () => text(note(secrets, "a result")));
  server.registerTool("fail", args, () => {
    throw new Error(note(secrets, "what a tool throws"));
  });
  server.registerTool("guarded", args, () => text("done"));
  server.registerPrompt("ask", { argsSchema: z.object({ value: z.string() }) }, () => ({
    messages: [
      { role: "user", content: { type: "text", text: note(secrets, "a prompt's result") } },
    ],
  }));
  server.registerResource("doc", "test://doc", {}, (uri) => ({
    contents: [{ uri: uri.href, text: note(secrets, "a resource's content") }],
  }));
  return server;
}

/** All that a client of a wire can send, good and bad. */
async function talk(
  wire: (typeof STATEFUL)[number],
  urls: { mcpUrl: string; sseUrl: string },
  secrets: Secrets,
  credential: Record<string, string>,
): Promise<void> {
  const value = note(secrets, `an argument over ${wire.name}`);
  const cookie = `session=${note(secrets, `a cookie over ${wire.name}`)}`;
  const header = note(secrets, `a header over ${wire.name}`);
  const client = await wire.connect(urls, { ...credential, cookie, "x-own": header });
  for (const name of ["tell", "fail", "guarded"]) {
    await client.ask("tools/call", { name, arguments: { value } });
  }
  await client.ask("tools/call", { name: "tell", arguments: { wrong: value } }).catch(() => 0);
  await client.ask("prompts/get", { name: "ask", arguments: { value } });
  await client.ask("resources/read", { uri: "test://doc" });
  await client.post("tools/list", { cursor: value });
}

/** What is not let in, or is nothing. */
async function misuse(mcpUrl: string, sseUrl: string, secrets: Secrets): Promise<void> {
  const bad = note(secrets, "a bad token");
  await send(sseUrl, { headers: { authorization: `Bearer ${bad}` } });
  await send(`${sseUrl}?api_key=${note(secrets, "a bad key")}`);
  const forged = asCaller({ sub: note(secrets, "who a forged token says that it is") });
  const authorization = `${forged.authorization.slice(0, -4)}AAAA`;
  noteToken(secrets, "a forged token", authorization.slice(7));
  await send(sseUrl, { headers: { authorization } });
  const expired = asCaller({ exp: 1, sub: note(secrets, "whose an expired token is") });
  noteToken(secrets, "an expired token", expired.authorization.slice(7));
  await postMessage(mcpUrl, "{}", expired);
  const broken = `{"jsonrpc": "2.0", ${note(secrets, "what is no JSON")}`;
  await postMessage(mcpUrl, broken, asCaller());
  await postMessage(mcpUrl, { nothing: note(secrets, "no message") }, asCaller());
}

it("FACT-12: no output of a whole run has a credential, a claim, a header, an argument or a result of it", async () => {
  const secrets: Secrets = new Map([["the signing secret", SECRET]]);
  const telemetry = await observeTelemetry();
  const facts = new HeardFacts();
  const trail: string[] = [];
  const key = note(secrets, "an API key");
  const auth = [
    JWT_AUTH,
    { type: "apikey", options: { keys: [{ id: "robot", key }], queryParam: "api_key" } },
  ] as unknown as AuthConfig;
  const fault = note(secrets, "what a rule throws");
  const { mcpUrl, sseUrl, pageUrl, operator, router, lines } = await serveMonitor({
    auth,
    audit: (event) => trail.push(JSON.stringify(event)),
    createServer: (session) => {
      if (session.principal.id === "nobody") {
        throw new McpSseError("server_error", "There is no room.");
      }
      return createServer(secrets);
    },
    policy: {
      tools: {
        guarded: {
          when: () => {
            throw new Error(fault);
          },
        },
      },
    },
  });
  const claim = note(secrets, "a claim");
  const alice = asCaller({ sub: "alice", department: claim });
  noteToken(secrets, "a token", alice.authorization.slice(7));
  for (const wire of [...STATEFUL, MODERN]) {
    await talk(wire, { mcpUrl, sseUrl }, secrets, alice);
    await talk(wire, { mcpUrl, sseUrl }, secrets, { "x-api-key": key });
  }
  await misuse(mcpUrl, sseUrl, secrets);
  await send(sseUrl, { headers: asCaller({ sub: "nobody" }) });

  const sessions = router.sessions.list();
  const outputs = {
    log: lines.join("\n"),
    channels: facts.toText(),
    audit: trail.join("\n"),
    sessions: `${printed(sessions)}\n${JSON.stringify(router.sessions.counts())}`,
    router: inspect(router, { depth: 3 }),
    metrics: await telemetry.scrape(),
    spans: inspect(telemetry.spans.getFinishedSpans(), { depth: 6, maxArrayLength: null }),
    monitor: (await operator.visit(pageUrl)).text,
  };
  expect(sessions).toHaveLength(4);
  expect(secrets.size).toBeGreaterThan(40);
  // Of a rule of their own operators read in the log why it could not be asked, and nowhere else.
  expect(leaksIn(outputs, secrets)).toEqual([expect.stringContaining("log: what a rule throws")]);
  // Each of them did see the run.
  expect(outputs.log).toMatch(/^debug: session .* opened/m);
  for (const output of [outputs.channels, outputs.audit, outputs.spans, outputs.monitor]) {
    expect(output).toContain("fail");
  }
  expect(outputs.metrics).toContain("policy_unavailable");
});

it("FACT-12: nor has any output of a sign-in a code, a token, a cookie or a secret of its clients", async () => {
  const secrets: Secrets = new Map();
  const telemetry = await observeTelemetry();
  const facts = new HeardFacts();
  const trail: string[] = [];
  const setup = await serveSignIn({
    createRouter: ((options: Parameters<typeof createMcpRouter>[0]) =>
      createMcpRouter({
        ...options,
        audit: (event) => trail.push(JSON.stringify(event)),
      })) as typeof createMcpRouter,
  });
  const person = setup.person();
  const { request, tokens } = await obtainTokens(setup, person);
  secrets.set("the verifier", request.verifier).set("the state", request.state);
  noteToken(secrets, "the access token", tokens.access_token);
  noteToken(secrets, "the refresh token", tokens.refresh_token);
  for (const { name, value } of person.cookies.list()) secrets.set(`cookie ${name}`, value);
  for (const url of person.trail) {
    const code = new URL(url).searchParams.get("code");
    if (code !== null) secrets.set(`code of ${new URL(url).pathname}`, code);
  }
  const answer = await send(setup.resource, {
    headers: { authorization: `Bearer ${tokens.refresh_token}` },
  });
  expect(answer.status).toBe(401);
  const outputs = {
    log: setup.lines.join("\n"),
    channels: facts.toText(),
    audit: trail.join("\n"),
    metrics: await telemetry.scrape(),
  };
  expect(secrets.size).toBeGreaterThan(5);
  expect(leaksIn(outputs, secrets)).toEqual([]);
  expect(outputs.audit).toContain("signin.redeem");
  expect(outputs.metrics).toContain("redeemed");
});

function leaksIn(outputs: Readonly<Record<string, string>>, secrets: Secrets): string[] {
  return Object.entries(outputs).flatMap(([output, text]) =>
    [...secrets].filter(([, value]) => text.includes(value)).map(([what]) => `${output}: ${what}`),
  );
}
