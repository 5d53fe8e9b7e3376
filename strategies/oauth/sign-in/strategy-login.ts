import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { LOGIN_TIME_MS } from "./browser.js";
import { failureOf, SignInProblem, unknownLogin } from "./login-step.js";
import type { LoginContext, LoginOutcome } from "./login-step.js";
import { checkProfile } from "./provider-login.js";
import { runStrategy, strategyRequest } from "./run-strategy.js";
import type { SealedStorage } from "./seal.js";
import type { LoginStep } from "./sign-in-options.js";

type StrategyStep = Extract<LoginStep, { kind: "strategy" }>;

/** What a strategy's own session keeps between its redirect and the answer. */
interface Pending {
  readonly uid: string;
  readonly session: object;
}

/** How often a form may be sent for one request, before the person starts again. */
const MAX_ATTEMPTS = 5;

/** The login step by a Passport strategy of the operator's. */
export class StrategyLogin {
  readonly #step: StrategyStep;
  readonly #records: SealedStorage;

  constructor(step: StrategyStep, records: SealedStorage) {
    this.#step = step;
    this.#records = records;
  }

  /** Asks the strategy; it may know the person already, or send them elsewhere. */
  async begin(req: IncomingMessage, context: LoginContext): Promise<LoginOutcome> {
    const session = {};
    const asked = strategyRequest(req, { query: new URLSearchParams(), session, method: "GET" });
    const answer = await runStrategy(this.#step.strategy, asked);
    if (answer.kind === "failure" && this.#step.form !== undefined) {
      return { kind: "form", failed: false };
    }
    if (answer.kind === "success") return await this.#signedIn(context.uid, answer);
    if (answer.kind !== "redirect") return failureOf(context.uid, answer);
    checkRedirect(answer.url);
    const pending: Pending = { uid: context.uid, session };
    await this.#records.set("PendingLogin", context.browser, pending, LOGIN_TIME_MS);
    return answer;
  }

  /** Takes what was filled into the form. */
  async submit(
    req: IncomingMessage,
    context: LoginContext,
    fields: Readonly<Record<string, string>>,
  ): Promise<LoginOutcome> {
    const { uid } = context;
    const attempt = await this.#takeAttempt(uid);
    if (attempt === undefined) return failureOf(uid, { kind: "failure", info: undefined });
    const asked = strategyRequest(req, { query: new URLSearchParams(), body: fields });
    const answer = await runStrategy(this.#step.strategy, asked);
    if (answer.kind === "success") return await this.#signedIn(uid, answer);
    const mayTryAgain = answer.kind === "failure" && attempt < MAX_ATTEMPTS;
    return mayTryAgain ? { kind: "form", failed: true } : failureOf(uid, answer);
  }

  /**
   * Counts a try before the strategy hears of it; `undefined` when there were too many.
   *
   * Security decision: looking and counting are one atomic step, an `add` for each place. With two
   * steps, guesses that are sent together would all look before the first of them counts.
   *
   * @see NIST SP 800-63B, section 5.2.2
   */
  async #takeAttempt(uid: string): Promise<number | undefined> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const place = `${uid} ${attempt}`;
      if (await this.#records.add("LoginAttempts", place, true, LOGIN_TIME_MS)) return attempt;
    }
    return undefined;
  }

  /**
   * Keeps an answer that another site posted, until the browser brings it itself: with the post of
   * another site browsers send no `SameSite=Lax` cookie, but they do with the redirect after it.
   *
   * @returns the query for that redirect.
   */
  async park(fields: URLSearchParams): Promise<string> {
    const id = randomBytes(24).toString("base64url");
    await this.#records.set("ParkedAnswer", id, [...fields], LOGIN_TIME_MS);
    return new URLSearchParams({ posted: id }).toString();
  }

  /**
   * Takes the answer of wherever the strategy sent the person.
   *
   * @throws SignInProblem when this browser has no login under way.
   */
  async complete(
    req: IncomingMessage,
    query: URLSearchParams,
    browser: string | undefined,
  ): Promise<LoginOutcome> {
    if (browser === undefined) throw unknownLogin();
    const pending = (await this.#records.take("PendingLogin", browser)) as Pending | undefined;
    if (pending === undefined) throw unknownLogin();
    const { uid, session } = pending;
    const posted = query.get("posted");
    const parked = posted === null ? undefined : await this.#records.take("ParkedAnswer", posted);
    if (posted !== null && parked === undefined) throw unknownLogin();
    const body = Object.fromEntries((parked ?? []) as [string, string][]);
    const asked = strategyRequest(
      req,
      posted === null
        ? { query, session }
        : { query: new URLSearchParams(), body, session, method: "POST" },
    );
    const answer = await runStrategy(this.#step.strategy, asked);
    return answer.kind === "success" ? await this.#signedIn(uid, answer) : failureOf(uid, answer);
  }

  async #signedIn(
    uid: string,
    { user, info }: { readonly user: unknown; readonly info: unknown },
  ): Promise<LoginOutcome> {
    try {
      const profile = checkProfile(await this.#step.principal(user, info));
      return { kind: "signed-in", uid, login: { profile } };
    } catch (error) {
      return failureOf(uid, { kind: "error", error });
    }
  }
}

/**
 * Refuses a strategy that sends an OAuth request without `state`.
 *
 * Security decision: without it anybody can bring their own answer into somebody else's login;
 * many strategies send one only when they are told to.
 *
 * @throws SignInProblem, for the person; the operator finds the reason in the log.
 * @see RFC 9700, section 4.7
 */
export function checkRedirect(url: string): void {
  const { searchParams } = new URL(url, "http://relative.invalid");
  if (!searchParams.has("response_type") || searchParams.has("state")) return;
  throw new SignInProblem(
    500,
    "This server cannot sign you in",
    "Its sign-in sends no state. Whoever runs it has to give the strategy the option state: true.",
  );
}
