import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import type { Express, Request } from "express";
import { attach, sseSession } from "../kit/sse-session.js";
import type { TestSession } from "../kit/sse-session.js";
import { STREAM_OPTIONS } from "../../src/options/stream-options.js";
import { readOptions } from "../../src/shared/option.js";
import { EventStream } from "../../src/http/event-stream.js";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { JWT_AUTH } from "../kit/serve.js";
import { listen } from "../kit/listen.js";
import { initialize, initialized, openStream } from "../kit/raw-sse.js";
import { secretToken } from "../kit/tokens.js";
import { clientV1, clientV2, streamableV1, streamableV2 } from "../kit/sdk-clients.js";
import { FaultHost } from "../kit/faults/host.js";
import { expectAllThere, expectNothingLost, Load, RESUME } from "../kit/faults/load.js";
import { storm, survive } from "../kit/faults/storm.js";
import { signal, until } from "../kit/waiting.js";

import { serverV1, serverV2 } from "../kit/faults/servers.js";

cleanUpAfterEach();

/** An authorization server that exchanges refresh tokens, and the client's half of it. */
class Tokens {
  refreshes = 0;
  /** Whether tokens that are issued now last longer than the test. */
  areLasting = false;

  readonly serve = (app: Express): void => {
    app.get("/.well-known/oauth-authorization-server", (req: Request, res) => {
      const issuer = `http://${req.headers.host}`;
      res.json({
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        response_types_supported: ["code"],
        code_challenge_methods_supported: ["S256"],
      });
    });
    app.post("/token", (_req, res) => {
      this.refreshes++;
      res.json(this.#issue());
    });
  };

  /** A client that was authorized before. */
  provider(): OAuthClientProvider {
    let tokens = this.#issue();
    return {
      redirectUrl: "http://127.0.0.1/callback",
      clientMetadata: { redirect_uris: ["http://127.0.0.1/callback"] },
      clientInformation: () => ({ client_id: "faults" }),
      tokens: () => tokens,
      saveTokens: (saved) => {
        tokens = { ...tokens, ...saved };
      },
      redirectToAuthorization: () => {
        throw new Error("nobody is there to log in");
      },
      saveCodeVerifier: () => undefined,
      codeVerifier: () => "unused",
    };
  }

  #issue(): { access_token: string; token_type: string; refresh_token?: string | undefined } {
    const exp = Math.floor(Date.now() / 1000) + (this.areLasting ? 300 : 1);
    return {
      access_token: secretToken({ exp }),
      token_type: "Bearer",
      refresh_token: "a-refresh-token",
    };
  }
}

describe.each([
  { client: clientV1, server: serverV1 },
  { client: clientV2, server: serverV2 },
])("$client.name of $server.name", ({ client, server }) => {
  const start = async (tokens: Tokens) => {
    const auth = { ...JWT_AUTH, options: { ...JWT_AUTH.options, clockTolerance: 1 } };
    const host = await FaultHost.start(server, { ...RESUME, auth, configure: tokens.serve });
    return { host, load: await Load.start(host, client, { authProvider: tokens.provider() }) };
  };

  it("RESUME-13: a call that runs when the token expires completes in the same session, after a refresh", async () => {
    const tokens = new Tokens();
    const { host, load } = await start(tokens);
    await survive(host, [load], async () => {
      const held = await load.hold();
      load.burst();
      const stream = await load.killer.attached();
      await stream.over;
      tokens.areLasting = true;
      // The token is refreshed meanwhile; what the server has to say waits.
      load.notify(10);
      load.ask();
      load.release(held);
      await load.settle();
    });
    expectNothingLost(load.report());
    expect(load.killer.kills).toBe(0);
    // With the token that ended, no further stream was opened.
    expect(load.killer.trace.filter((line) => line.includes("-> GET 401"))).toHaveLength(1);
    expect(load.killer.streams).toHaveLength(2);
    expect(tokens.refreshes).toBeGreaterThan(0);
    expect(host.served.sessions.size).toBe(1);
  });

  it("RESUME-9, RESUME-13: nothing is lost when tokens expire in the middle of kills", async () => {
    const tokens = new Tokens();
    const { host, load } = await start(tokens);
    await survive(host, [load], async () => {
      await storm(load, 12);
      await load.hold();
      load.burst();
      // The next end is that of the token, and the reconnect after it is killed again.
      const stream = await load.killer.attached();
      load.killer.next = { way: "destroy", events: 1 };
      await stream.over;
      load.burst();
      tokens.areLasting = true;
      await load.settle();
    });
    expectNothingLost(load.report());
    expect(host.served.sessions.size).toBe(1);
  });
});

describe.each([
  { client: streamableV1, server: serverV1 },
  { client: streamableV2, server: serverV2 },
])("$client.name of $server.name", ({ client, server }) => {
  const start = async (tokens: Tokens) => {
    const auth = { ...JWT_AUTH, options: { ...JWT_AUTH.options, clockTolerance: 1 } };
    const host = await FaultHost.startStreamable(server, {
      ...{ ...RESUME, auth, configure: tokens.serve },
      streamable: { sseAfterMs: 0 },
    });
    const load = await Load.start(host, client, { authProvider: tokens.provider() });
    load.killer.sparesFirst = true;
    return { host, load };
  };

  it("STREAMABLE-17: loses nothing when its tokens expire in the middle of kills", async () => {
    const tokens = new Tokens();
    const { host, load } = await start(tokens);
    await survive(host, [load], async () => {
      await storm(load, 6);
      const held = await load.hold();
      const stream = await load.killer.attached();
      // This end is that of the token, and the stream after it is killed again.
      load.killer.next = { way: "destroy", events: 1 };
      await stream.over;
      load.notify(10);
      load.ask();
      tokens.areLasting = true;
      load.burst();
      load.release(held);
      await load.arrived();
    });
    expectAllThere(load.report());
    // With a refreshed token, clients of SDK v1 come back without the id of their last event.
    const isForgetful = client === streamableV1;
    expect(getsWithoutId(load) > 1).toBe(isForgetful);
    expect(tokens.refreshes).toBeGreaterThan(0);
    expect(host.served.sessions.size).toBe(1);
  });

  it("STREAMABLE-7, STREAMABLE-17: comes back with a token that has ended for a call, too; that of SDK v1 listens twice instead", async () => {
    const tokens = new Tokens();
    const { host, load } = await start(tokens);
    const { killer } = load;
    const bothCome = signal();
    let gets = 0;
    await survive(host, [load], async () => {
      const get = await killer.attached();
      const held = await load.hold();
      await load.ping();
      const post = killer.streams.findLast(({ isOver }) => !isOver)!;
      // With their old tokens both are on their way before there is a new one.
      killer.beforeRequest = async ({ method }) => {
        if (method === "GET" && ++gets === 2) bothCome.resolve();
        if (method === "GET") await bothCome.promise;
      };
      await get.over;
      tokens.areLasting = true;
      await post.kill("destroy");
      await until(() => killer.streams.filter(({ isOver }) => !isOver).length === 2);
      load.release(held);
      load.notify(3);
      if (client === streamableV2) await load.arrived();
      else await until(() => load.report().notifications.lost === 0);
      await load.ping();
    });
    const { calls, notifications } = load.report();
    expect([calls.lost, notifications.lost]).toEqual([client === streamableV1 ? 1 : 0, 0]);
    expect(getsWithoutId(load)).toBe(client === streamableV1 ? 3 : 1);
    expect(killer.streams.filter(({ isOver }) => !isOver).length).toBeGreaterThan(0);
  });
});

function getsWithoutId({ killer }: Load): number {
  const gets = killer.streams.filter(({ request }) => request.method === "GET");
  return gets.filter(({ request }) => request.headers["last-event-id"] === undefined).length;
}

it("RESUME-13: a stream that is opened with a credential that has ended, ends again", async () => {
  const validUntil = Date.now() + 20;
  let session: TestSession | undefined;
  const { url } = await listen((request, res) => {
    const resume = { graceMs: 60_000, maxBufferedBytes: 1024, retryMs: 1, probeMs: 1 };
    session ??= sseSession(
      { principal: undefined, request, validUntil },
      { resume: { ...resume, closeLostClients: false } },
    );
    session.onmessage = () => undefined;
    session.renew(undefined, validUntil);
    attach(session, new EventStream(res, readOptions(STREAM_OPTIONS, "stream", {})));
    if (session.handshake.isInitialized) return;
    session.receive(initialize, undefined);
    session.receive(initialized, undefined);
  });
  onDispose(() => session?.close());
  // The second time, whoever authenticates still lets the credential pass.
  for (let times = 0; times < 2; times++) await (await openStream(url)).ended;
  expect(session?.state).toBe("detached");
});
