import { lastingPort } from "../listen.js";
import { describeWithRedis, TestRedis } from "../redis.js";
import { hasNginx } from "../nginx.js";
import { Nginx } from "./nginx.js";
import { Node, Program, settingsOf } from "./nodes.js";
import type { NodeReport, NodeSettings } from "./settings.js";

/** Tests of a cluster's processes; where Redis or nginx is missing they are skipped, and say so. */
export function describeCluster(title: string, tests: (start: StartCluster) => void): void {
  const running: Cluster[] = [];
  const start: StartCluster = async (options) => {
    const cluster = await Cluster.start(options);
    running.push(cluster);
    return cluster;
  };
  const all = (): void => {
    afterAll(async () => {
      for (const cluster of running) await cluster.stop();
    });
    tests(start);
  };
  if (hasNginx) describeWithRedis(title, all);
  else describe.skip(`${title} (skipped: nginx is missing)`, all);
}

/** Starts a cluster that ends when the tests around it have. */
export type StartCluster = (options?: ClusterOptions) => Promise<Cluster>;

export interface ClusterOptions extends Partial<NodeSettings> {
  /** Default: 3. */
  readonly nodes?: number;
}

/** Ports no two of which are the same. */
async function lastingPorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await lastingPort());
  return [...ports];
}

/** Nodes in processes of their own, nginx that gives each request to another of them, and Redis. */
export class Cluster {
  /** How often a tool began to work on a call, by the call's name. */
  readonly ran = new Map<string, number>();
  /** Sessions in which a client has begun its conversation. */
  readonly begun = new Set<string>();
  /** How often a node went on with another's session. */
  moves = 0;
  /** How sessions ended, by their reasons. */
  readonly closed = new Map<string, number>();

  readonly nodes: readonly Node[];
  #undo: (() => unknown)[] = [];
  #nginx: Nginx | undefined;

  private constructor(
    readonly redis: TestRedis,
    readonly settings: NodeSettings,
    program: Program,
    ports: readonly number[],
  ) {
    this.nodes = ports.map(
      (port) => new Node(program, { ...settings, port }, (report) => this.#hear(report)),
    );
    this.#undo = [() => redis.stop(), () => program.remove()];
  }

  static async start({ nodes = 3, ...more }: ClusterOptions = {}): Promise<Cluster> {
    const program = new Program();
    const ports = await lastingPorts(nodes);
    const redis = await TestRedis.start();
    const cluster = new Cluster(redis, await settingsOf(redis.url, more), program, ports);
    try {
      await cluster.#start(ports);
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  async #start(ports: readonly number[]): Promise<void> {
    const nginx = await Nginx.start(ports);
    this.#nginx = nginx;
    this.#undo.push(() => nginx.stop());
    for (const node of this.nodes) this.#undo.push(() => node.kill());
    await Promise.all(this.nodes.map((node) => node.start()));
  }

  get nginx(): Nginx {
    return this.#nginx!;
  }

  /** Where clients find it. */
  get origin(): string {
    return this.nginx.origin;
  }

  /** What a rolling deploy does to a node: out of the balancer, drained, started anew, back again. */
  async restart(node: Node): Promise<void> {
    await this.nginx.takeOut(node.port);
    await node.drain();
    await node.start();
    await this.nginx.putBack(node.port);
  }

  /** Starts what a test has left dead. */
  async mend(): Promise<void> {
    for (const node of this.nodes) if (!node.isRunning) await node.start();
  }

  /** What all nodes said, for the message of a test that fails. */
  said(): string {
    return this.nodes
      .map(({ port, lines }) => [`-- node ${port}`, ...lines.slice(-40)].join("\n"))
      .join("\n");
  }

  /** Ends everything at once. */
  async stop(): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) await undo();
  }

  #hear(report: NodeReport): void {
    if (report.kind === "ran") this.ran.set(report.name, (this.ran.get(report.name) ?? 0) + 1);
    else if (report.kind === "begun") this.begun.add(report.session);
    else if (report.kind === "opened" && report.isMoved) this.moves++;
    else if (report.kind === "closed") {
      this.closed.set(report.reason, (this.closed.get(report.reason) ?? 0) + 1);
    }
  }
}
