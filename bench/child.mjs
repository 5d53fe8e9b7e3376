/** Child processes that are asked questions: both ends of the conversation. */
import { spawn } from "node:child_process";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";

/** No step of a benchmark takes this long unless something hangs. */
const ANSWER_MS = 60_000;

/** How long a process may take to leave by itself. */
const LEAVE_MS = 3_000;

/** How much of what a process printed is kept, for when it fails. */
const KEPT_OUTPUT = 4_000;

const children = new Set();

/** Answers questions in a child process, and ends with its parent. */
export function serve(commands) {
  process.on("disconnect", () => process.exit());
  process.on("message", async ({ id, command, args }) => {
    try {
      process.send({ id, result: await commands[command](args) });
    } catch (error) {
      process.send({ id, error: error.stack });
    }
  });
}

/** A process of ours that answers questions. */
export class Child {
  #process;
  #questions = new Map();
  #lastId = 0;
  #output = "";
  #name;
  #left;

  /**
   * @param file module to run.
   * @param core CPU to run on; `undefined` for any.
   */
  constructor(file, { core, flags = [], cwd } = {}) {
    const command = [process.execPath, ...flags, file];
    if (core !== undefined) command.unshift("taskset", "-c", String(core));
    const [first, ...rest] = command;
    const stdio = ["ignore", "pipe", "pipe", "ipc"];
    this.#name = file;
    this.#process = spawn(first, rest, { stdio, cwd });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.on("data", (data) => {
        this.#output = (this.#output + data).slice(-KEPT_OUTPUT);
      });
    }
    this.#process.on("message", (answer) => this.#take(answer));
    // Not "close": that never comes once this end has disconnected.
    this.#left = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.once("error", (error) => this.#fail(error.message));
    void this.#left.then((code) => this.#fail(`ended with ${code}`));
    children.add(this);
  }

  /** Asks, and resolves with the answer. */
  ask(command, args) {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      const late = () => this.#take({ id, error: `${command}: no answer in ${ANSWER_MS} ms` });
      this.#questions.set(id, { resolve, reject, timer: setTimeout(late, ANSWER_MS) });
      this.#process.send({ id, command, args });
    });
  }

  /** Lets the process end, and makes it end if it does not. */
  async stop() {
    children.delete(this);
    if (this.#process.connected) this.#process.disconnect();
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), LEAVE_MS);
    await this.#left;
    clearTimeout(timer);
  }

  #take({ id, result, error }) {
    const question = this.#questions.get(id);
    if (question === undefined) return;
    this.#questions.delete(id);
    clearTimeout(question.timer);
    if (error === undefined) question.resolve(result);
    else question.reject(new Error(`${this.#name}: ${error}\n${this.#output}`));
  }

  #fail(error) {
    for (const id of [...this.#questions.keys()]) this.#take({ id, error });
  }
}

/** Runs a program, says what failed, and ends every process that was started here. */
export async function runToEnd(main) {
  try {
    await main();
  } catch (error) {
    process.exitCode = 1;
    process.stdout.write(`failed: ${error.message}\n`);
  } finally {
    await stopAll();
  }
}

/** Ends every process that was started here. */
export async function stopAll() {
  await Promise.all([...children].map((child) => child.stop()));
}
