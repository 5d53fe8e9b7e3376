import type { JsonRpcMessage, JsonRpcResponse } from "../shared/json-rpc.js";
import type { ResultFilter } from "./policy.js";

/** What becomes of a message of a client that a policy has judged. Where it is `undefined`, the server just gets it. */
export type Passage =
  /** The server gets it, and the client gets of the result what it may have. */
  | { readonly to: "server"; readonly filter: ResultFilter }
  /** The server does not. `undefined` for a message that has no answer. */
  | { readonly to: "nobody"; readonly answer: JsonRpcResponse | undefined };

/** Says what a client may hear of what its server sends. */
export interface Hearing {
  /** Whether it may hear of a change of a resource. */
  mayHear(uri: string): boolean | Promise<boolean>;
  /** Sees the results of a request of the client on their way; `undefined` where it need not. */
  filterOf(message: JsonRpcMessage): ResultFilter | undefined;
}

/** A result that is none of the request that it answers. */
export class UnfilterableError extends Error {
  /** For the log. */
  readonly fault = "a result that the policy cannot filter was not passed on";
  /** For the client. */
  readonly told = "the result of this call is none of such a request";

  constructor(cause: unknown) {
    super("the result is none that a policy can filter", { cause });
  }
}

/**
 * As much of a server's message as its client may have; `undefined` where that is nothing.
 *
 * Security decision: what cannot be filtered is not passed on, whatever else the message looks like.
 *
 * @param filter of the request that it answers. Default: all of the result may be had.
 * @throws UnfilterableError; a promise may reject with it.
 */
export function heard(
  message: JsonRpcMessage,
  filter: ResultFilter | undefined,
  hearing: Pick<Hearing, "mayHear">,
): JsonRpcMessage | undefined | Promise<JsonRpcMessage | undefined> {
  if (filter !== undefined && "result" in message) return filtered(message, filter);
  if (!("method" in message) || message.method !== RESOURCE_UPDATED) return message;
  const uri = message.params?.["uri"];
  // No client can do anything with it.
  if (typeof uri !== "string") return undefined;
  const may = hearing.mayHear(uri);
  if (may instanceof Promise) return may.then((does) => (does ? message : undefined));
  return may ? message : undefined;
}

const RESOURCE_UPDATED = "notifications/resources/updated";

type Answered = JsonRpcResponse & { readonly result: Record<string, unknown> };

function filtered(
  message: Answered,
  filter: ResultFilter,
): JsonRpcMessage | Promise<JsonRpcMessage> {
  const having = (result: Readonly<Record<string, unknown>>): JsonRpcMessage => ({
    ...message,
    result,
  });
  const fail = (cause: unknown): never => {
    throw new UnfilterableError(cause);
  };
  try {
    const result = filter(message.result);
    return result instanceof Promise ? result.then(having, fail) : having(result);
  } catch (error) {
    return fail(error);
  }
}
