import { createClient } from "redis";
import { cleanUpAfterEach, onDispose } from "../kit/clean-up.js";
import { describeCluster } from "../kit/cluster/cluster.js";
import type { Cluster } from "../kit/cluster/cluster.js";
import { tokenFor } from "../kit/cluster/load.js";
import type { Node } from "../kit/cluster/nodes.js";
import { keyOf, RoamingSession } from "../kit/cluster/raw.js";
import { until } from "../kit/waiting.js";

cleanUpAfterEach();

/** Whoever has all of Redis: hears every message, and can send and write what they like. */
async function attacker({ redis }: Cluster) {
  const client = createClient({ url: redis.url });
  const ear = client.duplicate();
  for (const each of [client, ear]) {
    each.on("error", () => undefined);
    await each.connect();
    onDispose(() => each.destroy());
  }
  const heard: { channel: string; message: string }[] = [];
  await ear.pSubscribe("*", (message, channel) => void heard.push({ channel, message }));
  /** What a key has, of whatever type, as Redis writes it down. */
  const copies = async () => {
    const keys = [...(await redis.keys())];
    const dumps = await Promise.all(
      keys.map((key) => client.sendCommand(["DUMP", key], { typeMapping: { 36: Buffer } })),
    );
    return keys.map((key, index) => ({ key, dump: dumps[index] as unknown as Buffer | null }));
  };
  const restore = (key: string, dump: Buffer) =>
    client.sendCommand(["RESTORE", key, "0", dump, "REPLACE"]);
  return { client, heard, copies, restore };
}

describeCluster("somebody who has all of Redis", (start) => {
  let cluster: Cluster;
  let nodes: [Node, Node, Node];
  beforeAll(async () => {
    cluster = await start({ cluster: { leaseMs: 3_000, relayTimeoutMs: 1_000 } });
    nodes = cluster.nodes as [Node, Node, Node];
  });
  beforeEach(() => cluster.mend());

  it("reads no credential, no id, no principal, no method, no argument, and no answer", async () => {
    const { heard, copies } = await attacker(cluster);
    const watch = await cluster.redis.watch();
    onDispose(() => watch.stop());
    const [home, other, third] = nodes;
    const { settings } = cluster;
    const token = tokenFor(settings.jwtSecret, "somebody-by-token");
    const secrets = Array.from(
      { length: 20 },
      (_unused, index) => `argument-that-is-secret-${index}`,
    );
    const session = await RoamingSession.open(cluster, home);
    const byToken = await RoamingSession.open(cluster, third, { authorization: `Bearer ${token}` });
    await byToken.whoami(home);
    for (const name of secrets) {
      await session.call(other, "memo", { name }, { cookie: "kept=cookie-that-is-secret" });
    }
    await session.whoami(third);
    await home.kill();
    await session.whoami(other);
    await home.start();
    await byToken.whoami(other);
    const seen = [
      ...watch.lines,
      ...heard.flatMap(({ channel, message }) => [channel, message]),
      ...(await copies()).flatMap(({ key, dump }) => [key, dump?.toString("latin1") ?? ""]),
    ].join("\n");
    const decoded = seen.replace(/[\w+/-]{40,}={0,2}/g, (text) =>
      Buffer.from(text, "base64").toString("latin1"),
    );
    expect(heard.length).toBeGreaterThan(secrets.length);
    const hidden = [
      ...secrets,
      session.id,
      byToken.id,
      token,
      ...token.split("."),
      "somebody-by-token",
      ...settings.keys.map(({ key }) => key),
      settings.secret,
      settings.jwtSecret,
      "cookie-that-is-secret",
      "tools/call",
      "whoami",
      "protocolVersion",
      '"ann"',
      "x-api-key",
    ];
    expect(hidden.filter((text) => seen.includes(text) || decoded.includes(text))).toEqual([]);
  });

  it("repeats, reorders, changes and readdresses what nodes send, and nothing is done twice or by another", async () => {
    const { client, heard } = await attacker(cluster);
    const [home, other, third] = nodes;
    const session = await RoamingSession.open(cluster, home);
    const ranAtFirst = cluster.ran.size;
    for (let call = 0; call < 10; call++) await session.call(other, "slow", { ms: 1 });
    // What has run is told by another way than the answer.
    await until(() => cluster.ran.size >= ranAtFirst + 10);
    const ranBefore = cluster.ran.size;
    const recorded = [...heard];
    const channels = [...new Set(recorded.map(({ channel }) => channel))];
    const change = (text: string) => {
      const at = Math.floor(text.length / 2);
      return `${text.slice(0, at)}${text[at] === "A" ? "B" : "A"}${text.slice(at + 1)}`;
    };
    for (const { channel, message } of [...recorded, ...recorded.toReversed()]) {
      await client.publish(channel, message);
      await client.publish(channel, change(message));
      for (const another of channels) await client.publish(another, message);
    }
    for (const channel of channels) {
      for (const nonsense of ["", "{}", "[]", "null", "\u0000", "x".repeat(100_000)]) {
        await client.publish(channel, nonsense);
      }
    }
    for (const node of [other, third, home]) {
      expect(await session.whoami(node)).toMatchObject({ session: session.id, principal: "ann" });
    }
    await until(() => cluster.ran.size >= ranBefore + 3);
    expect([...cluster.ran.values()].every((count) => count === 1)).toBe(true);
    expect(cluster.ran.size).toBe(ranBefore + 3);
  });

  it("exchanges, rolls back and spoils what is written down, and nobody gets another's session", async () => {
    const { client, copies, restore } = await attacker(cluster);
    const [home, other, third] = nodes;
    const anns = await RoamingSession.open(cluster, home);
    const older = await copies();
    const bens = await RoamingSession.open(cluster, third, keyOf(cluster, 1));

    /** Whoever answers, it is the caller's own session; or it is said that nobody can tell. */
    const expectOwn = async () => {
      for (const node of nodes) {
        for (const [session, who] of [
          [anns, "ann"],
          [bens, "ben"],
        ] as const) {
          const { status, text } = await session.call(node, "whoami");
          expect([200, 404, 503]).toContain(status);
          if (status === 200) expect(text).toContain(`\\"principal\\":\\"${who}\\"`);
          if (status === 200) expect(text).toContain(session.id);
        }
        const crossed = await anns.call(node, "whoami", {}, keyOf(cluster, 1));
        expect([404, 503]).toContain(crossed.status);
      }
    };

    const records = await copies();
    for (let shift = 1; shift <= 4; shift++) {
      for (const [index, { key }] of records.entries()) {
        const { dump } = records[(index + shift) % records.length]!;
        if (dump !== null) await restore(key, dump);
      }
      await expectOwn();
    }
    for (const { key, dump } of older) if (dump !== null) await restore(key, dump);
    await expectOwn();
    for (const { key } of await copies()) await client.set(key, "spoilt");
    await expectOwn();
    await client.flushAll();
    await expectOwn();
    await other.kill();
    await other.start();
    await expectOwn();
  });
});
