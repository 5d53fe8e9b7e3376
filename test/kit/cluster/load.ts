import { createHmac } from "node:crypto";
import { clientV1, clientV2, streamableV1, streamableV2 } from "../sdk-clients.js";
import type { ClientKit, FaultClient, Listener } from "../sdk-clients.js";
import { turn } from "../waiting.js";
import { Killer, WAYS } from "../faults/killer.js";
import type { Cluster } from "./cluster.js";
import { STEPS } from "./servers.js";
import type { Whoami } from "./servers.js";

/** A client of the load. */
export interface LoadClientOptions {
  readonly kit: ClientKit;
  /** Which of the nodes' endpoints, `"/v1/sse"`. */
  readonly path: string;
  /** Whether its streams can be killed. Default: false. */
  readonly isKillable?: boolean;
}

/** A call that was answered with an error, or not at all. */
export interface FailedCall {
  readonly name: string;
  readonly why: string;
  readonly ms: number;
  /** When it ended, by `performance.now()`. */
  readonly at: number;
}

/** What a load came to. */
export interface Totals {
  readonly calls: number;
  readonly failed: number;
  /** Notifications that had not come when the answer of their call had. */
  readonly lost: number;
  readonly outOfOrder: number;
  /** Calls that a tool began to work on more than once. */
  readonly ranTwice: number;
  /** Answers and notifications of another's. */
  readonly foreign: number;
  readonly wrongPrincipal: number;
  /** Sessions that clients began beyond their first ones. */
  readonly begunAnew: number;
  readonly longestMs: number;
}

/** Clients of both SDKs over both wires with sessions, of servers of both. */
export const EVERY_KIND: readonly LoadClientOptions[] = [
  { kit: clientV1, path: "/v1/sse" },
  { kit: clientV2, path: "/v2/sse" },
  { kit: streamableV1, path: "/v2" },
  { kit: streamableV2, path: "/v1" },
];

/** Has the streams of clients go where they can be killed. */
export const killable = (clients: readonly LoadClientOptions[]): readonly LoadClientOptions[] =>
  clients.map((one) => ({ ...one, isKillable: true }));

const AT_ONCE = WAYS.filter((way) => !way.startsWith("half event"));

/** A token of the nodes' own, as their issuer would sign it. */
export function tokenFor(secret: string, sub: string): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString("base64url");
  const issued = Math.floor(Date.now() / 1000);
  const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode({ sub, iat: issued, exp: issued + 3_600 })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

/**
 * What of a load must be 0. Messages may come again after a connection was lost, also an answer, which every client
 * drops then: so what counts is that no tool ran twice.
 */
export const NOTHING_LOST = {
  failed: 0,
  lost: 0,
  outOfOrder: 0,
  ranTwice: 0,
  foreign: 0,
  wrongPrincipal: 0,
  begunAnew: 0,
};

/** One client with three loops of calls, and the count of what became of them. */
class LoadClient implements Listener {
  calls = 0;
  lost = 0;
  outOfOrder = 0;
  foreign = 0;
  wrongPrincipal = 0;
  longestMs = 0;
  readonly failures: FailedCall[] = [];
  readonly names: string[] = [];
  killer: Killer | undefined;
  client: FaultClient | undefined;
  readonly #steps = new Map<string, Set<number>>();

  constructor(
    readonly tag: string,
    readonly principal: string,
  ) {}

  onNotification(text: string): void {
    const [name = "", number] = text.split("|");
    const seen = this.#steps.get(name);
    const step = Number(number);
    if (!name.startsWith(`${this.tag}-`)) this.foreign++;
    // One that comes again is no fault, also where its call has been answered.
    if (seen === undefined || seen.has(step)) return;
    if (seen.size + 1 !== step) this.outOfOrder++;
    seen.add(step);
  }

  onSampling(): string {
    return "";
  }

  /** Calls one tool after the other until it is told to stop. */
  async loop(tool: "count" | "slow" | "whoami", mayGoOn: () => boolean): Promise<void> {
    for (let number = 1; mayGoOn(); number++) {
      const name = `${this.tag}-${tool}-${number}`;
      const isAnswered = await this.call(tool, name);
      // Whoever cannot call any more does not keep the machine busy with it.
      if (!isAnswered) await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Calls a tool. @returns whether it was answered. */
  async call(tool: string, name: string): Promise<boolean> {
    const begin = performance.now();
    this.calls++;
    this.names.push(name);
    if (tool === "count") this.#steps.set(name, new Set());
    try {
      this.#check(tool, name, await this.client!.call(tool, { name, ms: 300 }));
      return true;
    } catch (error) {
      const at = performance.now();
      this.failures.push({ name, why: String(error), ms: at - begin, at });
      return false;
    } finally {
      this.#steps.delete(name);
      this.longestMs = Math.max(this.longestMs, performance.now() - begin);
    }
  }

  #check(tool: string, name: string, answer: string): void {
    if (tool === "count") this.lost += STEPS - this.#steps.get(name)!.size;
    if (tool !== "whoami") {
      if (answer !== name) this.foreign++;
      return;
    }
    const seen = JSON.parse(answer) as Whoami;
    if (seen.name !== name) this.foreign++;
    if (seen.principal !== this.principal) this.wrongPrincipal++;
  }
}

/** Loads so far, so that no two have calls of one name. */
let loads = 0;

/** Clients that call all the time. */
export class ClusterLoad {
  readonly #cluster: Cluster;
  /** Sessions that were begun before it called: some programs begin one to see whether they may. */
  #begunBefore = 0;
  readonly #number = ++loads;
  readonly #clients: LoadClient[] = [];
  #loops: Promise<unknown> | undefined;
  #isStopped = false;

  private constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Connects clients; three principals in turn, so that some share one. */
  static async start(cluster: Cluster, all: readonly LoadClientOptions[]): Promise<ClusterLoad> {
    const load = new ClusterLoad(cluster);
    for (const [index, options] of all.entries()) await load.#connect(index, options);
    load.#begunBefore = cluster.begun.size;
    return load;
  }

  async #connect(index: number, { kit, path, isKillable = false }: LoadClientOptions) {
    const { origin, settings } = this.#cluster;
    const { id, key } = settings.keys[index % settings.keys.length]!;
    const isByKey = index % 2 === 0;
    const headers: Record<string, string> = isByKey
      ? { "x-api-key": key }
      : { authorization: `Bearer ${tokenFor(settings.jwtSecret, `${id}-jwt`)}` };
    const client = new LoadClient(`load${this.#number}c${index}`, isByKey ? id : `${id}-jwt`);
    if (isKillable) {
      client.killer = await Killer.start(origin);
      client.killer.sparesFirst = true;
    }
    const url = `${client.killer?.origin ?? origin}${path}`;
    client.client = await kit.connect(url, { headers, listener: client });
    this.#clients.push(client);
    await client.call("whoami", `${client.tag}-first`);
    // What a node tells, it tells in order.
    while (!this.#cluster.ran.has(`${client.tag}-first`)) await turn();
  }

  /** Has all of them call until {@link stop}. */
  begin(): this {
    const mayGoOn = () => !this.#isStopped;
    const loops = this.#clients.flatMap((client) =>
      (["count", "slow", "whoami"] as const).map((tool) => client.loop(tool, mayGoOn)),
    );
    this.#loops = Promise.all(loops);
    return this;
  }

  /** Calls so far. */
  get calls(): number {
    return this.#clients.reduce((sum, { calls }) => sum + calls, 0);
  }

  /** Calls so far that failed. */
  get failures(): readonly FailedCall[] {
    return this.#clients.flatMap(({ failures }) => failures);
  }

  /** Resolves when so many more calls were made. */
  async called(count: number): Promise<void> {
    const goal = this.calls + count;
    while (this.calls < goal) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  /** Kills so many streams, of one client after the other, in one way after the other. */
  async kill(count: number): Promise<void> {
    const killable = this.#clients.flatMap(({ killer }) => killer ?? []);
    for (let round = 0; round < count; round++) {
      const stream = await killable[round % killable.length]!.attached();
      // Nothing may come any more on a stream of Streamable HTTP that could be cut in its middle.
      const ways = "mcp-session-id" in stream.request.headers ? AT_ONCE : WAYS;
      await stream.kill(ways[Math.floor(round / killable.length) % ways.length]!);
    }
  }

  /** Resolves when every call that was begun has an end. */
  async stop(): Promise<Totals> {
    this.#isStopped = true;
    await this.#loops;
    const sum = (of: (client: LoadClient) => number) =>
      this.#clients.reduce((total, client) => total + of(client), 0);
    const { ran, begun } = this.#cluster;
    const names = this.#clients.flatMap((client) => client.names);
    return {
      calls: this.calls,
      failed: this.failures.length,
      lost: sum(({ lost }) => lost),
      outOfOrder: sum(({ outOfOrder }) => outOfOrder),
      ranTwice: names.filter((name) => (ran.get(name) ?? 0) > 1).length,
      foreign: sum(({ foreign }) => foreign),
      wrongPrincipal: sum(({ wrongPrincipal }) => wrongPrincipal),
      begunAnew: begun.size - this.#begunBefore,
      longestMs: Math.round(Math.max(...this.#clients.map(({ longestMs }) => longestMs))),
    };
  }

  /** Stops. @throws Error with what happened, when something was lost. */
  async expectNothingLost(): Promise<Totals> {
    const totals = await this.stop();
    const isLost = Object.keys(NOTHING_LOST).some((what) => totals[what as keyof Totals] !== 0);
    if (!isLost) return totals;
    throw new Error([JSON.stringify(totals), this.story(), this.#cluster.said()].join("\n"));
  }

  /** What went wrong with its calls, and what its clients saw, for the message of a test that fails. */
  story(): string {
    return this.#clients
      .filter(({ failures, lost, outOfOrder }) => failures.length + lost + outOfOrder > 0)
      .map(({ tag, failures, client, killer }) =>
        [
          `-- client ${tag}`,
          ...failures.slice(0, 5).map(({ name, why, ms }) => `${name} ${ms.toFixed(0)} ms: ${why}`),
          ...(client?.errors ?? []).slice(-5).map(String),
          ...(killer?.trace ?? []).slice(-30),
        ].join("\n"),
      )
      .join("\n");
  }
}
