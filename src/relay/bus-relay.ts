import { randomUUID } from "node:crypto";
import type { ClusterBus, Exchange, ExchangeLoss } from "../cluster/cluster-bus.js";
import type { CallerGuard } from "../http/caller-guard.js";
import type { AdmittedRequest } from "../http/incoming-request.js";
import { addressOf } from "../http/mount.js";
import { waitsForTurn } from "../http/response-end.js";
import type { TransportRoute } from "../http/transport.js";
import type { FactHub } from "../observe/fact-hub.js";
import type { RelayOutcome } from "../observe/facts.js";
import type { ResolvedOptions } from "../options/resolve.js";
import { EdgeAnswer } from "./edge-answer.js";
import { readEdgeBody } from "./edge-body.js";
import type { EdgeBodyContext } from "./edge-body.js";
import { PacedText } from "./paced-text.js";
import { RELAY } from "./relay-frames.js";
import type { RelayFrame, StandIn, ToldRequest } from "./relay-frames.js";
import { tellCaller } from "./relayed-caller.js";
import type { Relayed, RelayTarget, RequestRelay } from "./request-relay.js";
import { travellingParts } from "./travelling.js";
import type { HeaderRules } from "./travelling.js";

export interface BusRelayInit extends EdgeBodyContext {
  readonly options: EdgeBodyContext["options"] & Pick<ResolvedOptions, "resume" | "stream">;
  readonly bus: Pick<ClusterBus, "open">;
  readonly callers: Pick<CallerGuard, "methods" | "confirm">;
  readonly rules: HeaderRules;
  /** Is told what becomes of what is relayed. */
  readonly hub: FactHub;
  /** Milliseconds within which a node must have heard of a request. */
  readonly relayTimeoutMs: number;
  /** Whether servers see bearer tokens. */
  readonly carryToken: boolean;
}

/** The longest body that is sent with its request, in UTF-16 code units; others follow in pieces. */
const SENT_AT_ONCE = 32_768;

/** A response that comes from another node. */
interface ForeignAnswer {
  readonly node: string;
  readonly answer: EdgeAnswer;
  readonly exchange: Exchange;
  /** Whether its client listens, and waits for no answer. */
  readonly isListening: boolean;
}

/**
 * The side of the node at which requests arrive: sends them, and writes what comes back. Until a node
 * has answered, nothing of the response was touched.
 */
export class BusRelay implements RequestRelay {
  readonly #init: BusRelayInit;
  /** By the ids of their sessions. */
  readonly #answers = new Map<string, Set<ForeignAnswer>>();

  constructor(init: BusRelayInit) {
    this.#init = init;
  }

  async relay(
    request: AdmittedRequest,
    route: TransportRoute,
    target: RelayTarget,
  ): Promise<Relayed> {
    const { hub } = this.#init;
    const startedAt = performance.now();
    const relayed = await this.#relay(request, route, target);
    if (hub.has("cluster")) {
      const durationMs = performance.now() - startedAt;
      hub.emit("cluster", { event: "relayed", outcome: outcomeOf(relayed), durationMs });
    }
    return relayed;
  }

  async #relay(
    request: AdmittedRequest,
    route: TransportRoute,
    target: RelayTarget,
  ): Promise<Relayed> {
    if (route.method !== "POST") return await this.#send(request, target, undefined);
    const body = await readEdgeBody(request, this.#init);
    try {
      // It may have taken minutes to arrive, and here is who can be asked about its sender.
      const confirmed = body.isLate ? await this.#init.callers.confirm(request) : undefined;
      const caller = confirmed ?? request.caller;
      return await this.#send({ ...request, caller }, target, body.text);
    } finally {
      body.letGo();
    }
  }

  cut(session: string, home: string): void {
    for (const { node, answer } of [...(this.#answers.get(session) ?? [])]) {
      if (node !== home) answer.leave();
    }
  }

  endStreams(): void {
    const all = [...this.#answers.values()].flatMap((answers) => [...answers]);
    for (const { isListening, answer, exchange } of all) {
      if (!isListening) continue;
      answer.leave();
      exchange.abort();
    }
  }

  #send(request: AdmittedRequest, target: RelayTarget, body: string | undefined): Promise<Relayed> {
    const isAtOnce = body === undefined || body.length <= SENT_AT_ONCE;
    const standIn = standInFor(request);
    const told = this.#tell(request, target, isAtOnce ? body : undefined, standIn);
    const exchange = this.#init.bus.open(target.node, [
      RELAY,
      { ...told, isBodyToFollow: !isAtOnce },
    ]);
    return new Promise((settle) => {
      this.#hear(exchange, request, target, standIn, isAtOnce ? undefined : body, settle);
    });
  }

  /** Waits for the answer, and lets it be written. */
  #hear(
    exchange: Exchange,
    { req, res, caller }: AdmittedRequest,
    { session, node }: RelayTarget,
    standIn: StandIn | undefined,
    rest: string | undefined,
    settle: (relayed: Relayed) => void,
  ): void {
    const { options, relayTimeoutMs } = this.#init;
    const answer: EdgeAnswer = new EdgeAnswer({
      res,
      exchange,
      retryMs: options.resume?.retryMs,
      stallMs: options.stream.stallMs,
      putIn: standIn && { standIn: standIn.text, credential: caller.credential?.text ?? "" },
      over: () => {
        clearTimeout(unheard);
        this.#forget(session, foreign);
        settle(ANSWERED);
      },
    });
    const foreign = { node, answer, exchange, isListening: req.method === "GET" };
    const leave = (relayed: Relayed): void => {
      settle(relayed);
      answer.drop();
    };
    const lost = ({ mayBeHeard }: ExchangeLoss): void => {
      if (answer.hasBegun) answer.leave();
      else leave({ kind: "lost", mayBeHeard });
    };
    const unheard = setTimeout(() => {
      if (answer.hasBegun || exchange.unheard === 0) return;
      exchange.abort();
      lost({ mayBeHeard: true });
    }, relayTimeoutMs).unref();
    const text = rest === undefined ? undefined : sendText(exchange, rest);
    exchange.onLost = lost;
    // A node that ends it without a word has taken the request, as far as anybody can tell.
    exchange.onEnd = () => (answer.hasBegun ? answer.exchangeEnded() : lost({ mayBeHeard: true }));
    exchange.onFrame = (frame) => {
      const heard = frame as RelayFrame;
      clearTimeout(unheard);
      if (heard[0] === "took") text?.took(heard[1]);
      else if (heard[0] === "none") leave({ kind: "not-here" });
      else {
        try {
          answer.hear(heard);
        } catch (error) {
          lost({ mayBeHeard: true });
          throw error;
        }
        if (heard[0] === "head") this.#note(session, foreign);
        settle(ANSWERED);
      }
    };
  }

  #note(session: string, foreign: ForeignAnswer): void {
    const known = this.#answers.get(session);
    if (known === undefined) this.#answers.set(session, new Set([foreign]));
    else known.add(foreign);
  }

  #forget(session: string, foreign: ForeignAnswer): void {
    const known = this.#answers.get(session);
    if (known?.delete(foreign) === true && known.size === 0) this.#answers.delete(session);
  }

  #tell(
    request: AdmittedRequest,
    { session, isToAdopt }: RelayTarget,
    body: string | undefined,
    queryCredential: StandIn | undefined,
  ): Omit<ToldRequest, "isBodyToFollow"> {
    const { req, res, path, viaTrustedProxy, caller } = request;
    const { callers, rules, carryToken } = this.#init;
    return {
      session,
      method: req.method ?? "GET",
      path,
      ...travellingParts(request, callers.methods, rules),
      viaTrustedProxy,
      isSecure: "encrypted" in req.socket,
      address: addressOf(req),
      caller: tellCaller(caller),
      token: carryToken ? caller.authInfo?.token : undefined,
      queryCredential,
      body,
      waitsForTurn: waitsForTurn(res),
      adopts: isToAdopt,
    };
  }
}

function outcomeOf(relayed: Relayed): RelayOutcome {
  if (relayed.kind === "answered") return "answered";
  if (relayed.kind === "not-here") return "none";
  return relayed.mayBeHeard ? "unknown" : "unavailable";
}

const ANSWERED: Relayed = { kind: "answered" };

/** Only a stream tells its client where to post to, which names the credential again. */
function standInFor({ req, caller: { credential } }: AdmittedRequest): StandIn | undefined {
  if (req.method !== "GET" || credential?.place !== "query") return undefined;
  return { name: credential.name, text: randomUUID() };
}

function sendText(exchange: Exchange, body: string): PacedText {
  const text = new PacedText({
    send: (piece) => exchange.send(["text", piece]),
    drained: () => undefined,
    finished: () => exchange.send(["end"]),
  });
  text.write(body);
  text.end();
  return text;
}
