import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClusterEngine } from "../cluster/engine.js";

/** Longest that a check waits for anything, in milliseconds. */
const PATIENCE_MS = 15_000;

/** A node that a check made, with what it has heard. */
export class ContractNode {
  readonly engine: ClusterEngine;
  readonly name: string;
  readonly heard: string[] = [];
  #onHeard = (): void => undefined;

  constructor(engine: ClusterEngine, name: string) {
    this.engine = engine;
    this.name = name;
  }

  readonly hear = (message: string): void => {
    this.heard.push(message);
    this.#onHeard();
  };

  /** Waits until that many messages were heard. @returns all of them. */
  async hears(count: number): Promise<readonly string[]> {
    const enough = new Promise<void>((resolve) => {
      this.#onHeard = () => {
        if (this.heard.length >= count) resolve();
      };
    });
    if (this.heard.length < count) {
      await within(enough, () => `heard ${this.heard.length} of ${count} messages`);
    }
    return this.heard;
  }
}

/** What one check has in hand; nothing of it is left when it is over. */
export class Stage {
  readonly #create: () => ClusterEngine | Promise<ClusterEngine>;
  readonly #engines: ClusterEngine[] = [];

  constructor(create: () => ClusterEngine | Promise<ClusterEngine>) {
    this.#create = create;
  }

  async engine(): Promise<ClusterEngine> {
    const engine = await this.#create();
    this.#engines.push(engine);
    return engine;
  }

  /** An engine that has joined. @param name a new one, unless it is given. */
  async node(name: string = this.name("node")): Promise<ContractNode> {
    const node = new ContractNode(await this.engine(), name);
    await within(node.engine.join(name, node.hear), () => "join did not settle");
    return node;
  }

  /** A name that nothing else has, neither in this run nor in another. */
  name(text: string): string {
    return `${text}-${randomUUID()}`;
  }

  async clear(): Promise<void> {
    const left = Promise.all(this.#engines.map((engine) => engine.leave()));
    await within(left, () => "leave did not settle");
  }
}

/** Fails when a promise takes too long. */
export async function within<T>(promise: Promise<T>, problem: () => string): Promise<T> {
  const stop = new AbortController();
  const late = sleep(PATIENCE_MS, undefined, { signal: stop.signal }).then(
    () => assert.fail(`${problem()} within ${PATIENCE_MS} ms`),
    () => assert.fail("stopped"),
  );
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
  }
}

/** Asks again and again until the answer is as expected. */
export async function eventually<T>(
  ask: () => Promise<T>,
  isExpected: (answer: T) => boolean,
  problem: string,
): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (isExpected(answer)) return answer;
    assert.ok(performance.now() < deadline, problem);
    await sleep(20);
  }
}
