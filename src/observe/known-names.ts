import type { JsonRpcResponse } from "../shared/json-rpc.js";
import type { CallTarget } from "./facts.js";

type Kind = CallTarget["kind"];

/** How many names are known of each kind. */
const MAX_NAMES = 1_000;

/** Where a list request's answer has names, and of what. */
const LISTS = new Map<string, { readonly kind: Kind; readonly key: string; readonly name: string }>(
  [
    ["tools/list", { kind: "tool", key: "tools", name: "name" }],
    ["prompts/list", { kind: "prompt", key: "prompts", name: "name" }],
    ["resources/list", { kind: "resource", key: "resources", name: "uri" }],
  ],
);

/**
 * Names of tools, prompts and resources that servers of a router are known to have.
 *
 * Security decision: callers can invent names, and what counts by name must not grow with them. So a name is known once
 * a server has listed it, or has run it: an error may only say that there is none. Whoever reads a resource may have made up
 * its URI for a template, so those count only where they were listed. And there are not more than so many.
 */
export class KnownNames {
  readonly #names: Readonly<Record<Kind, Set<string>>> = {
    tool: new Set(),
    resource: new Set(),
    prompt: new Set(),
  };

  has(kind: Kind, name: string): boolean {
    return this.#names[kind].has(name);
  }

  /** @param target of the request that this is the answer to. */
  noteAnswer(method: string, target: CallTarget | undefined, answer: JsonRpcResponse): void {
    if (!("result" in answer)) return;
    const result = Object(answer.result) as Readonly<Record<string, unknown>>;
    const isRun = result["isError"] !== true && target?.kind !== "resource";
    if (target !== undefined && isRun) this.#add(target.kind, target.name);
    const list = LISTS.get(method);
    if (list === undefined) return;
    const entries: unknown = result[list.key];
    if (!Array.isArray(entries)) return;
    for (const entry of entries as readonly unknown[]) {
      const name = (Object(entry) as Readonly<Record<string, unknown>>)[list.name];
      if (typeof name === "string") this.#add(list.kind, name);
    }
  }

  #add(kind: Kind, name: string): void {
    const names = this.#names[kind];
    if (names.size < MAX_NAMES) names.add(name);
  }
}
