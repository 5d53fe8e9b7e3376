import { once } from "node:events";
import { createServer, Server } from "node:http";
import type { RequestListener } from "node:http";
import express from "express";
import type { RequestHandler } from "express";
import type { TestTransport } from "./sdk-client.js";

/** As much of a router of this package, `createMcpRouter` or `createSseRouter`, as a test client needs. */
export interface TestRouter extends RequestHandler {
  readonly wellKnown: RequestHandler;
  readonly sessions: TestSessions;
}

/** As much of an `MCPServer` as a test client needs. */
export interface TestServer {
  /** Listens on the port that is told. */
  start(options: { port: number }): Promise<void>;
  /** Ends everything, calls in flight after so long. */
  stop(options: { timeoutMs: number }): Promise<void>;
  readonly url: string | undefined;
  readonly httpServer: Server | undefined;
  readonly sessions: TestSessions | undefined;
}

/** As much of a registry of sessions as a test client needs. */
export interface TestSessions {
  /** Ends one session. @returns whether there was one. */
  close(id: string): boolean;
}

/**
 * What a test client connects to: an Express app or another request listener, a router of this package, an
 * `MCPServer`, or an HTTP server of `node:http`.
 */
export type TestTarget = RequestListener | TestRouter | TestServer | Server;

/** A target that can be reached. */
export interface Hosting {
  /** Without a slash at its end. */
  readonly origin: string;
  /** Where the endpoint is, unless a test says so. */
  readonly paths: Readonly<Record<TestTransport, string>>;
  /** Ends one session; `undefined` where the target does not let itself be asked. */
  readonly endSession: ((id: string) => unknown) | undefined;
  /** Undoes what made it reachable. */
  end(): Promise<void>;
}

/** One client's share in a {@link Hosting}. */
export interface Lease extends Hosting {
  /** Gives it back: the last one ends it. Safe to call twice. */
  end(): Promise<void>;
}

interface Shared {
  clients: number;
  readonly opening: Promise<Hosting>;
  ending?: Promise<void>;
}

/** Where README and the documents mount routers. */
const MOUNT = "/mcp";

const hosted = new WeakMap<TestTarget, Shared>();

/**
 * Makes a target reachable on loopback, once for all who ask at the same time.
 *
 * @throws TypeError for what is no target; what the target itself fails with as it starts.
 */
export async function host(target: TestTarget): Promise<Lease> {
  if ((typeof target !== "object" && typeof target !== "function") || (target as unknown) === null)
    throw notTarget();
  let shared = hosted.get(target);
  while (shared?.ending !== undefined) {
    await shared.ending.catch(() => undefined);
    shared = hosted.get(target);
  }
  if (shared === undefined) hosted.set(target, (shared = { clients: 0, opening: open(target) }));
  shared.clients++;
  try {
    return leaseOf(target, shared, await shared.opening);
  } catch (error) {
    // Unless somebody tries again already.
    if (hosted.get(target) === shared) hosted.delete(target);
    throw error;
  }
}

function leaseOf(target: TestTarget, shared: Shared, hosting: Hosting): Lease {
  let ended: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    if (--shared.clients > 0) return;
    shared.ending = hosting.end().finally(() => hosted.delete(target));
    await shared.ending;
  };
  return { ...hosting, end: () => (ended ??= end()) };
}

async function open(target: TestTarget): Promise<Hosting> {
  if (target instanceof Server) return await openServer(target);
  if (typeof target === "function") {
    return "wellKnown" in target ? await openRouter(target) : await openApp(target);
  }
  if ("start" in target && "stop" in target) return await openMcpServer(target);
  throw notTarget();
}

const AT_MOUNT = { "streamable-http": MOUNT, sse: `${MOUNT}/sse` };

/** A router, in an app that has nothing else. */
async function openRouter(router: TestRouter): Promise<Hosting> {
  const app = express().disable("x-powered-by").use(router.wellKnown).use(MOUNT, router);
  return { ...(await openApp(app)), endSession: (id) => router.sessions.close(id) };
}

async function openApp(app: RequestListener): Promise<Hosting> {
  return await openServer(createServer(app));
}

/** A server that listens already is left as it is. */
async function openServer(server: Server): Promise<Hosting> {
  const isOurs = !server.listening;
  if (isOurs) await listen(server);
  return {
    origin: originOf(server),
    paths: AT_MOUNT,
    endSession: undefined,
    end: async () => (isOurs ? await close(server) : undefined),
  };
}

/** One that is started already is left as it is. */
async function openMcpServer(server: TestServer): Promise<Hosting> {
  if (server.sessions === undefined) {
    throw new TypeError(
      'The MCPServer has transport "stdio": give it "sse" or "http-stream", or connect an InMemoryTransport.',
    );
  }
  const isOurs = server.httpServer === undefined;
  if (isOurs) await server.start({ port: 0 });
  const { httpServer, url } = server;
  if (httpServer === undefined || url === undefined) {
    throw new Error("The MCPServer was stopped while a test client connected.");
  }
  const { pathname } = new URL(url);
  return {
    origin: originOf(httpServer),
    paths: { "streamable-http": pathname, sse: pathname },
    endSession: (id) => server.sessions?.close(id),
    end: async () => (isOurs ? await server.stop({ timeoutMs: 0 }) : undefined),
  };
}

/** Listens on a free port of loopback. A test that forgets to close it ends all the same. */
async function listen(server: Server): Promise<void> {
  server.on("connection", (socket) => void socket.unref());
  await once(server.listen(0, "127.0.0.1"), "listening");
  server.unref();
}

async function close(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeAllConnections();
  await closed;
}

function originOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === "string") {
    throw new TypeError("The server listens on no TCP port: a test client cannot reach it.");
  }
  return `http://${reachable(address.address)}:${address.port}`;
}

/** The address of every interface is none that a client can go to. */
function reachable(address: string): string {
  if (address === "0.0.0.0" || address === "::") return "127.0.0.1";
  return address.includes(":") ? `[${address}]` : address;
}

function notTarget(): TypeError {
  return new TypeError(
    "A test client connects to an Express app, a router, an MCPServer, or a server of node:http; " +
      "of another framework, give its listener or its server.",
  );
}
