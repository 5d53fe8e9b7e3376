import type { PassportStrategy, SignInOptions } from "../../../src/index.js";

/** What Passport gives a strategy to answer with. */
export interface StrategyActions {
  success(user: unknown): void;
  fail(info?: unknown): void;
  redirect(url: string): void;
}

/** What a strategy reads. */
export interface StrategyRequest {
  query: Record<string, string | undefined>;
  body: Record<string, string | undefined>;
  session: { state?: string };
  method: string;
}

/** `signIn` with a strategy of a few lines, as an application has it. */
export function signInPassport(
  authenticate: (this: StrategyActions, req: StrategyRequest) => void,
): SignInOptions {
  const strategy: PassportStrategy = { name: "own", authenticate };
  return { strategy, principal: (user) => user as { id: string } };
}
