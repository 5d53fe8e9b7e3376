import type { Principal } from "../auth/principal.js";
import type { Hearing } from "../policy/passage.js";
import type { Policy, PolicyAsker, ResultFilter } from "../policy/policy.js";
import { isInitialize } from "../shared/json-rpc.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import type { RouterSession } from "./router-session.js";

/** Who asks, in the name of a principal. */
export type AskerOf = (principal: Principal) => PolicyAsker;

type Result = Parameters<ResultFilter>[0];

/** The lists of a server, by the name of what it can do. */
const LISTS = ["tools", "prompts", "resources"] as const;

/**
 * What the client of a session may hear, by the most recent credential; and that there may be more to see, when
 * that permits more than the one before.
 */
export class SessionHearing implements Hearing {
  /** Whether the server is one of SDK v2. */
  readonly isOfV2: boolean;
  readonly #session: RouterSession;
  readonly #policy: Policy;
  readonly #askerOf: AskerOf;
  #asker: PolicyAsker | undefined;
  /** Lists of which the server has said that it tells when they change. */
  #told: readonly string[] = [];

  constructor(
    session: RouterSession,
    { policy, isOfV2 }: { readonly policy: Policy; readonly isOfV2: boolean },
    askerOf: AskerOf,
  ) {
    this.#session = session;
    this.#policy = policy;
    this.isOfV2 = isOfV2;
    this.#askerOf = askerOf;
    session.onPrincipalChanged(() => this.#tellChanged());
  }

  mayHear(uri: string): boolean | Promise<boolean> {
    const { principal } = this.#session;
    if (principal === undefined) return false;
    if (this.#asker?.principal !== principal) this.#asker = this.#askerOf(principal);
    return this.#policy.mayHear(uri, this.#asker);
  }

  filterOf(message: JsonRpcMessage): ResultFilter | undefined {
    return isInitialize(message) ? (result) => this.#notePromises(result) : undefined;
  }

  /** @returns the result of `initialize`, as it is. */
  #notePromises(result: Result): Result {
    const can = Object(result["capabilities"]) as Partial<Record<string, unknown>>;
    this.#told = LISTS.filter((list) => {
      const { listChanged } = Object(can[list]) as { readonly listChanged?: unknown };
      return listChanged === true;
    });
    return result;
  }

  /** What is in a list depends on who asks. */
  #tellChanged(): void {
    for (const list of this.#told) {
      const method = `notifications/${list}/list_changed`;
      this.#session.send({ jsonrpc: "2.0", method }).catch(() => undefined);
    }
  }
}
