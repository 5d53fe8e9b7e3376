import { join, relative } from "node:path";
import { Worker } from "node:worker_threads";
import type { EnvironmentContext, JestEnvironmentConfig } from "@jest/environment";
import type { Circus } from "@jest/types";
import { TestEnvironment } from "jest-environment-node";

/** The watching thread of this worker process, which runs one file of tests after the other. */
let thread: Worker | undefined;

/**
 * Node, where a file of tests has ten minutes. Jest's own limit is a timer in the thread that runs
 * the tests: a loop without an end, a child that is waited for synchronously, or an add-on that
 * holds the thread would keep the whole run waiting, and nobody would hear which file it is.
 */
export default class TimeLimitedEnvironment extends TestEnvironment {
  readonly #file: string;

  constructor(config: JestEnvironmentConfig, context: EnvironmentContext) {
    super(config, context);
    this.#file = relative(config.globalConfig.rootDir, context.testPath);
  }

  override async setup(): Promise<void> {
    await super.setup();
    thread ??= startThread();
    thread.postMessage({ file: this.#file });
  }

  /** Lets the thread know which test it is. */
  handleTestEvent(event: Circus.Event): void {
    if (event.name === "test_start") thread?.postMessage({ test: event.test.name });
  }

  override async teardown(): Promise<void> {
    thread?.postMessage({});
    await super.teardown();
  }
}

function startThread(): Worker {
  const worker = new Worker(join(__dirname, "watch.mjs"));
  worker.unref();
  return worker;
}
