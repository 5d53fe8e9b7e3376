import type { IncomingMessage } from "node:http";
import type { PassportStrategy } from "../../../../src/auth/auth-method.js";
import { StrategyRunner } from "../../../../src/auth/strategy-runner.js";
import type { StrategyAnswer } from "../../../../src/auth/strategy-runner.js";
import { TIMED_OUT, withTimeout } from "../../../../src/shared/timeout.js";

/** What a strategy answers when it is asked to sign somebody in. */
export type LoginAnswer = Exclude<StrategyAnswer, { kind: "pass" }>;

/** How long a strategy may take, in milliseconds. */
export const TIMEOUT_MS = 15_000;

/**
 * Asks a strategy once. Unlike in a call of an MCP client, its redirect is followed: there is a
 * person in front of a browser.
 */
export async function runStrategy(
  strategy: PassportStrategy,
  req: IncomingMessage,
): Promise<LoginAnswer> {
  const runner = new StrategyRunner();
  runner.mount("login", strategy);
  const answer = await withTimeout(runner.ask("login", req), TIMEOUT_MS);
  if (answer === TIMED_OUT)
    return { kind: "error", error: new Error("the strategy did not answer") };
  return answer.kind === "pass" ? { kind: "failure", info: undefined, status: undefined } : answer;
}

/** The request as Passport strategies expect it, with what Express and a session would have added. */
export function strategyRequest(
  req: IncomingMessage,
  added: {
    readonly query: URLSearchParams;
    readonly body?: Readonly<Record<string, string>>;
    readonly session?: object;
    readonly method?: string;
  },
): IncomingMessage {
  const { query, body = {}, session = {}, method = req.method } = added;
  const value = { query: Object.fromEntries(query), body, session, method };
  return Object.create(
    req,
    Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, { value: item, writable: true }]),
    ),
  ) as IncomingMessage;
}
