import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { withTimeout, TIMED_OUT } from "../../../../src/shared/timeout.js";
import { guessableState, tieOfAnswer, tieRedirect } from "./answer-tie.js";
import { isSameSecret, LOGIN_TIME_MS } from "../requests/browser.js";
import { unusable } from "../../../shared/upstream-error.js";
import { failureOf, otherBrowser, unknownLogin } from "./login-step.js";
import type { LoginContext, LoginOutcome } from "./login-step.js";
import { ownerByRequest } from "../storage/owners.js";
import { checkProfile } from "./check-profile.js";
import { runStrategy, strategyRequest, TIMEOUT_MS } from "./run-strategy.js";
import type { RecordOptions, SealedStorage } from "../storage/seal.js";
import type { LoginStep } from "../../options/sign-in-settings.js";

type StrategyStep = Extract<LoginStep, { kind: "strategy" }>;

/** A login under way, kept until its answer comes; one answer uses it up. */
interface Pending extends LoginContext {
  /** The strategy's own session. */
  readonly session: object;
  /** The `RelayState` that the strategy had sent, where ours was sent in its place. */
  readonly relayState?: string | undefined;
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
    const offered = randomBytes(24).toString("base64url");
    // Strategies of SAML send on what they find there.
    const query = new URLSearchParams({ RelayState: offered });
    const asked = strategyRequest(req, { query, session, method: "GET" });
    const answer = await runStrategy(this.#step.strategy, asked);
    if (answer.kind === "failure" && this.#step.form !== undefined) {
      return { kind: "form", failed: false };
    }
    if (answer.kind === "success") return await this.#signedIn(context.uid, answer);
    if (answer.kind !== "redirect") return failureOf(context.uid, answer);
    const { url, tie, relayState } = tieRedirect(answer.url, offered);
    await this.#keep(req, tie, { ...context, session, relayState });
    return { kind: "redirect", url };
  }

  /** @throws SignInProblem when the answer could be meant for another login just as well. */
  async #keep(req: IncomingMessage, tie: string | undefined, pending: Pending): Promise<void> {
    const options = recordOptions(req);
    if (tie === undefined) {
      await this.#records.set("UntiedLogin", pending.browser, pending, options);
    } else if (!(await this.#records.add("PendingLogin", tie, pending, options))) {
      throw guessableState();
    }
  }

  /** Takes what was filled into the form. */
  async submit(
    req: IncomingMessage,
    context: LoginContext,
    fields: Readonly<Record<string, string>>,
  ): Promise<LoginOutcome> {
    const { uid } = context;
    const attempt = await this.#takeAttempt(req, uid);
    if (attempt === undefined) return failureOf(uid, { kind: "failure" });
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
  async #takeAttempt(req: IncomingMessage, uid: string): Promise<number | undefined> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const place = `${uid} ${attempt}`;
      if (await this.#records.add("LoginAttempts", place, true, recordOptions(req))) return attempt;
    }
    return undefined;
  }

  /**
   * Keeps an answer that another site posted, until the browser brings it itself: with the post of
   * another site browsers send no `SameSite=Lax` cookie, but they do with the redirect after it.
   *
   * @returns the query for that redirect.
   * @throws SignInProblem for an answer that nobody here waits for; nothing of it is kept.
   */
  async deferPost(req: IncomingMessage, fields: URLSearchParams): Promise<string> {
    const tie = tieOfAnswer(fields);
    if (tie === undefined) throw unknownLogin();
    if ((await this.#records.get("PendingLogin", tie)) === undefined) throw unknownLogin();
    await this.#records.set("ParkedAnswer", tie, [...fields], recordOptions(req));
    return new URLSearchParams({ posted: tie }).toString();
  }

  /**
   * Takes the answer of wherever the strategy sent the person.
   *
   * @throws SignInProblem when it is the answer to no login of this browser.
   */
  async complete(
    req: IncomingMessage,
    query: URLSearchParams,
    browser: string | undefined,
  ): Promise<LoginOutcome> {
    const posted = query.get("posted");
    const deferred = posted === null ? undefined : await this.#records.take("ParkedAnswer", posted);
    if (posted !== null && deferred === undefined) throw unknownLogin();
    const fields = new URLSearchParams((deferred ?? [...query]) as [string, string][]);
    const pending = await this.#takePending(fields, browser, posted !== null);
    const { uid, session, relayState } = pending;
    if (fields.has("RelayState") && relayState !== undefined) fields.set("RelayState", relayState);
    const asked = strategyRequest(
      req,
      posted === null
        ? { query: fields, session }
        : {
            query: new URLSearchParams(),
            body: Object.fromEntries(fields),
            session,
            method: "POST",
          },
    );
    const answer = await runStrategy(this.#step.strategy, asked);
    return answer.kind === "success" ? await this.#signedIn(uid, answer) : failureOf(uid, answer);
  }

  /**
   * The login that an answer belongs to, which is then used up.
   *
   * Security decision: an answer that brings nothing back of its request counts only where the
   * protocol has nothing, and only as a navigation of the browser that waits for one; whether it
   * is the right one is then up to the strategy.
   */
  async #takePending(
    fields: URLSearchParams,
    browser: string | undefined,
    wasPosted: boolean,
  ): Promise<Pending> {
    const tie = tieOfAnswer(fields);
    const tied = tie === undefined ? undefined : await this.#records.take("PendingLogin", tie);
    const mayBeUntied = tied === undefined && !wasPosted && browser !== undefined;
    const found = mayBeUntied ? await this.#records.take("UntiedLogin", browser) : tied;
    if (found === undefined) throw unknownLogin();
    const pending = found as Pending;
    if (browser === undefined || !isSameSecret(pending.browser, browser)) throw otherBrowser();
    return pending;
  }

  async #signedIn(
    uid: string,
    { user, info }: { readonly user: unknown; readonly info: unknown },
  ): Promise<LoginOutcome> {
    try {
      const answer = Promise.resolve(this.#step.principal(user, info));
      const found = await withTimeout(answer, TIMEOUT_MS);
      if (found === TIMED_OUT) throw unusable("principal() did not answer");
      const profile = checkProfile(found);
      return { kind: "signed-in", uid, login: { profile } };
    } catch (error) {
      return failureOf(uid, { kind: "error", error });
    }
  }
}

/** What belongs to a login lasts as long as one may take. */
function recordOptions(req: IncomingMessage): RecordOptions {
  return { ttlMs: LOGIN_TIME_MS, owner: ownerByRequest(req) };
}
