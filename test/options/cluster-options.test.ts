import { memoryCluster } from "../../src/cluster/memory.js";
import { createMcpRouter, createSseRouter } from "../../src/index.js";
import { resolveOptions } from "../../src/options/resolve.js";

const common = { auth: false, createServer: (): undefined => undefined } as const;

const LONG = "0123456789abcdef0123456789abcdef";

const { createEngine } = memoryCluster();

const create = (cluster: unknown) => () => createSseRouter({ ...common, cluster } as never);

const resolved = (cluster: unknown) => resolveOptions({ cluster } as never, "options").cluster;

describe("option cluster", () => {
  it.each([
    ["true", true],
    ["a URL", "redis://127.0.0.1"],
    ["null", null],
    ["options without an engine", { secret: LONG }],
    ["an engine itself", createEngine()],
  ])("CLUSTER-8: takes no %s, and says what to write", (_what, cluster) => {
    expect(create(cluster)).toThrow(
      /^options\.cluster is no cluster\. Write redisCluster\(\{ client, secret \}\), from/,
    );
  });

  it("CLUSTER-8: takes what memoryCluster makes, for several routers", () => {
    const cluster = memoryCluster({ leaseMs: 1_000, secret: LONG });
    expect(resolved(cluster)).toEqual(cluster);
    expect(resolved(undefined)).toBeUndefined();
    expect(cluster).toEqual({
      ...{ createEngine: expect.any(Function), secret: [LONG], prefix: "express-mcp-sse" },
      ...{ leaseMs: 1_000, relayTimeoutMs: 5_000, move: true, calls: "exact", carryToken: false },
    });
    expect(memoryCluster().secret).toBe(false);
    expect(cluster.createEngine()).not.toBe(cluster.createEngine());
  });

  it("CLUSTER-8: completes the options that stand beside an engine of one's own", () => {
    expect(resolved({ createEngine, secret: false, prefix: "a:b", calls: "recent" })).toEqual({
      ...{ createEngine, secret: false, prefix: "a:b", leaseMs: 15_000, relayTimeoutMs: 5_000 },
      ...{ move: true, calls: "recent", carryToken: false },
    });
    expect(create({ createEngine, secret: LONG, leasMs: 1 })).toThrow('Did you mean "leaseMs"?');
  });

  it.each([
    ["secret", undefined, "must be a text with at least 32 characters"],
    ["secret", LONG.slice(1), "must be a text with at least 32 characters"],
    ["secret", [], "must be a text with at least 32 characters"],
    ["secret", true, "must be a text with at least 32 characters"],
    ["prefix", "", "must be a text of letters"],
    ["prefix", "a{b}", "must be a text of letters"],
    ["prefix", "a".repeat(101), "must be a text of letters"],
    ["leaseMs", 999, "must be a number from 1000 to 120000"],
    ["leaseMs", 120_001, "must be a number from 1000 to 120000"],
    ["relayTimeoutMs", 99, "must be a number from 100 to 60000"],
    ["move", "no", "must be true or false"],
    ["calls", "sometimes", "is unknown"],
    ["carryToken", 1, "must be true or false"],
  ])("CLUSTER-8: %s is not %j, and the error does not repeat it", (name, value, problem) => {
    const make = create({ createEngine, secret: LONG, [name]: value });
    expect(make).toThrow(TypeError);
    expect(make).toThrow(`options.cluster.${name} ${problem}`);
    expect(make).not.toThrow(LONG.slice(1));
  });

  it("CLUSTER-8: nothing carries a token unsealed", () => {
    const make = create({ createEngine, secret: false, carryToken: true });
    expect(make).toThrow("options.cluster.carryToken needs a secret.");
    expect(() => memoryCluster({ carryToken: true })).toThrow("memoryCluster.carryToken needs");
  });

  it.each(["Proxy-Authorization", "X-Key"])(
    "CLUSTER-8: no session is bound to %s, which other nodes are not told of",
    (header) => {
      const auth = { type: "apikey", options: { keys: ["k".repeat(32)], headerName: "X-Key" } };
      const sessions = { boundHeaders: ["X-Tenant", header] };
      const make = (more: object) => () =>
        createMcpRouter({ ...common, auth, sessions, ...more } as never);
      expect(make({ cluster: memoryCluster() })).toThrow(TypeError);
      expect(make({ cluster: memoryCluster() })).toThrow(
        `options.sessions.boundHeaders holds ${header.toLowerCase()}, which never leaves the node`,
      );
      expect(make({})).not.toThrow();
    },
  );

  it("CLUSTER-8: stands for sessions.restore, and is not there beside it", () => {
    const sessions = { restore: { secret: LONG } };
    const make = () => createMcpRouter({ ...common, sessions, cluster: memoryCluster() } as never);
    expect(make).toThrow("options.sessions.restore does nothing that cluster does not do.");
  });
});
