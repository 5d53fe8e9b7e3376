import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import express from "express";
import { createSseRouter } from "../../src/index.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { converse } from "../kit/conversation.js";
import { createToolServer } from "../kit/tools.js";
import { listen } from "../kit/listen.js";
import { recordingLogger } from "../kit/leak-watch.js";
import { AUDIENCE, fakeIssuer, oauthFor, tokenOf } from "../kit/resource-server.js";
import { bearer } from "../kit/tokens.js";
import { send } from "../kit/raw-http.js";

cleanUpAfterEach();

/** What a proxy says of the request that it forwards. */
const FORWARDED = {
  "x-forwarded-host": "api.example.com",
  "x-forwarded-proto": "https",
  "x-forwarded-for": "203.0.113.7",
};

/** An app that listens on a Unix socket, and a proxy in front of it. */
async function serve(trustProxy: unknown) {
  const issuer = await fakeIssuer();
  const router = createSseRouter({
    auth: oauthFor(issuer),
    createServer: () => createToolServer(),
    throttle: { maxFailures: 1 },
    logger: recordingLogger(),
  });
  const app = express();
  app.set("trust proxy", trustProxy);
  app.use(router.wellKnown);
  app.use("/mcp", router);
  const directory = mkdtempSync(join(tmpdir(), "mcp-"));
  const socketPath = join(directory, "app.sock");
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  onDispose(async () => {
    await router.close({ timeoutMs: 0 });
    server.close();
    server.closeAllConnections();
    rmSync(directory, { recursive: true });
  });
  const { url } = await listen((req, res) => {
    const headers = { ...req.headers, host: "localhost", ...FORWARDED };
    const { method, url: path } = req;
    const forwarded = request({ socketPath, method, path, headers, agent: false }, (answer) => {
      res.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(res);
    });
    forwarded.on("error", () => res.destroy());
    res.on("close", () => forwarded.destroy());
    req.pipe(forwarded);
  });
  return { url, issuer };
}

it.each([true, 1, () => true])(
  "HOST-4, OAUTH-4: with trust proxy %p a proxy that comes through a Unix socket names the URL",
  async (trustProxy) => {
    const { url, issuer } = await serve(trustProxy);
    const { headers } = await send(`${url}/mcp/sse`);
    expect(headers["www-authenticate"]).toContain(
      'resource_metadata="https://api.example.com/mcp/.well-known/oauth-protected-resource/sse"',
    );
    const document = await send(`${url}/.well-known/oauth-protected-resource/mcp/sse`);
    expect(document.json).toMatchObject({ resource: "https://api.example.com/mcp/sse" });
    const conversation = await converse(
      `${url}/mcp/sse`,
      bearer(await tokenOf(issuer, { aud: AUDIENCE })),
    );
    expect(conversation.endpoint).toMatch(/^\/mcp\/messages\?/);
    expect(await conversation.call("echo", { text: "one" })).toBe("one");
    expect(await conversation.call("echo", { text: "two" })).toBe("two");
  },
);

it.each([false, "loopback", "10.0.0.0/8", () => false])(
  "HOST-4, OAUTH-4: with trust proxy %p it is not listened to",
  async (trustProxy) => {
    const { url } = await serve(trustProxy);
    const { headers } = await send(`${url}/mcp/sse`);
    expect(headers["www-authenticate"]).toContain('resource_metadata="http://localhost/mcp/');
  },
);
