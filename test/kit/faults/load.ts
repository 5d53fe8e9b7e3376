import { EventEmitter, once } from "node:events";
import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import type { RequestHandler } from "express";
import type { SessionInfo } from "../../../src/index.js";
import { asCaller, serveRouter } from "../app.js";
import type { Served, ServeRouterOptions } from "../app.js";
import type { ClientKit, FaultClient, Listener } from "./clients.js";
import { Killer, WAYS } from "./killer.js";
import { Calls } from "./servers.js";
import type { FaultServer, ServerKit } from "./servers.js";

/** What a client has lost, and what it got that it should not have got. */
export interface LoadReport {
  readonly notifications: {
    readonly sent: number;
    readonly lost: number;
    readonly duplicated: number;
    readonly outOfOrder: number;
  };
  readonly calls: {
    readonly made: number;
    readonly answered: number;
    /** Rejected, or without an answer when everything that was sent had arrived; pings as well. */
    readonly lost: number;
    /** Answered with another call's text. */
    readonly wrong: number;
    /** Calls for which the tool ran more than once. */
    readonly runTwice: number;
  };
  readonly progress: { readonly made: number; readonly lost: number; readonly outOfOrder: number };
  readonly requests: {
    readonly made: number;
    readonly answered: number;
    readonly lost: number;
    /** How often the client's handler ran in all. */
    readonly runs: number;
    /** Sent by the server although it had the answer. */
    readonly repeatedAfterAnswer: number;
  };
  /** Messages of another client. */
  readonly foreign: number;
  /** What went wrong with the calls and requests that are lost. */
  readonly failures: readonly string[];
}

/** A served endpoint whose SDK servers a test can make speak. */
export class FaultHost {
  readonly calls = new Calls();
  /** Requests to clients of which the server has the answer. */
  readonly answered = new Set<string>();
  /** Requests to clients that were written after that. */
  readonly repeated: string[] = [];
  /** Rejects when a session ends while the test needs it. */
  readonly sessionLost: Promise<never>;
  #served: Served | undefined;
  readonly #servers = new Map<string, FaultServer>();
  #lose: (reason: Error) => void = () => undefined;

  private constructor() {
    this.sessionLost = new Promise((_resolve, reject) => (this.#lose = reject));
    this.sessionLost.catch(() => undefined);
  }

  static async start(kit: ServerKit, options: ServeRouterOptions = {}): Promise<FaultHost> {
    const host = new FaultHost();
    host.#served = await serveRouter({
      createServer: (session: SessionInfo) => {
        const server = kit.create(host.calls);
        host.#servers.set(tagOf(session.request?.url ?? ""), server);
        return server;
      },
      before: [host.#watchWrites],
      ...options,
    });
    host.served.sessions.on("closed", ({ id }, reason) =>
      host.#lose(new Error(`session ${id} has ended: ${reason}`)),
    );
    return host;
  }

  get served(): Served {
    return this.#served!;
  }

  /** The newest server that was made for a client. */
  serverOf(tag: string): FaultServer {
    const server = this.#servers.get(tag);
    if (server === undefined) throw new Error(`there is no server for ${tag}`);
    return server;
  }

  /** Sees every byte of a stream at the moment at which it is written. */
  readonly #watchWrites: RequestHandler = (req, res, next) => {
    if (req.method === "GET") {
      const write = res.write.bind(res) as (chunk: unknown, ...rest: unknown[]) => boolean;
      res.write = (chunk: unknown, ...rest: unknown[]): boolean => {
        for (const [, name] of String(chunk).matchAll(/"text":"(\w+ request \d+)"/g)) {
          if (this.answered.has(name!)) this.repeated.push(name!);
        }
        return write(chunk, ...rest);
      };
    }
    next();
  };
}

/** Which client a session belongs to; the test writes it into the client's URL. */
function tagOf(url: string): string {
  return new URLSearchParams(url.split("?")[1]).get("client") ?? "";
}

/** How a client is connected. */
export interface LoadOptions {
  /** Default: `"alice"`. */
  readonly tag?: string;
  /** Added to the URL. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: a new one. */
  readonly killer?: Killer;
  /** Where the client gets its tokens. Default: it has one that is good. */
  readonly authProvider?: OAuthClientProvider;
  /** Default: Node's own. */
  readonly fetch?: typeof fetch;
}

/** One client, the traffic with it, and the count of what became of it. Names are "tag kind number". */
export class Load implements Listener {
  readonly #host: FaultHost;
  readonly #received: number[] = [];
  readonly #answers = new Map<string, string | Error>();
  readonly #progress = new Map<string, number[]>();
  readonly #requestAnswers = new Map<string, string | Error>();
  readonly #open = new Set<string>();
  readonly #facts = new EventEmitter().setMaxListeners(0);
  #notifications = 0;
  readonly #calls: string[] = [];
  #requests = 0;
  #runs = 0;
  #pingsLost = 0;
  #foreign = 0;
  #client: FaultClient | undefined;

  private constructor(
    host: FaultHost,
    readonly tag: string,
    readonly killer: Killer,
  ) {
    this.#host = host;
  }

  /** Connects a client to the host, through a killer of its own. */
  static async start(host: FaultHost, kit: ClientKit, options: LoadOptions = {}): Promise<Load> {
    const { tag = "alice", query = "", headers = {}, killer, authProvider, fetch } = options;
    const load = new Load(host, tag, killer ?? (await Killer.start(host.served.origin)));
    load.#client = await kit.connect(
      `${load.killer.origin}${host.served.base}/sse?client=${tag}${query}`,
      {
        headers: { ...(authProvider === undefined && asCaller()), ...headers },
        listener: load,
        ...(authProvider !== undefined && { authProvider }),
        ...(fetch !== undefined && { fetch }),
      },
    );
    return load;
  }

  get client(): FaultClient {
    return this.#client!;
  }

  onNotification(text: string): void {
    const [tag, , number] = text.split(" ");
    if (tag !== this.tag) this.#foreign++;
    else this.#received.push(Number(number));
  }

  onSampling(text: string): string {
    if (!text.startsWith(`${this.tag} `)) this.#foreign++;
    this.#runs++;
    return `answer to ${text}`;
  }

  /** The server sends notifications. */
  notify(count: number): void {
    for (let index = 0; index < count; index++) {
      const sent = this.#server.notify(`${this.tag} notification ${++this.#notifications}`);
      // One that cannot be sent is one that does not arrive.
      sent.catch((error: unknown) => this.killer.note(`notification refused: ${String(error)}`));
    }
  }

  /** The client calls a tool; the answer is counted when it comes. @returns the call's name. */
  call(tool: "echo" | "held" | "steps"): string {
    const name = `${this.tag} ${tool} ${this.#calls.length + 1}`;
    this.#calls.push(name);
    const seen: number[] = [];
    if (tool === "steps") this.#progress.set(name, seen);
    if (tool === "held") this.#open.add(name);
    const onprogress = (progress: number): void => {
      // What comes after the answer is as good as lost.
      if (!this.#answers.has(name)) seen.push(progress);
    };
    const settle = (answer: unknown): void => {
      this.#answers.set(name, answer as string | Error);
      this.#facts.emit("answer");
    };
    this.client
      .call(tool, { name }, tool === "steps" ? onprogress : undefined)
      .then(settle, settle);
    return name;
  }

  /** Starts a call that is answered when it is released. @returns its name, or `undefined` if it was refused. */
  async hold(): Promise<string | undefined> {
    const name = this.call("held");
    const refused = async (): Promise<void> => {
      while (!this.#answers.has(name)) await once(this.#facts, "answer");
    };
    await Promise.race([this.#host.calls.started(name), refused()]);
    return this.#answers.has(name) ? undefined : name;
  }

  /** The tool may answer; without a name, every call that is held. */
  release(name?: string): void {
    for (const held of name === undefined ? this.#open : [name]) {
      this.#host.calls.release(held);
      this.#open.delete(held);
    }
  }

  /** The server asks the client something. */
  ask(): void {
    const name = `${this.tag} request ${++this.#requests}`;
    this.#server.ask(name).then(
      (answer) => {
        this.#host.answered.add(name);
        this.#requestAnswers.set(name, answer);
      },
      (error: unknown) => this.#requestAnswers.set(name, error as Error),
    );
  }

  /** Resolves when what was sent before it has arrived, or is lost. */
  async ping(): Promise<void> {
    await this.client.ping().catch(() => this.#pingsLost++);
  }

  /** Everything at once: two calls, notifications and a request. */
  burst(): void {
    this.notify(5);
    this.ask();
    this.call("echo");
    this.call("steps");
    this.notify(5);
  }

  /** Resolves when everything that was sent has arrived, or is lost: what was sent after it has arrived. */
  async settle(): Promise<void> {
    this.release();
    await this.killer.attached();
    await this.ping();
    await this.#host.calls.idle();
    // An answer may be held back for a moment so that it does not overtake its progress.
    for (let pings = 0; pings < 50 && this.#isWaiting; pings++) await this.ping();
  }

  get #isWaiting(): boolean {
    return (
      this.#answers.size < this.#calls.length ||
      this.#requestAnswers.size < this.#requests ||
      !this.#received.includes(this.#notifications)
    );
  }

  get #server(): FaultServer {
    return this.#host.serverOf(this.tag);
  }

  report(): LoadReport {
    const wanted = this.#calls.map((name) => ({ name, answer: this.#answers.get(name) }));
    const answered = wanted.filter(({ answer }) => typeof answer === "string");
    const requests = [...this.#requestAnswers.entries()];
    const requestsAnswered = requests.filter(([name, text]) => text === `answer to ${name}`);
    const progress = [...this.#progress.values()].map((seen) => [...new Set(seen)]);
    return {
      notifications: { sent: this.#notifications, ...compare(this.#received, this.#notifications) },
      calls: {
        made: wanted.length,
        answered: answered.length,
        lost: wanted.length - answered.length + this.#pingsLost,
        wrong: answered.filter(({ name, answer }) => answer !== name).length,
        runTwice: wanted.filter(({ name }) => this.#host.calls.runs(name) > 1).length,
      },
      progress: {
        made: progress.length * 3,
        lost: progress.reduce((sum, seen) => sum + 3 - seen.length, 0),
        outOfOrder: progress.filter((seen) => seen.join() !== seen.toSorted().join()).length,
      },
      requests: {
        made: this.#requests,
        answered: requestsAnswered.length,
        lost: this.#requests - requestsAnswered.length,
        runs: this.#runs,
        repeatedAfterAnswer: this.#host.repeated.filter((name) => name.startsWith(`${this.tag} `))
          .length,
      },
      foreign: this.#foreign,
      failures: [
        ...wanted.filter(({ answer }) => typeof answer !== "string"),
        ...requests.map(([name, answer]) => ({ name, answer })),
      ].flatMap(({ name, answer = "no answer" }) =>
        answer === name || answer === `answer to ${name}` ? [] : [`${name}: ${String(answer)}`],
      ),
    };
  }
}

/** Numbers as they came, compared with 1 to `sent`. A replay may go back, but nothing may be skipped. */
function compare(received: readonly number[], sent: number) {
  const distinct = new Set(received);
  const outOfOrder = received.filter(
    (number, index) => number > (index === 0 ? 0 : received[index - 1]!) + 1,
  ).length;
  return { lost: sent - distinct.size, duplicated: received.length - distinct.size, outOfOrder };
}

/** Where in a client's life its stream is killed. */
const PLACES = [
  "while nothing is sent",
  "while messages are sent",
  "in the answer of a call",
  "while it comes back",
] as const;

/** Kills a client's stream again and again, in every way and place, with traffic before, during and after. */
export async function storm(load: Load, kills: number): Promise<void> {
  const { killer } = load;
  for (let round = 0; killer.kills < kills; round++) {
    const way = WAYS[round % WAYS.length]!;
    const place = PLACES[Math.floor(round / WAYS.length) % PLACES.length]!;
    const stream = await killer.attached();
    const held = await load.hold();
    load.burst();
    if (place === "while nothing is sent") {
      await load.ping();
      const killed = stream.kill(way);
      load.notify(1);
      await killed;
    } else if (place === "in the answer of a call" && held !== undefined) {
      killer.onEvent = ({ data }) => (data.includes(`"text":"${held}"`) ? way : undefined);
      load.release(held);
      await stream.over;
      killer.onEvent = undefined;
    } else {
      // How far it gets is another number each time.
      if (place === "while it comes back") killer.next = { way, events: round % 5 };
      stream.killAfter(round % 7, way);
      load.notify(10);
      await stream.over;
    }
    // Nobody is listening now; the client itself can still call.
    load.burst();
    load.release(held);
  }
}

/** A client that a test cannot do without. */
export interface Survivor {
  readonly tag: string;
  readonly killer: Killer;
  readonly client?: FaultClient;
}

/** How long a client may take to get everything, in milliseconds: long before the test's own time is over. */
const PATIENCE_MS = 80_000;

/**
 * Does the work of a test, unless a session ends or a client gives up meanwhile.
 *
 * @throws Error with what happened last, since a promise that never resolves tells nothing.
 */
export async function survive(
  host: FaultHost,
  survivors: readonly Survivor[],
  work: () => Promise<void>,
): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("not everything has arrived")), PATIENCE_MS);
  });
  const gaveUp = survivors.map(async ({ client, tag }) => {
    await (client?.closed ?? late);
    throw new Error(`the client of ${tag} has closed itself`);
  });
  for (const promise of gaveUp) promise.catch(() => undefined);
  try {
    await Promise.race([work(), host.sessionLost, late, ...gaveUp]);
  } catch (cause) {
    const traces = survivors.map(({ tag, killer, client }) =>
      [tag, ...killer.trace.slice(-60), ...(client?.errors ?? []).slice(-3).map(String)].join("\n"),
    );
    throw new Error(`${String(cause)}\n${traces.join("\n\n")}\n${host.served.lines.join("\n")}`, {
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}
