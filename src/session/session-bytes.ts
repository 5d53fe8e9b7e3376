import { isCall } from "../shared/json-rpc.js";
import type { JsonRpcMessage } from "../shared/json-rpc.js";
import { ByteBudget } from "./byte-budget.js";
import type { ByteAccount } from "./byte-budget.js";
import { HeldCall } from "./held-call.js";

/** What is held for one session, in bytes, and for whom it counts. */
export class SessionBytes {
  /** Set by whoever counts sessions. */
  account: ByteAccount = NOBODY;
  /** Messages on their way to the client: those that are kept, and what waits for the reader. */
  outgoing = 0;
  /** How many bodies are being read, or wait for their turn. */
  bodies = 0;

  /** More is on its way, or, with a negative number, less. */
  hold(bytes: number): void {
    this.outgoing += bytes;
    this.account.add(bytes);
  }

  /** The bytes of a request, which are not taken yet; `undefined` for any other message. */
  callOf(message: JsonRpcMessage, weight: number): HeldCall | undefined {
    return isCall(message) ? new HeldCall(message, weight, this.account) : undefined;
  }

  /** The same for a message that nobody has weighed and nobody can refuse. */
  takeCall(message: JsonRpcMessage): HeldCall | undefined {
    const call = this.callOf(message, 0);
    call?.takeAnyway();
    return call;
  }
}

/** For sessions that no router counts. */
const NOBODY: ByteAccount = new ByteBudget(Infinity).open(Infinity, () => false);
