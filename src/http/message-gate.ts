import type { Caller } from "../auth/outcome.js";
import type { Hearing, Passage } from "../policy/passage.js";
import type { PolicySession } from "../policy/policy.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import type { AdmittedRequest } from "./incoming-request.js";
import type { McpServerLike } from "./mcp-transport.js";
import type { RouterSession } from "./router-session.js";

/**
 * Asks what callers may do, for whoever takes messages and opens sessions; `PolicyGate` does. Where an operator wrote no
 * policy there is none.
 */
export interface MessageGate {
  /**
   * What becomes of a message.
   *
   * @returns `undefined` where the server just gets it; a promise only where a rule is one.
   * @throws RefusedCaller where its POST is refused; a promise may reject with it.
   */
  judge(
    message: JsonRpcMessage,
    request: AdmittedRequest,
    session: RouterSession,
  ): Passage | undefined | Promise<Passage | undefined>;
  /**
   * Whether a server may be told what its client has told another: nobody waits for the answer, and a denial
   * is no reason to refuse the request that has the session go on.
   */
  mayRepeat(
    message: JsonRpcMessage,
    request: AdmittedRequest,
    session: RouterSession,
  ): Promise<boolean>;
  /** A session is being opened, or gone on with: from now on its client hears what its caller may. */
  open(session: RouterSession, caller: Caller, server: McpServerLike): void;
  /** What a caller may hear in a session that is one request. */
  hearingOf(request: AdmittedRequest, session: PolicySession): Pick<Hearing, "mayHear">;
}
