import type { IncomingMessage } from "node:http";
import type { PassportStrategy } from "../../../../src/auth/auth-method.js";
import { TIMED_OUT, withTimeout } from "../../../../src/shared/timeout.js";

/** What a strategy answers when it is asked to sign somebody in. */
export type LoginAnswer =
  | { readonly kind: "success"; readonly user: unknown; readonly info: unknown }
  | { readonly kind: "failure"; readonly info: unknown }
  | { readonly kind: "redirect"; readonly url: string }
  | { readonly kind: "error"; readonly error: unknown };

/** How long a strategy may take, in milliseconds. */
export const TIMEOUT_MS = 15_000;

/**
 * Asks a strategy once. As Passport does, it runs as an object of its own that inherits from the
 * strategy, so that requests at the same time do not get each other's answer. Unlike in a call of
 * an MCP client, its redirect is followed: there is a person in front of a browser.
 */
export async function runStrategy(
  strategy: PassportStrategy,
  req: Pick<IncomingMessage, "headers" | "url">,
  options: object = {},
): Promise<LoginAnswer> {
  const asked = new Promise<LoginAnswer>((resolve) => {
    const error = (reason: unknown): void => resolve({ kind: "error", error: reason });
    const actions = {
      success: (user: unknown, info: unknown): void => resolve({ kind: "success", user, info }),
      fail: (info: unknown): void => resolve({ kind: "failure", info }),
      redirect: (url: unknown): void => resolve({ kind: "redirect", url: String(url) }),
      pass: (): void => resolve({ kind: "failure", info: undefined }),
      error,
    };
    const active = Object.assign(Object.create(strategy) as PassportStrategy, actions);
    // Passport ignores what `authenticate` returns; an async one that rejects must not end the process.
    Promise.resolve()
      .then(() => active.authenticate(req, options) as unknown)
      .catch(error);
  });
  const answer = await withTimeout(asked, TIMEOUT_MS);
  if (answer !== TIMED_OUT) return answer;
  return { kind: "error", error: new Error("the strategy did not answer") };
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
