import { EventEmitter, once } from "node:events";
import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import { asCaller } from "../conversation.js";
import type { ClientKit, FaultClient, Listener } from "../sdk-clients.js";
import type { FaultHost } from "./host.js";
import { Killer } from "./killer.js";
import type { FaultServer } from "./servers.js";

/** Clients come back at once, so that a hundred kills take seconds. */
export const RESUME = { resume: { retryMs: 1 } };

/** What a client must say that it lost. */
export function expectNothingLost(report: LoadReport): void {
  expect(report).toMatchObject({
    notifications: { lost: 0, outOfOrder: 0 },
    calls: { answered: report.calls.made, lost: 0, wrong: 0, runTwice: 0 },
    progress: { lost: 0, outOfOrder: 0 },
    requests: { answered: report.requests.made, lost: 0, repeatedAfterAnswer: 0 },
    foreign: 0,
    failures: [],
  });
}

/**
 * The same over Streamable HTTP, where what belongs to no call may come on another stream than what was
 * sent before it, and so in another order.
 */
export function expectAllThere(report: LoadReport): void {
  expectNothingLost({ ...report, notifications: { ...report.notifications, outOfOrder: 0 } });
}

/** And that nothing came twice, since for each stream it has said what it had. */
export function expectAllOnce(report: LoadReport): void {
  expectAllThere(report);
  const { notifications, requests } = report;
  expect([notifications.duplicated, requests.runs]).toEqual([0, requests.made]);
}

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
    load.#client = await kit.connect(`${load.killer.origin}${host.path}?client=${tag}${query}`, {
      headers: { ...(authProvider === undefined && asCaller()), ...headers },
      listener: load,
      ...(authProvider !== undefined && { authProvider }),
      ...(fetch !== undefined && { fetch }),
    });
    return load;
  }

  get client(): FaultClient {
    return this.#client!;
  }

  onNotification(text: string): void {
    const [tag, , number] = text.split(" ");
    if (tag !== this.tag) this.#foreign++;
    else this.#received.push(Number(number));
    this.#facts.emit("arrival");
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
  call(tool: "echo" | "held" | "leave" | "steps"): string {
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
      this.#facts.emit("arrival");
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
        this.#facts.emit("arrival");
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

  /** Resolves when everything has arrived, whichever stream it comes on; never, if something is lost. */
  async arrived(): Promise<void> {
    this.release();
    while (this.#isWaiting) await once(this.#facts, "arrival");
  }

  get #isWaiting(): boolean {
    return (
      this.#answers.size < this.#calls.length ||
      this.#requestAnswers.size < this.#requests ||
      new Set(this.#received).size < this.#notifications
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
