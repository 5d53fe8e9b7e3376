import { heard } from "../policy/passage.js";
import type { Hearing, UnfilterableError } from "../policy/passage.js";
import type { ResultFilter } from "../policy/policy.js";
import { isCall } from "../shared/json-rpc.js";
import type { JsonRpcId, JsonRpcMessage, JsonRpcResponse } from "../shared/json-rpc.js";
import type { ByteAccount } from "./byte-budget.js";
import type { Channel } from "./channel.js";
import type { Journey } from "./journey.js";
import { errorInPlaceOf, toMessageJson } from "./message-json.js";
import type { MessageJson, NotJsonError } from "./message-json.js";
import { sessionClosed } from "./session-end.js";
import type { CloseReason } from "./close-reason.js";
import type { WriteResult } from "./write-result.js";

/** For those who need a promise of what was taken at once. */
const TAKEN = Promise.resolve();

/** The calls that wait for an answer; `PendingCalls` are. */
interface AnsweredCalls {
  filterOf(message: JsonRpcMessage): ResultFilter | undefined;
  noteSent(message: JsonRpcMessage, result: WriteResult, bytes: number): void;
}

/** The session whose messages go out. */
export interface SendingSession {
  readonly channel: Pick<Channel, "toClient" | "send">;
  readonly bytes: { readonly account: ByteAccount };
  readonly journey: Journey | undefined;
  readonly hearing: Hearing | undefined;
  readonly closeReason: CloseReason | undefined;
  noteFault(fault: string): void;
}

/** What a session's server sends, on its way to the client: no more than that may have, and as JSON. */
export class Outgoing {
  readonly #session: SendingSession;
  readonly #calls: AnsweredCalls;

  constructor(session: SendingSession, calls: AnsweredCalls) {
    this.#session = session;
    this.#calls = calls;
  }

  /**
   * See `Session.send`.
   *
   * @param related the call in whose course it is sent.
   */
  send(message: JsonRpcMessage, related: JsonRpcId | undefined): Promise<void> {
    const { hearing } = this.#session;
    return hearing === undefined
      ? this.#pass(message, related)
      : this.#sendHeard(message, related, hearing);
  }

  /** Answers a message of the client in the server's place, if that has an answer. */
  answer(asked: JsonRpcMessage, answer: JsonRpcResponse | undefined): void {
    if (answer === undefined || !isCall(asked)) return;
    // The server would know it by that id.
    this.#encode({ ...answer, id: asked.id }, undefined).catch(ignore);
  }

  /** Sends as much of a message as a policy lets its client have. */
  #sendHeard(
    message: JsonRpcMessage,
    related: JsonRpcId | undefined,
    hearing: Hearing,
  ): Promise<void> {
    const pass = (known: JsonRpcMessage | undefined): Promise<void> =>
      known === undefined ? TAKEN : this.#pass(known, related);
    const refuse = (error: unknown): Promise<void> =>
      this.#refuse(message, error as UnfilterableError);
    try {
      const known = heard(message, this.#calls.filterOf(message), hearing);
      if (!(known instanceof Promise)) return pass(known);
      const passed = known.then((later) => {
        if (this.#session.closeReason !== undefined) throw sessionClosed();
        return pass(later);
      }, refuse);
      passed.catch(ignore);
      return passed;
    } catch (error) {
      return refuse(error);
    }
  }

  #pass(message: JsonRpcMessage, related: JsonRpcId | undefined): Promise<void> {
    const { journey } = this.#session;
    const forClient = journey === undefined ? message : journey.toClient(message);
    if (forClient !== undefined) return this.#encode(forClient, related);
    this.#calls.noteSent(message, undefined, 0);
    return TAKEN;
  }

  /** @param message as the client is to know it, but for the ids of its calls. */
  #encode(message: JsonRpcMessage, related: JsonRpcId | undefined): Promise<void> {
    let json: MessageJson;
    try {
      json = toMessageJson(this.#session.channel.toClient(message));
    } catch (error) {
      return this.#refuse(message, error as NotJsonError);
    }
    return this.#write(message, json, related) ?? TAKEN;
  }

  #write(message: JsonRpcMessage, json: MessageJson, related?: JsonRpcId): WriteResult {
    const { channel, bytes } = this.#session;
    const result = channel.send(message, json, related);
    this.#calls.noteSent(message, result, json.weight);
    bytes.account.keepBound();
    result?.catch(ignore);
    return result;
  }

  /** Rejects a message that cannot be sent. A call is answered all the same: its client would wait. */
  #refuse(message: JsonRpcMessage, error: NotJsonError | UnfilterableError): Promise<void> {
    const { channel } = this.#session;
    this.#session.noteFault(error.fault);
    const inPlace = "method" in message ? undefined : errorInPlaceOf(message, error.told);
    const told = inPlace && this.#write(inPlace, toMessageJson(channel.toClient(inPlace)));
    const refused = Promise.resolve(told).then(() => {
      throw error;
    });
    refused.catch(ignore);
    return refused;
  }
}

function ignore(): void {
  // Whoever waits for a message hears that it was not sent; nobody has to wait.
}
