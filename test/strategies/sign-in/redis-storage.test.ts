/** Several nodes with one Redis are one authorization server. */
import { createSseRouter } from "../../../src/index.js";
import type { SignInOptions, SseRouter, SseRouterOptions } from "../../../src/index.js";
import { RedisStorage } from "../../../src/redis/index.js";
import { REUSE_SECONDS } from "../../../strategies/oauth/sign-in/storage/provider-adapter.js";
import { cleanUpAfterEach, onDispose } from "../../kit/clean-up.js";
import { later } from "../../kit/clock.js";
import { CLIENTS } from "../../kit/cluster/redis-clients.js";
import { ecKeyPair } from "../../kit/key-pairs.js";
import { describeWithRedis, TestRedis } from "../../kit/redis.js";
import {
  AuthorizationRequest,
  register,
  serveSignIn,
  signInAndApprove,
} from "../../kit/sign-in.js";
import { tokenRequest } from "../../kit/sign-in.js";
import type { TokenAnswer } from "../../kit/sign-in.js";
import { until } from "../../kit/waiting.js";

cleanUpAfterEach();

const NODES = ["redis", "ioredis", "iovalkey"] as const;

const keys = {
  signing: [ecKeyPair().privateKey.export({ format: "jwk" })],
  secrets: ["a secret of at least thirty-two characters"],
};

describe("RedisStorage", () => {
  it.each([
    [{}, "RedisStorage options.client is no client of Redis that is known"],
    [{ url: "redis://127.0.0.1" }, "RedisStorage options.url is not an option"],
  ])("CLUSTER-8: is not made with %j", (options, problem) => {
    expect(() => new RedisStorage(options as never)).toThrow(problem);
  });
});

describeWithRedis("RedisStorage, with a Redis", () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await TestRedis.start();
  });
  afterAll(() => redis.stop());

  /** Three nodes with one address: each request comes in at the one after that of the last. */
  async function serveNodes() {
    const signIns: SignInOptions[] = [];
    const storages: RedisStorage[] = [];
    for (const name of NODES) {
      const own = await CLIENTS[name](redis);
      onDispose(() => own.close());
      const storage = new RedisStorage({ client: own.client, prefix: "own:sign-in" });
      storages.push(storage);
      signIns.push({ storage, keys });
    }
    let nodes: readonly SseRouter[] = [];
    let turn = 0;
    const createNodes = (options: SseRouterOptions): SseRouter => {
      nodes = signIns.map((signIn) => createSseRouter(withSignIn(options, signIn)));
      for (const node of nodes.slice(1)) onDispose(() => node.close({ timeoutMs: 0 }));
      return nodes[0]!;
    };
    const setup = await serveSignIn({
      createRouter: createNodes as unknown as typeof createSseRouter,
      before: (app) =>
        void app.use("/mcp", (req, res, next) => {
          turn += 1;
          nodes[turn % NODES.length]!(req, res, next);
        }),
    });
    return { ...setup, storages };
  }

  it("SIGNIN-40: a sign-in goes on at whichever node a request comes in, a code is redeemed once in all, and a refresh token has one successor in all", async () => {
    const setup = await serveNodes();
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    const code = (await signInAndApprove(setup.person(), request)).get("code") ?? "";
    const redeemed = await Promise.all(NODES.map(() => request.redeem(code)));
    // Whoever brings a code again may have stolen it: then what was given for it ends.
    expect(redeemed.filter(({ error }) => error === undefined)).toHaveLength(1);

    const again = await signInAndApprove(setup.person(), request);
    const first = await request.redeem(again.get("code") ?? "");
    const refresh = (token: string): Promise<TokenAnswer> =>
      tokenRequest(setup.issuer, {
        grant_type: "refresh_token",
        client_id: clientId,
        refresh_token: token,
      });
    const second = await refresh(first.refresh_token);
    const answer = await fetch(setup.resource, {
      headers: { authorization: `Bearer ${second.access_token}`, accept: "text/event-stream" },
    });
    expect(answer.status).toBe(200);
    await answer.body?.cancel();
    const refreshed = await Promise.all(NODES.map(() => refresh(second.refresh_token)));
    expect(refreshed.map(({ status }) => status)).toEqual(NODES.map(() => 200));
    expect(new Set(refreshed.map(({ refresh_token }) => refresh_token)).size).toBe(1);
    later((REUSE_SECONDS + 2) * 1000);
    expect(await refresh(second.refresh_token)).toMatchObject({ error: "invalid_grant" });
    expect(await refresh(refreshed[0]!.refresh_token)).toMatchObject({ error: "invalid_grant" });

    const names = await redis.keys();
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !name.startsWith("own:sign-in:"))).toEqual([]);
    const values = await Promise.all(names.map((name) => redis.command("GET", name)));
    for (const secret of [code, second.refresh_token, second.access_token, "alice", clientId]) {
      expect([...names, ...values].join("\n")).not.toContain(secret);
    }
  });

  it("SIGNIN-19: nobody is let in while Redis is away, and all goes on when it is back", async () => {
    const setup = await serveNodes();
    const { client_id: clientId } = await register(setup.issuer);
    const request = new AuthorizationRequest(setup.issuer, clientId);
    const code = (await signInAndApprove(setup.person(), request)).get("code") ?? "";
    await redis.pause(1_000);
    const paused = request.redeem(code);
    expect((await paused).access_token).toBeDefined();
    await redis.kill();
    const refused = await fetch(request.url, { redirect: "manual" });
    expect(refused.status).toBeGreaterThanOrEqual(500);
    await refused.text();
    await redis.restart();
    // Each node's client finds it again in its own time.
    const isBack = (storage: RedisStorage): Promise<boolean> =>
      storage.get("nothing").then(
        () => true,
        () => false,
      );
    for (const storage of setup.storages) await until(() => isBack(storage));
    await signInAndApprove(
      setup.person(),
      new AuthorizationRequest(setup.issuer, (await register(setup.issuer)).client_id),
    );
  });
});

function withSignIn(options: SseRouterOptions, signIn: SignInOptions): SseRouterOptions {
  const { auth } = options as unknown as { readonly auth: { readonly options: object } };
  const own = { ...auth, options: { ...auth.options, signIn } };
  return { ...options, auth: own } as SseRouterOptions;
}
