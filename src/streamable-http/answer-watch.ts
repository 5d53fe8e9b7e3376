import type { HeldCall } from "../session/held-call.js";
import type { JsonRpcResponse } from "../shared/json-rpc.js";

/**
 * Finds the answer to a call in what SDK v2's handler writes, for whoever wants to know what became of it: the
 * handler is between the server and us, so nobody says.
 */
export class AnswerWatch {
  readonly #call: HeldCall;
  /** The line of the stream that is not whole yet. */
  #rest = "";

  private constructor(call: HeldCall) {
    this.#call = call;
  }

  /** @returns `undefined` where nobody wants to know. */
  static of(call: HeldCall | undefined): AnswerWatch | undefined {
    return call?.watched === undefined ? undefined : new AnswerWatch(call);
  }

  /** Looks at a part of an event stream. */
  noteStream(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("data:")) this.noteJson(line.slice(5));
  }

  /** Looks at a message. */
  noteJson(json: string): void {
    const message = parse(json) as Partial<JsonRpcResponse & { readonly method: unknown }>;
    if (message.id !== this.#call.id || "method" in message) return;
    if ("result" in message || "error" in message) {
      this.#call.watched?.end(message as JsonRpcResponse);
    }
  }
}

function parse(json: string): object {
  try {
    return Object(JSON.parse(json)) as object;
  } catch {
    return {};
  }
}
