import type { AuthMethod } from "../../src/auth/auth-method.js";
import { startProbe } from "../../strategies/contract/contract-probe.js";
import type {
  ContractRequest,
  Probe,
  ProbeAnswer,
} from "../../strategies/contract/contract-probe.js";

const probes: Probe[] = [];

/** A server with one method, stopped after the test. */
export async function probe(method: AuthMethod): Promise<Probe> {
  const started = await startProbe(method);
  probes.push(started);
  return started;
}

/** Stops what {@link probe} started. */
export async function stopProbes(): Promise<void> {
  await Promise.all(probes.splice(0).map((started) => started.stop()));
}

/** One request to a method. */
export async function ask(method: AuthMethod, request: ContractRequest): Promise<ProbeAnswer> {
  return await (await probe(method)).send(request);
}

/** A request with a bearer token. */
export function bearer(token: string): ContractRequest {
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
