import { inspect } from "node:util";
import express from "express";
import { createSseRouter, MCPServer } from "../../../src/index.js";
import type { Principal, SessionInfo, SseRouter } from "../../../src/index.js";
import { toAuthMethods } from "../../../strategies/index.js";
import { createToolServer, registerTools } from "../../kit/tools.js";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";
import { listen } from "../../kit/listen.js";
import { faults, startFakeIssuer } from "../../kit/fake-issuer.js";
import type { FakeIssuer } from "../../kit/fake-issuer.js";
import { bearer } from "../../kit/tokens.js";
import { CLIENT, oauthFor, opaqueOf, tokenOf } from "../../kit/resource-server.js";
import { send } from "../../kit/raw-http.js";
import { initialize, openSession, post, toolCall } from "../../kit/raw-sse.js";
import { printed } from "../../kit/leak-watch.js";

cleanUpAfterEach();

/** Everything that a server under test shows to anybody. */
class Witness {
  readonly #texts: (() => string)[] = [];
  readonly logger = Object.fromEntries(
    ["debug", "info", "warn", "error"].map((level) => [
      level,
      (...all: unknown[]) => this.note(...all),
    ]),
  ) as Record<"debug" | "info" | "warn" | "error", () => void>;

  note(...values: unknown[]): void {
    for (const value of values) {
      const shown = inspect(value, { depth: Infinity, showHidden: true, maxArrayLength: null });
      this.#texts.push(() => shown);
    }
  }

  watch(text: () => string): void {
    this.#texts.push(text);
  }

  get everything(): string {
    return this.#texts.map((text) => text()).join("\n");
  }
}

/** The forms in which a secret could be found again. */
function formsOf(secret: string): readonly string[] {
  const { clientId } = CLIENT;
  const signature = secret.split(".")[2];
  return [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString("base64"),
    Buffer.from(secret).toString("base64url"),
    Buffer.from(`${clientId}:${secret}`).toString("base64"),
    ...(signature === undefined ? [] : [signature]),
  ];
}

interface Tokens {
  readonly good: readonly string[];
  readonly bad: readonly string[];
}

async function makeTokens(issuer: FakeIssuer): Promise<Tokens> {
  return {
    good: [await tokenOf(issuer), opaqueOf(issuer)],
    bad: [
      await tokenOf(issuer, { exp: 1 }),
      await tokenOf(issuer, { aud: "https://other.example" }),
      await tokenOf(issuer, { iss: "https://other.example" }),
      await tokenOf(issuer, {}, { header: { kid: "unknown-key" } }),
      (await tokenOf(issuer)).slice(0, -5),
      opaqueOf(issuer, { active: false }),
      opaqueOf(issuer, { aud: "https://other.example" }),
      "invented-opaque-token-1b7d",
    ],
  };
}

async function serve(
  issuer: FakeIssuer,
  witness: Witness,
): Promise<{ url: string; router: SseRouter }> {
  const router = createSseRouter({
    logger: witness.logger,
    auth: oauthFor(issuer, { introspectionCacheMs: 0 }),
    createServer: (session: SessionInfo<Principal>) => {
      witness.note(session.principal);
      return createToolServer();
    },
  });
  onDispose(() => router.close({ timeoutMs: 0 }));
  for (const event of ["opened", "closed"] as const) {
    router.sessions.on(event, (session, ...rest: unknown[]) => {
      witness.note(session.id, session.principal, session.state, ...rest);
    });
  }
  const app = express();
  app.use((req, res, next) => {
    res.on("finish", () => witness.note(req.url, req.originalUrl, req.query));
    next();
  });
  app.use("/mcp", router);
  app.use(router.wellKnown);
  return { url: `${(await listen(app)).url}/mcp/sse`, router };
}

it("OAUTH-18: no secret and no token is in any log line, event, answer, error or print", async () => {
  const issuer = await startFakeIssuer();
  onDispose(() => issuer.stop());
  issuer.clients.set(CLIENT.clientId, CLIENT.clientSecret);
  const witness = new Witness();
  const { url, router } = await serve(issuer, witness);
  const { good, bad } = await makeTokens(issuer);

  // Callers who are let in, and use the session.
  for (const token of good) {
    const { stream, postUrl } = await openSession(url, bearer(token));
    witness.watch(() => stream.bytes);
    for (const message of [initialize, toolCall(2, "whoami"), toolCall(3, "echo", { text: "x" })]) {
      witness.note((await post(postUrl, message, bearer(token))).text);
      await stream.nextMessage();
    }
    witness.note((await post(`${postUrl}&access_token=${token}`, initialize)).text);
  }
  // Callers who are not, while the issuer is well and while it is not; and tokens in the URL.
  const troubles = [
    () => undefined,
    () => issuer.fail("introspection", faults.status(401)),
    () => issuer.fail("introspection", faults.body(JSON.stringify({ echo: [...good, ...bad] }))),
    () => issuer.fail("introspection", faults.reset()),
    () => issuer.fail("jwks", faults.status(500)),
  ];
  for (const trouble of troubles) {
    trouble();
    for (const token of [...good, ...bad]) {
      for (const answer of [
        await send(url, { headers: bearer(token) }),
        await send(`${url}?access_token=${token}`),
        await send(url.replace("sse", "messages"), { method: "POST", headers: bearer(token) }),
      ]) {
        witness.note(answer.text, answer.rawHeaders);
      }
    }
  }
  // What somebody may print who looks for a mistake.
  witness.note(router, router.sessions, toAuthMethods(oauthFor(issuer)), issuer.url);
  await router.close({ timeoutMs: 0 });

  const { everything } = witness;
  expect(everything).toContain("invalid_token");
  for (const secret of [CLIENT.clientSecret, ...good, ...bad]) {
    for (const form of formsOf(secret)) expect(everything.includes(form)).toBe(false);
  }
});

it("OAUTH-18: nor in the error of a server that cannot be started, nor in the server itself", async () => {
  const issuer = await startFakeIssuer();
  onDispose(() => issuer.stop());
  issuer.fail("metadata", faults.body(JSON.stringify({ issuer: CLIENT.clientId })));
  const server = new MCPServer({
    setup: registerTools,
    transport: { type: "sse", options: { port: 0, auth: oauthFor(issuer) } },
  });

  const error: unknown = await server.start().then(
    () => undefined,
    (reason: unknown) => reason,
  );

  const shown = [printed(error), inspect(server, { depth: Infinity, showHidden: true })].join();
  expect(shown).toContain("names another issuer");
  for (const form of formsOf(CLIENT.clientSecret)) expect(shown.includes(form)).toBe(false);
});

it.each([
  ["issuerUrl", { issuerUrl: `https://user:${CLIENT.clientSecret}@auth.example` }],
  ["issuerUrl", { issuerUrl: `https://auth.example/?secret=${CLIENT.clientSecret}` }],
  ["clientSecret", { clientSecret: { text: CLIENT.clientSecret } }],
  ["audience", { audience: { text: CLIENT.clientSecret } }],
  ["tokenValidation", { tokenValidation: CLIENT.clientSecret }],
  ["scopes", { scopes: [`${CLIENT.clientSecret} x`] }],
])("OAUTH-18: nor in the error for a wrong %s", (option, change) => {
  const wrong = { ...oauthFor({ url: "https://auth.example" }).options, ...change };
  let message = "";
  try {
    toAuthMethods({ type: "oauth", options: wrong as never });
  } catch (error) {
    message = printed(error);
  }

  expect(message).toContain(option);
  expect(message).not.toContain(CLIENT.clientSecret);
});
