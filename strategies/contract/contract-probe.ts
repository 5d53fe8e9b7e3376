import { createServer, request as httpRequest } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import type { AuthMethod } from "../../src/auth/auth-method.js";
import { Authenticator } from "../../src/auth/authenticate.js";
import type { Outcome } from "../../src/auth/outcome.js";
import { refusalAnswer, refusalReason } from "../../src/auth/challenge.js";

/** A request as a caller sends it. */
export interface ContractRequest {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Path and query. Default: `"/"`. */
  readonly path?: string;
  /** The secret parts of the credential, as they stand in the request: no answer may show them. */
  readonly secrets: readonly string[];
}

/** What came of a request. */
export interface ProbeAnswer {
  readonly outcome: Outcome;
  readonly status: number;
  readonly text: string;
  /** All `WWW-Authenticate` headers; empty without one. */
  readonly challenge: string;
  /** Empty without such a header. */
  readonly retryAfter: string;
  readonly rawHeaders: string;
  /** Body, headers, the line for the log, and the printed outcome and error: all that may leave the server. */
  readonly everything: string;
  /** Names of properties that the request had afterwards and not before. */
  readonly addedToRequest: readonly string[];
}

/** A server that answers with what a method says of each request. */
export interface Probe {
  readonly method: AuthMethod;
  send(request: ContractRequest): Promise<ProbeAnswer>;
  /** Sends requests that are evaluated at the same time: none before all have arrived. */
  sendTogether(requests: readonly ContractRequest[]): Promise<readonly ProbeAnswer[]>;
  stop(): Promise<void>;
}

/** Longer than any credential that is looked at, so that the method has to refuse it and not Node. */
const MAX_HEADER_SIZE = 262_144;

/** The header by which an answer finds its request. */
const REQUEST_ID = "x-contract-request";

/** The header that says how many requests are to be evaluated together. */
const TOGETHER = "x-contract-together";

interface Evaluation {
  readonly outcome: Outcome;
  readonly printed: string;
  readonly addedToRequest: readonly string[];
}

/** Serves one method on a free port. */
export async function startProbe(method: AuthMethod): Promise<Probe> {
  const authenticator = new Authenticator([method]);
  const evaluations = new Map<string, Evaluation>();
  const gathered: (() => void)[] = [];
  const server = createServer({ maxHeaderSize: MAX_HEADER_SIZE }, (req, res) => {
    gathered.push(() => {
      void evaluate(authenticator, req, res).then((evaluation) => {
        evaluations.set(String(req.headers[REQUEST_ID]), evaluation);
        res.end();
      });
    });
    if (gathered.length < Number(req.headers[TOGETHER])) return;
    for (const start of gathered.splice(0)) start();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  let count = 0;
  const send = async (request: ContractRequest, together: number): Promise<ProbeAnswer> => {
    const id = String(count++);
    const { response, text } = await exchange(port, request, {
      [REQUEST_ID]: id,
      [TOGETHER]: String(together),
    });
    const evaluation = evaluations.get(id);
    if (evaluation === undefined) throw new Error("the server evaluated nothing");
    return describe(response, text, evaluation);
  };
  return {
    method,
    send: (request) => send(request, 1),
    sendTogether: (requests) =>
      Promise.all(requests.map((request) => send(request, requests.length))),
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function evaluate(
  authenticator: Authenticator,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<Evaluation> {
  const before = new Set(Reflect.ownKeys(req));
  const outcome = await authenticator.authenticate(req);
  const added = Reflect.ownKeys(req).filter((key) => typeof key === "string" && !before.has(key));
  const evaluation = { outcome, addedToRequest: added.map(String) };
  if (outcome.kind === "authenticated") return { ...evaluation, printed: "" };
  const { methods } = authenticator;
  const error = refusalAnswer(outcome, methods);
  res.statusCode = error.status;
  for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
  res.write(JSON.stringify({ error: error.code, error_description: error.message }));
  const printed = [refusalReason(outcome, methods), print(outcome), print(error)].join("\n");
  return { ...evaluation, printed };
}

function print(value: unknown): string {
  return inspect(value, { depth: null, showHidden: true });
}

function exchange(
  port: number,
  { headers = {}, path = "/" }: ContractRequest,
  marks: Readonly<Record<string, string>>,
): Promise<{ response: IncomingMessage; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ port, host: "127.0.0.1", path, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ response, text }));
      response.on("error", reject);
    });
    sent.on("error", reject);
    const all = { ...headers, ...marks };
    for (const [name, value] of Object.entries(all)) sent.setHeader(name, value);
    sent.end();
  });
}

function describe(response: IncomingMessage, text: string, evaluation: Evaluation): ProbeAnswer {
  const rawHeaders = response.rawHeaders.join("\n");
  return {
    outcome: evaluation.outcome,
    status: response.statusCode ?? 0,
    text,
    challenge: (response.headersDistinct["www-authenticate"] ?? []).join("\n"),
    retryAfter: response.headers["retry-after"] ?? "",
    rawHeaders,
    everything: [text, rawHeaders, evaluation.printed].join("\n"),
    addedToRequest: evaluation.addedToRequest,
  };
}
