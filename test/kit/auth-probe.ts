import { inspect } from "node:util";
import type { AuthMethod } from "../../src/auth/auth-method.js";
import { McpSseError } from "../../src/shared/errors.js";
import { startProbe } from "../../strategies/contract/contract-probe.js";
import type {
  ContractRequest,
  Probe,
  ProbeAnswer,
} from "../../strategies/contract/contract-probe.js";
import { onDispose } from "./clean-up.js";

/** The error that a promise rejects with. A promise that does not, or with anything else, fails the test. */
export async function rejectionOf(promise: Promise<unknown>): Promise<McpSseError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof McpSseError) return outcome;
  throw new Error(`expected a rejection with an McpSseError, not ${inspect(outcome)}`);
}

/** A server with one method, stopped after the test. */
export async function probe(method: AuthMethod): Promise<Probe> {
  const started = await startProbe(method);
  onDispose(() => started.stop());
  return started;
}

/** One request to a method. */
export async function ask(method: AuthMethod, request: ContractRequest): Promise<ProbeAnswer> {
  return await (await probe(method)).send(request);
}

/** A request with a withToken token. */
export function withToken(token: string): ContractRequest {
  return { headers: { authorization: `Bearer ${token}` }, secrets: [token] };
}

/** A request with an API key in a header. */
export function withKey(key: string, header = "X-API-Key"): ContractRequest {
  return { headers: { [header]: key }, secrets: [key] };
}

/** Why a request was refused; fails when it was not. */
export function reasonOf({ outcome }: ProbeAnswer): string {
  if (outcome.kind !== "invalid") throw new Error(`not refused but ${outcome.kind}`);
  return outcome.reason;
}

/** Who was let in; fails when nobody was. */
export function principalOfAnswer({ outcome }: ProbeAnswer) {
  if (outcome.kind !== "authenticated" || outcome.caller.principal === undefined) {
    throw new Error(`not let in but ${JSON.stringify(outcome)}`);
  }
  return outcome.caller.principal;
}
