import { SignInProblem } from "./login-step.js";
import { parseUrl } from "../../../../src/shared/url.js";

/** A redirect to where people sign in, and what ties its answer to it. */
export interface TiedRedirect {
  readonly url: string;
  /** What the answer must bring back; `undefined` when the protocol has nothing of the kind. */
  readonly tie: string | undefined;
  /** The `RelayState` that the strategy itself had sent, for when the answer comes. */
  readonly relayState?: string | undefined;
}

/**
 * Ties the answer of a strategy's redirect to this one login.
 *
 * Security decision: an answer counts only with something that nobody else can know. Else another
 * site brings its own answer into the victim's browser, and the victim's client acts for the
 * attacker. OAuth has `state` for that; without it the strategy is refused. SAML has `RelayState`,
 * which the provider must send back unchanged; a strategy that signs its request has to take the
 * one that it finds in `req.query`, since the signature covers it.
 *
 * @param offered The `RelayState` that the strategy was given.
 * @throws SignInProblem, for the person, when nothing ties the answer although something could.
 * @see RFC 6749, section 10.12; RFC 9700, section 4.7; SAML 2.0 Bindings, sections 3.4.3 and 3.5.3
 */
export function tieRedirect(url: string, offered: string): TiedRedirect {
  // A redirect within this server is one, too.
  const base = "http://relative.invalid";
  const target = parseUrl(url, base);
  if (target === undefined) throw untied("leads to no URL");
  const { searchParams, href } = target;
  if (searchParams.has("SAMLRequest")) {
    const relayState = searchParams.get("RelayState") ?? undefined;
    if (relayState === offered) return { url, tie: offered };
    if (searchParams.has("Signature")) throw untied("signs a RelayState other than the given one");
    const tied = new URL(href);
    tied.searchParams.set("RelayState", offered);
    return { url: tied.href.replace(base, ""), tie: offered, relayState };
  }
  const state = searchParams.get("state") ?? "";
  if (state !== "") return { url, tie: state };
  if (searchParams.has("response_type")) {
    throw untied("sends no state. Whoever runs it has to give the strategy the option state: true");
  }
  return { url, tie: undefined };
}

/** What an answer brings back of its request, if anything; nothing for one that brings it twice. */
export function tieOfAnswer(fields: URLSearchParams): string | undefined {
  const ties = [...fields.getAll("RelayState"), ...fields.getAll("state")];
  return ties.length === 1 ? ties[0] : undefined;
}

/** The strategy makes the same `state` for everybody, which then ties nothing. */
export function guessableState(): SignInProblem {
  return untied("sends a state that is not new each time");
}

function untied(what: string): SignInProblem {
  return new SignInProblem(500, "This server cannot sign you in", `Its sign-in ${what}.`);
}
