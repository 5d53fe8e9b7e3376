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
import type { Case, Patient } from "./case.js";

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

let whole: Promise<FakeIssuer> | undefined;

/** One that nothing is changed of, for all that need no other: to make keys takes a while. */
export function wholeIssuer(): Promise<FakeIssuer> {
  return (whole ??= issuerWith());
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
  {
    finding: "resource-differs",
    name: "a publicUrl on another host",
    serve: async () => {
      const url = new URL(await serveMcp(oauthFor(await wholeIssuer())));
      url.hostname = "localhost";
      return { url: url.href };
    },
  },
  {
    finding: "resource-differs",
    name: "a document that names no resource",
    serve: async () =>
      await describing({
        resource: undefined,
        authorization_servers: [(await wholeIssuer()).url],
      })(),
  },
  {
    finding: "resource-metadata-missing",
    name: "a publicUrl with a prefix that the app does not have",
    serve: async () => ({
      url: await serveMcp(oauthFor(await wholeIssuer()), (origin) => `${origin}/prefix/mcp`),
    }),
  },
  {
    finding: "resource-metadata-refused",
    name: "a challenge that names a document by plain http elsewhere",
    serve: async () =>
      await refusing(() => `Bearer resource_metadata="http://169.254.169.254/latest/meta-data"`),
  },
  {
    finding: "resource-metadata-refused",
    name: "a challenge that names a file",
    serve: async () => await refusing(() => `Bearer resource_metadata="file:///etc/passwd"`),
  },
  {
    finding: "discovery-is-page",
    name: "a catch-all page, and no OAuth",
    serve: async () => {
      const auth: AuthConfig = { type: "apikey", options: { keys: ["a-key-of-some-length"] } };
      return { url: (await serveRouter({ auth, ...WITH_PAGE })).sseUrl };
    },
  },
  {
    finding: "discovery-is-page",
    name: "a catch-all route that answers JSON, and no OAuth",
    serve: async () => {
      const origin = await serveAt(() =>
        express()
          .use(
            "/mcp",
            (_req, res) => void res.status(401).set("WWW-Authenticate", "Bearer").json({}),
          )
          .use((_req, res) => void res.json({ ok: true })),
      );
      return { url: `${origin}/mcp` };
    },
  },
  {
    finding: "discovery-has-page",
    name: "a catch-all page, and no document at the root",
    serve: async () => {
      const issuer = await wholeIssuer();
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
  },
  {
    finding: "documents-disagree",
    name: "two documents that name different issuers",
    serve: async () => {
      const { url } = await wholeIssuer();
      return await refusing(
        (origin) => `Bearer resource_metadata="${origin}/about"`,
        (origin) => ({
          "/about": { resource: `${origin}/mcp`, authorization_servers: [url] },
          [`${DOCUMENT}/mcp`]: { resource: `${origin}/mcp`, authorization_servers: [`${url}/old`] },
        }),
      );
    },
  },
  {
    finding: "authorization-servers-missing",
    name: "a document without issuers",
    serve: describing({}),
  },
  {
    finding: "challenge-missing",
    name: "a 401 without a challenge",
    serve: async () => await refusing(undefined),
  },
  {
    finding: "issuer-refused",
    name: "an issuer by plain http elsewhere",
    serve: describing({ authorization_servers: ["http://169.254.169.254/"] }),
  },
  {
    finding: "issuer-refused",
    name: "an issuer that is no http URL",
    serve: describing({ authorization_servers: ["file:///etc/passwd"] }),
  },
  {
    finding: "issuer-unreachable",
    name: "an issuer that is away",
    serve: async () => {
      const issuer = await issuerWith();
      await issuer.stop();
      return await serveBefore(issuer);
    },
  },
  {
    finding: "issuer-metadata-missing",
    name: "an issuer without metadata",
    serve: async () => {
      const issuer = await issuerWith();
      issuer.forms.clear();
      return await serveBefore(issuer);
    },
  },
  {
    finding: "issuer-differs",
    name: "an issuer that calls itself otherwise",
    serve: withMetadata({ issuer: "https://auth.example.com" }),
  },
  {
    finding: "endpoint-missing",
    name: "no authorization endpoint",
    serve: withMetadata({ authorization_endpoint: undefined }),
  },
  {
    finding: "endpoint-missing",
    name: "no token endpoint",
    serve: withMetadata({ token_endpoint: undefined }),
  },
  {
    finding: "endpoint-refused",
    name: "a token endpoint by plain http",
    serve: withMetadata({ token_endpoint: "http://auth.example.com/token" }),
  },
  {
    finding: "pkce-unsupported",
    name: "an issuer that takes plain PKCE only",
    serve: withMetadata({ code_challenge_methods_supported: ["plain"] }),
  },
  {
    finding: "pkce-unsaid",
    name: "an issuer that does not say that it takes PKCE",
    serve: withMetadata({ code_challenge_methods_supported: undefined }),
  },
  {
    finding: "registration-missing",
    name: "an issuer at which no client can register",
    serve: withMetadata({ registration_endpoint: undefined }),
  },
];
