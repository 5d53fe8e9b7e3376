import { createPrincipal } from "../../src/auth/principal.js";
import type { PrincipalInit } from "../../src/auth/principal.js";
import { policy } from "../../src/options/policy-options.js";
import { compilePolicy } from "../../src/policy/compile-policy.js";
import type { PolicySurroundings } from "../../src/policy/compile-policy.js";
import type { Denial, Policy, PolicyAsker, Verdict } from "../../src/policy/policy.js";
import type { JsonRpcRequest } from "../../src/shared/json-rpc.js";

/** What users write, compiled; `faults` holds the rules that could not be asked. */
export function policyOf(
  written: unknown,
  surroundings: Partial<PolicySurroundings> = {},
): Policy & { readonly faults: readonly string[] } {
  const settings = policy.read("options.policy", written);
  if (settings === undefined) throw new Error("there is no policy");
  const faults: string[] = [];
  const compiled = compilePolicy(settings, {
    onFault: (rule) => faults.push(rule),
    ...surroundings,
  });
  return Object.assign(compiled, { faults });
}

/** Somebody who asks. */
export function askerOf(caller: Partial<PrincipalInit> = {}): PolicyAsker {
  const principal = createPrincipal("jwt", { id: "alice", ...caller });
  return {
    principal,
    satisfies: (scope) => principal.scopes.includes(scope),
    session: { id: "session-1", transport: "sse" },
  };
}

export function requestOf(method: string, params: Record<string, unknown> = {}): JsonRpcRequest {
  return { jsonrpc: "2.0", id: 1, method, params };
}

export const toolCall = (name: unknown, args?: unknown): JsonRpcRequest =>
  requestOf("tools/call", { name, ...(args !== undefined && { arguments: args }) });

export const read = (uri: string): JsonRpcRequest => requestOf("resources/read", { uri });

/** The denial of a verdict; `undefined` where it is permitted. */
export async function denialOf(verdict: Verdict | Promise<Verdict>): Promise<Denial | undefined> {
  return (await verdict)?.denial;
}
