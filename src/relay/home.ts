import type { ClusterBus, Exchange } from "../cluster/cluster-bus.js";
import type { RelayedArrival } from "../http/relayed-arrival.js";
import type { Logger } from "../shared/logger.js";
import { RELAY } from "./relay-frames.js";
import type { RelayFrame, ToldRequest } from "./relay-frames.js";
import type { RelayedCallers } from "./relayed-caller.js";
import { relayedRequest } from "./relayed-request.js";
import { RelayedResponse } from "./relayed-response.js";

export interface RelayHomeInit {
  readonly bus: Pick<ClusterBus, "onExchange">;
  readonly callers: RelayedCallers;
  readonly logger: Logger;
  /** The longest body that is taken, in bytes. */
  readonly maxMessageBytes: number;
  /** Answers a request for a session of this node; see `Pipeline.answerRelayed`. It must not reject. */
  readonly answer: (arrival: RelayedArrival) => Promise<void>;
}

/**
 * The side of the node that has the session: answers requests that others have sent, as if they had come
 * in here, but for what was decided where they did.
 *
 * Security decision: another node is believed who calls, and from where, because what it sends is
 * sealed with the secret of all. Whose the session is, is compared here.
 */
export function answerRelayed(init: RelayHomeInit): void {
  init.bus.onExchange(RELAY, ([, opening], exchange) => {
    const told = opening as ToldRequest;
    if (!told.isBodyToFollow) void answer(init, told, exchange, told.body);
    else collect(exchange, init.maxMessageBytes, (body) => void answer(init, told, exchange, body));
  });
}

async function answer(
  { callers, logger, answer: answerHere }: RelayHomeInit,
  told: ToldRequest,
  exchange: Exchange,
  body: string | undefined,
): Promise<void> {
  const response = new RelayedResponse(told, exchange);
  try {
    const caller = callers.read(told.caller, told.token);
    const request = relayedRequest(told, caller, response, body);
    const notHere = (): void => {
      exchange.send(["none"] satisfies RelayFrame);
      exchange.end();
      response.leave();
    };
    await answerHere({ request, isToAdopt: told.adopts, notHere });
  } catch (error) {
    logger.error(`could not answer what another node has relayed: ${String(error)}`);
    exchange.abort();
    response.leave();
  }
}

/** Takes the pieces of a body. Whoever sends more than may be is not one of ours, or has other bounds. */
function collect(exchange: Exchange, maxLength: number, done: (body: string) => void): void {
  const pieces: string[] = [];
  let length = 0;
  exchange.onFrame = (frame) => {
    const heard = frame as RelayFrame;
    if (heard[0] === "end") done(pieces.join(""));
    if (heard[0] !== "text") return;
    pieces.push(heard[1]);
    length += heard[1].length;
    if (length > maxLength) exchange.abort();
    else exchange.send(["took", heard[1].length] satisfies RelayFrame);
  };
}
