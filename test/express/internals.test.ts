/**
 * What is used of other packages and of Node beyond what they document. One test for each place:
 * when one fails after an update, its name says which file must change.
 */
import { ServerResponse } from "node:http";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import express from "express";
import { Provider } from "oidc-provider";
import { Passport } from "passport";
import { Strategy as OAuth2Strategy } from "passport-oauth2";
import { RateLimiterMemory } from "rate-limiter-flexible";
import DirectRateLimiterMemory from "rate-limiter-flexible/lib/RateLimiterMemory.js";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { listen } from "../kit/listen.js";

cleanUpAfterEach();

/** What a server sees in one request, and what its client gets. */
async function exchange<T>(
  look: (req: IncomingMessage, res: ServerResponse & { socket: Socket }) => T,
): Promise<{ seen: T | undefined; text: string }> {
  let seen: T | undefined;
  const { url } = await listen((req, res) => {
    seen = look(req, res as ServerResponse & { socket: Socket });
    if (!res.writableEnded) res.end();
  });
  const text = await (await fetch(url)).text();
  return { seen, text };
}

interface Layer {
  readonly handle: unknown;
  readonly path?: string;
  match(path: string): boolean | { readonly path: string };
}

describe("Express", () => {
  test("find-mount.ts: an app's layers say which paths lead to a router", () => {
    const app = express() as unknown as express.Express & { _router?: { stack: Layer[] } };
    const router = express.Router();
    app.use("/tenants/:id", router);
    const { stack } = (app._router ?? app.router) as unknown as { stack: Layer[] };
    const layer = stack.find(({ handle }) => handle === router);
    const match = layer?.match("/tenants/1/sse");
    expect(typeof match === "object" ? match.path : layer?.path).toBe("/tenants/1");
    expect(layer?.match("/elsewhere")).toBe(false);
  });

  test("router.ts: a router that is called runs the `handle` that it has", async () => {
    const router = express.Router() as unknown as { handle: (req: unknown, res: unknown) => void };
    router.handle = (_req, res) => void (res as ServerResponse).end("handled");
    const { url } = await listen(express().use(router as unknown as express.Router));
    expect(await (await fetch(url)).text()).toBe("handled");
  });

  test("redact-query.ts: the URL that is kept beside a request is found under this name", async () => {
    let kept: string | undefined;
    const app = express().use((req, res) => {
      kept = (req as unknown as { _parsedUrl?: { search: string } })._parsedUrl?.search;
      res.end();
    });
    const { url } = await listen(app);
    await fetch(`${url}/x?key=secret`);
    expect(kept).toBe("?key=secret");
  });
});

describe("Node", () => {
  test("http-server.ts: a socket knows the response that is being written to it", async () => {
    const { seen } = await exchange(
      (req, res) => (req.socket as unknown as { _httpMessage?: unknown })._httpMessage === res,
    );
    expect(seen).toBe(true);
  });

  test("slow-reader.ts: a socket's handle counts what it was given and what is left of that", async () => {
    const { seen } = await exchange(({ socket }) => {
      const { _handle: handle } = socket as unknown as {
        _handle?: { bytesWritten?: unknown; writeQueueSize?: unknown };
      };
      return [typeof handle?.bytesWritten, typeof handle?.writeQueueSize];
    });
    expect(seen).toEqual(["number", "number"]);
  });

  test("frame-writer.ts: a chunk may be written past a response that has sent its head", async () => {
    const { seen, text } = await exchange((_req, res) => {
      res.writeHead(200).flushHeaders();
      const isDirect = res.chunkedEncoding && res.write === ServerResponse.prototype.write;
      res.socket.write("5\r\nframe\r\n");
      return isDirect;
    });
    expect(seen).toBe(true);
    expect(text).toBe("frame");
  });
});

describe("Passport", () => {
  test("strategy-runner.ts: it adds these properties to a request, in this order", async () => {
    const passport = new Passport();
    passport.use("yes", {
      authenticate(this: { success(user: object): void }) {
        this.success({});
      },
    } as never);
    const { seen } = await exchange((req, res) => {
      const before = new Set(Object.keys(req));
      const middleware = passport.authenticate("yes", () => undefined) as (
        ...args: unknown[]
      ) => void;
      middleware(req, res, () => undefined);
      return Object.keys(req).filter((name) => !before.has(name));
    });
    expect(seen).toEqual([
      "logIn",
      "login",
      "logOut",
      "logout",
      "isAuthenticated",
      "isUnauthenticated",
      "_sessionManager",
    ]);
  });

  test("oauth2-strategy.ts: passport-oauth2 redeems a code with the method that is replaced", () => {
    const strategy = new OAuth2Strategy(
      {
        authorizationURL: "https://a.example/authorize",
        tokenURL: "https://a.example/token",
        clientID: "id",
        clientSecret: "secret",
        callbackURL: "https://b.example/callback",
      },
      () => undefined,
    );
    const { _oauth2: inner } = strategy as unknown as {
      _oauth2: { getOAuthAccessToken: (code: string) => void };
    };
    const codes: string[] = [];
    inner.getOAuthAccessToken = (code) => void codes.push(code);
    strategy.authenticate({ query: { code: "the-code" } } as never, {});
    expect(codes).toEqual(["the-code"]);
  });
});

test("engine.ts: oidc-provider makes its URLs with this method of its contexts", () => {
  const provider = new Provider("https://a.example", {});
  const { prototype } = provider.OIDCContext as unknown as { prototype: object };
  expect(typeof Object.getOwnPropertyDescriptor(prototype, "urlFor")?.value).toBe("function");
});

test("keyed-limiter.ts: the limiter that is loaded by itself is the one that the package exports", () => {
  expect(DirectRateLimiterMemory).toBe(RateLimiterMemory);
});
