/** What callers and applications write, where an answer or a log repeats it. */
import express from "express";
import { createSseRouter, fromPassport, McpSseError } from "../../src/index.js";
import type { PassportStrategy } from "../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { createToolServer } from "../kit/tools.js";
import { JWT_AUTH, serveRouter } from "../kit/serve.js";
import { listen } from "../kit/listen.js";
import { recordingLogger, secret } from "../kit/leak-watch.js";
import { send } from "../kit/raw-http.js";
import { SECRET, secretToken } from "../kit/tokens.js";

cleanUpAfterEach();

const NASTY = `a\r\nX-Evil: 1; "b\\" \u202e\u0085\u2028\u4f60\u597d ${"x".repeat(102_400)}`;

interface Actions {
  fail(reason: unknown): void;
}

/** A method whose strategy fails with what it is given. */
const failing = (reason: unknown) => {
  const strategy: PassportStrategy = {
    name: "own",
    authenticate(this: Actions) {
      this.fail(reason);
    },
  };
  return fromPassport(strategy, {
    principal: () => ({ id: "x" }),
    challenge: { scheme: "Bearer" },
    findCredential: () => ({ place: "bearer", name: "authorization", text: "x" }),
  });
};

test.each([
  ["a reason", new McpSseError("invalid_token", NASTY)],
  ["a challenge of its own", `Own realm="${NASTY}"`],
])(
  "FORM-1: %s of a strategy is sent as one field, and logged as one line",
  async (_what, reason) => {
    const { sseUrl, lines } = await serveRouter({ auth: failing(reason) });
    const answer = await send(sseUrl, { headers: { authorization: "Bearer x" } });
    expect(answer.status).toBe(401);
    expect(answer.headers["x-evil"]).toBeUndefined();
    expect(answer.headers["www-authenticate"]).toMatch(/^[\x20-\x7e]+$/);
    expect(Buffer.byteLength(answer.rawHeaders.join(""))).toBeLessThan(12_000);
    for (const line of lines) {
      expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
      expect(line.length).toBeLessThan(5_000);
    }
  },
);

test("FORM-1: a path with a semicolon gives the session's cookie no attribute", async () => {
  const app = express();
  secret(SECRET);
  const router = createSseRouter({ auth: JWT_AUTH, createServer: () => createToolServer() });
  onDispose(() => router.close({ timeoutMs: 0 }));
  app.use("/:tenant/mcp", router);
  const { url } = await listen(app);
  const answer = await send(`${url}/a;Domain=evil.example;Max-Age=9/mcp/sse`, {
    headers: { authorization: `Bearer ${secretToken()}` },
  });
  expect(answer.status).toBe(200);
  const [cookie = ""] = answer.headers["set-cookie"] ?? [];
  expect(cookie).toMatch(/^mcp_resume=[\w-]+; Path=\/; HttpOnly; SameSite=Lax$/);
});

test("FORM-2: an issuer's text in an error makes no line of the log", async () => {
  const logger = recordingLogger();
  const cause = new Error(NASTY);
  const { sseUrl } = await serveRouter({
    auth: failing(new McpSseError("temporarily_unavailable", "the issuer is away", { cause })),
    logger,
  });
  const answer = await send(sseUrl, { headers: { authorization: "Bearer x" } });
  expect(answer.status).toBe(503);
  expect(logger.lines).toHaveLength(1);
  expect(logger.lines[0]).toMatch(/^error: .*the issuer is away.*a\\u\{d\}\\u\{a\}X-Evil/);
  expect(logger.lines[0]).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
});
