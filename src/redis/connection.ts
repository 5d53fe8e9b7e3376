import { TIMED_OUT, withTimeout } from "../shared/timeout.js";
import type { RedisPort } from "./redis-port.js";
import type { Script } from "./script.js";

/** Milliseconds that an answer may take. Requests wait for it. */
export const ANSWER_MS = 4_000;

/** Commands that may be without an answer at a time, and characters in them: of a Redis that hangs. */
const MAX_OPEN = 20_000;
const MAX_OPEN_LENGTH = 64 * 1_048_576;

/**
 * Commands that are answered soon, or rejected: whatever the client does when it has no connection, such
 * as to keep them for later. One that was given up may still be done, in its order.
 */
export class Connection {
  readonly #port: RedisPort;
  #open = 0;
  #openLength = 0;

  constructor(port: RedisPort) {
    this.#port = port;
  }

  /** @throws Error that names the command and what Redis said of it, and shows no argument. */
  async run(command: readonly string[], key?: string): Promise<unknown> {
    const name = command[0] ?? "";
    if (!this.#port.isReady) throw new Error(`Redis: ${name} was not sent, there is no connection`);
    if (this.#open >= MAX_OPEN || this.#openLength >= MAX_OPEN_LENGTH) {
      throw new Error(`Redis: ${name} was not sent, too much is unanswered`);
    }
    const answer = await withTimeout(this.#counted(command, key), ANSWER_MS);
    if (answer === TIMED_OUT) throw new Error(`Redis: ${name} got no answer`);
    if (answer instanceof Failure) {
      throw new Error(`Redis: ${name} failed with ${codeOf(answer.cause)}`);
    }
    return answer;
  }

  /** Runs a script, by its digest if Redis has it. */
  async script(
    { digest, text }: Script,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<unknown> {
    const rest = [String(keys.length), ...keys, ...args];
    try {
      return await this.run(["EVALSHA", digest, ...rest], keys[0]);
    } catch (error) {
      if (!(error as Error).message.endsWith("NOSCRIPT")) throw error;
      return await this.run(["EVAL", text, ...rest], keys[0]);
    }
  }

  /** What has no answer counts until the client gives it up, which may be later than we do. */
  async #counted(command: readonly string[], key: string | undefined): Promise<unknown> {
    const length = command.reduce((sum, part) => sum + part.length, 0);
    this.#open += 1;
    this.#openLength += length;
    try {
      return await this.#port.run(command, key);
    } catch (error) {
      return new Failure(error);
    } finally {
      this.#open -= 1;
      this.#openLength -= length;
    }
  }
}

/** Of a command that was rejected. */
class Failure {
  constructor(readonly cause: unknown) {}
}

/**
 * What Redis, or the client, said went wrong.
 *
 * Security decision: one word of it. Clients' errors have the command with all arguments, and addresses.
 */
export function codeOf(error: unknown): string {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  const word = typeof code === "string" ? code : String(message).split(/\s/, 1)[0];
  return /^[A-Z][A-Z_]+$/.exec(word ?? "")?.[0] ?? "an error";
}

/** A text that came back, whatever the client makes of texts. */
export function textOf(reply: unknown): string | undefined {
  if (typeof reply === "string") return reply;
  return Buffer.isBuffer(reply) ? reply.toString("utf8") : undefined;
}

/** A list that came back. */
export function listOf(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? (reply as unknown[]) : [];
}

/** Whether a number that came back is 1 or more. */
export function isCounted(reply: unknown): boolean {
  return Number(reply) > 0;
}
