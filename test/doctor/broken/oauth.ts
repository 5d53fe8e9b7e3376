import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import express from "express";
import { createMcpRouter, createSseRouter } from "../../../src/index.js";
import type { AuthConfig } from "../../../src/index.js";
import { onDispose } from "../../kit/clean-up.js";
import type { FakeIssuer } from "../../kit/fake-issuer.js";
import { fakeIssuer, oauthFor } from "../../kit/resource-server.js";
import { serveRouter } from "../../kit/serve.js";
import type { ServeRouterOptions } from "../../kit/serve.js";
import { createToolServer } from "../../kit/tools.js";

/** A server with one fault. */
export interface Patient {
  readonly url: string;
}

/** The first finding's id, the fault, and the server that has it. */
export type Case = readonly [id: string, fault: string, serve: () => Promise<Patient>];

/** What an issuer publishes so that MCP clients can use it. */
const WHOLE = {
  registration_endpoint: "https://auth.example.com/register",
  code_challenge_methods_supported: ["S256"],
};

/** An issuer to whom nothing is missing, but for a change. */
export async function issuerWith(change: Record<string, unknown> = {}): Promise<FakeIssuer> {
  const issuer = await fakeIssuer();
  issuer.metadata = { ...WHOLE, ...change };
  return issuer;
}

/** A router of ours before an issuer that publishes something else than it should. */
function withMetadata(change: Record<string, unknown>): () => Promise<Patient> {
  return async () => await serveBefore(await issuerWith(change));
}

async function serveBefore(
  issuer: { url: string },
  options: ServeRouterOptions = {},
): Promise<Patient> {
  const { sseUrl } = await serveRouter({ auth: oauthFor(issuer), ...options });
  return { url: sseUrl };
}

/** A server that knows its own address before it is made. */
export async function serveAt(make: (origin: string) => RequestListener): Promise<string> {
  const server = createServer();
  await once(server.listen(0, "127.0.0.1"), "listening");
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.on("request", make(origin));
  onDispose(async () => {
    const closed = once(server.close(), "close");
    server.closeAllConnections();
    await closed;
  });
  return origin;
}

/** A router of ours for both wires at `/mcp`, whose `publicUrl` may be wrong. */
export async function serveMcp(
  auth: AuthConfig,
  publicUrl: (origin: string) => string = (origin) => `${origin}/mcp`,
): Promise<string> {
  const origin = await serveAt((self) => {
    const router = createMcpRouter({
      auth,
      publicUrl: publicUrl(self),
      createServer: () => createToolServer(),
    });
    onDispose(() => router.close({ timeoutMs: 0 }));
    return express().use(router.wellKnown).use("/mcp", router);
  });
  return `${origin}/mcp`;
}

/** An app that sends its page for every path that it does not know. */
export const WITH_PAGE: ServeRouterOptions = {
  after: (app) => void app.use((_req, res) => void res.send("<!doctype html><title>App</title>")),
};

/** A server by hand that refuses everybody, with these documents by their paths. */
export async function refusing(
  challenge: ((origin: string) => string) | undefined,
  documents: (origin: string) => Readonly<Record<string, unknown>> = () => ({}),
): Promise<Patient> {
  const origin = await serveAt((self) => {
    const app = express();
    for (const [path, document] of Object.entries(documents(self))) {
      app.get(path, (_req, res) => void res.json(document));
    }
    return app.use("/mcp", (_req, res) => {
      if (challenge !== undefined) res.set("WWW-Authenticate", challenge(self));
      res.status(401).json({ error: "unauthorized" });
    });
  });
  return { url: `${origin}/mcp` };
}

const DOCUMENT = "/.well-known/oauth-protected-resource";

/** The same, with a document about itself. */
export function describing(change: Readonly<Record<string, unknown>>): () => Promise<Patient> {
  return async () =>
    await refusing(
      () => "Bearer",
      (origin) => ({ [`${DOCUMENT}/mcp`]: { resource: `${origin}/mcp`, ...change } }),
    );
}

/** What can be wrong with documents. */
export const BROKEN_DOCUMENTS: readonly Case[] = [
  [
    "resource-differs",
    "a publicUrl on another host",
    async () => {
      const url = new URL(await serveMcp(oauthFor(await issuerWith())));
      url.hostname = "localhost";
      return { url: url.href };
    },
  ],
  [
    "resource-differs",
    "a document that names no resource",
    async () =>
      await describing({
        resource: undefined,
        authorization_servers: [(await issuerWith()).url],
      })(),
  ],
  [
    "resource-metadata-missing",
    "a publicUrl with a prefix that the app does not have",
    async () => ({
      url: await serveMcp(oauthFor(await issuerWith()), (origin) => `${origin}/prefix/mcp`),
    }),
  ],
  [
    "resource-metadata-refused",
    "a challenge that names a document by plain http elsewhere",
    async () =>
      await refusing(() => `Bearer resource_metadata="http://169.254.169.254/latest/meta-data"`),
  ],
  [
    "resource-metadata-refused",
    "a challenge that names a file",
    async () => await refusing(() => `Bearer resource_metadata="file:///etc/passwd"`),
  ],
  [
    "discovery-is-page",
    "a catch-all page, and no OAuth",
    async () => {
      const auth: AuthConfig = { type: "apikey", options: { keys: ["a-key-of-some-length"] } };
      return { url: (await serveRouter({ auth, ...WITH_PAGE })).sseUrl };
    },
  ],
  [
    "discovery-has-page",
    "a catch-all page, and no document at the root",
    async () => {
      const issuer = await issuerWith();
      const origin = await serveAt(() => {
        const router = createSseRouter({
          auth: oauthFor(issuer),
          createServer: () => createToolServer(),
        });
        onDispose(() => router.close({ timeoutMs: 0 }));
        return express()
          .use("/mcp", router)
          .use((_req, res) => void res.send("<!doctype html><title>App</title>"));
      });
      return { url: `${origin}/mcp/sse` };
    },
  ],
  [
    "documents-disagree",
    "two documents that name different issuers",
    async () => {
      const { url } = await issuerWith();
      return await refusing(
        (origin) => `Bearer resource_metadata="${origin}/about"`,
        (origin) => ({
          "/about": { resource: `${origin}/mcp`, authorization_servers: [url] },
          [`${DOCUMENT}/mcp`]: { resource: `${origin}/mcp`, authorization_servers: [`${url}/old`] },
        }),
      );
    },
  ],
  ["authorization-servers-missing", "a document without issuers", describing({})],
  ["challenge-missing", "a 401 without a challenge", async () => await refusing(undefined)],
  [
    "issuer-refused",
    "an issuer by plain http elsewhere",
    describing({ authorization_servers: ["http://169.254.169.254/"] }),
  ],
  [
    "issuer-refused",
    "an issuer that is no http URL",
    describing({ authorization_servers: ["file:///etc/passwd"] }),
  ],
  [
    "issuer-unreachable",
    "an issuer that is away",
    async () => {
      const issuer = await issuerWith();
      await issuer.stop();
      return await serveBefore(issuer);
    },
  ],
  [
    "issuer-metadata-missing",
    "an issuer without metadata",
    async () => {
      const issuer = await issuerWith();
      issuer.forms.clear();
      return await serveBefore(issuer);
    },
  ],
  [
    "issuer-differs",
    "an issuer that calls itself otherwise",
    withMetadata({ issuer: "https://auth.example.com" }),
  ],
  [
    "endpoint-missing",
    "no authorization endpoint",
    withMetadata({ authorization_endpoint: undefined }),
  ],
  ["endpoint-missing", "no token endpoint", withMetadata({ token_endpoint: undefined })],
  [
    "endpoint-refused",
    "a token endpoint by plain http",
    withMetadata({ token_endpoint: "http://auth.example.com/token" }),
  ],
  [
    "pkce-unsupported",
    "an issuer that takes plain PKCE only",
    withMetadata({ code_challenge_methods_supported: ["plain"] }),
  ],
  [
    "pkce-unsaid",
    "an issuer that does not say that it takes PKCE",
    withMetadata({ code_challenge_methods_supported: undefined }),
  ],
  [
    "registration-missing",
    "an issuer at which no client can register",
    withMetadata({ registration_endpoint: undefined }),
  ],
];
