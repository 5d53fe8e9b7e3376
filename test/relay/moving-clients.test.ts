import type { IncomingMessage, ServerResponse } from "node:http";
import { cleanUpAfterEach } from "../kit/clean-up.js";
import { createMovingServer, MovingStage } from "../kit/cluster/moving-server.js";
import { serveCluster } from "../kit/cluster/routers.js";
import type { RouterNode } from "../kit/cluster/routers.js";
import { asCaller } from "../kit/conversation.js";
import { listen } from "../kit/listen.js";
import type { Json } from "../kit/raw-sse.js";
import { clientV1, clientV2, streamableV1, streamableV2 } from "../kit/sdk-clients.js";
import { signal, until } from "../kit/waiting.js";
import type { Major } from "../kit/wires.js";

cleanUpAfterEach();

/** One URL in front of several nodes: each request goes to the next, whoever has its session. */
class Balancer {
  readonly #nodes: RouterNode[];
  readonly #open = new Map<ServerResponse, RouterNode>();
  #count = 0;

  constructor(nodes: readonly RouterNode[]) {
    this.#nodes = [...nodes];
  }

  readonly pass = (req: IncomingMessage, res: ServerResponse): void => {
    const node = this.#nodes[this.#count++ % this.#nodes.length]!;
    this.#open.set(res, node);
    res.on("close", () => this.#open.delete(res));
    node.server.emit("request", req, res);
  };

  /** Resolves when no POST waits for its answer. */
  async whenTaken(): Promise<void> {
    await until(() => [...this.#open.keys()].every(({ req }) => req.method !== "POST"));
  }

  /** Sends it nothing more. */
  takeOut(node: RouterNode): void {
    this.#nodes.splice(this.#nodes.indexOf(node), 1);
  }

  /** The process of a node is killed, and what it was answering is cut off. */
  async kill(node: RouterNode): Promise<void> {
    this.takeOut(node);
    await node.kill();
    for (const [res, of] of this.#open) if (of === node) res.destroy();
  }
}

async function serveBalanced(major: Major) {
  const stage = new MovingStage();
  const { nodes } = await serveCluster({
    count: 3,
    resume: { retryMs: 100 },
    createServer: (session) => createMovingServer(major, session, stage),
  });
  const balancer = new Balancer(nodes);
  const { url } = await listen(balancer.pass);
  return { stage, nodes, balancer, url: `${url}/mcp` };
}

/** The node that has the only session which has begun. */
const homeOf = (nodes: readonly RouterNode[]): RouterNode =>
  nodes.find(({ router }) => router.sessions.list().some(({ client }) => client !== undefined))!;

const KITS = [
  { kit: clientV1, name: clientV1.name, major: "v1", path: "/sse" },
  { kit: clientV2, name: clientV2.name, major: "v2", path: "/sse" },
  { kit: streamableV1, name: streamableV1.name, major: "v2", path: "" },
  { kit: streamableV2, name: streamableV2.name, major: "v1", path: "" },
] as const;

describe.each(KITS)("$name with servers of SDK $major", ({ kit, major, path }) => {
  const connect = async (url: string) => {
    const heard: string[] = [];
    const listener = { onNotification: (text: string) => heard.push(text), onSampling: () => "" };
    const client = await kit.connect(`${url}${path}`, { headers: asCaller(), listener });
    const about = async (): Promise<Json> => JSON.parse(await client.call("about", {}));
    return { client, heard, about };
  };

  it("CLUSTER-48: goes on while its nodes are closed one after the other", async () => {
    const { nodes, balancer, url, stage } = await serveBalanced(major);
    const { client, heard, about } = await connect(url);
    await client.call("note", { value: "kept" });
    const held = signal();
    const release = signal();
    stage.onHeld = held.resolve;
    stage.letGo = release.promise;
    const busy = client.call("held", {});
    await held.promise;
    let said = 0;
    for (const isFirst of [true, false]) {
      const home = homeOf(nodes);
      balancer.takeOut(home);
      const closed = home.router.close({ timeoutMs: 60_000 });
      release.resolve();
      if (isFirst) expect(await busy).toBe("released");
      await closed;
      expect(await client.call("count", { from: said + 1, to: said + 5 })).toBe("counted");
      said += 5;
      expect(await about()).toMatchObject({ isMoved: true, memo: { value: "kept" } });
    }
    expect([...new Set(heard)].map(Number)).toEqual(Array.from({ length: said }, (_, n) => n + 1));
  });

  it("CLUSTER-42: goes on after its node was killed, and its open call has an end", async () => {
    const { nodes, balancer, url, stage } = await serveBalanced(major);
    const { client, about } = await connect(url);
    const held = signal();
    stage.onHeld = held.resolve;
    stage.letGo = signal().promise;
    const open = client.call("held", {}).then(
      () => "answered",
      (error: unknown) => String(error),
    );
    await held.promise;
    if (path === "/sse") await balancer.whenTaken();
    await balancer.kill(homeOf(nodes));
    // Over Streamable HTTP, its connection was cut before anything of an answer had come.
    expect(await open).toMatch(path === "" ? /./ : /this call is gone/);
    expect(await open).not.toBe("answered");
    expect(await about()).toMatchObject({ isMoved: true });
  });
});
