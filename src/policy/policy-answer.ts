import { isScope } from "../shared/http-syntax.js";

/** What a rule's function has said. */
export interface ReadAnswer {
  readonly isDenied: boolean;
  readonly reason?: string;
  readonly scopes: readonly string[];
}

const PERMITTED: ReadAnswer = { isDenied: false, scopes: [] };

/**
 * Security decision: only what says clearly that something is permitted permits it. Users without TypeScript answer
 * anything, and what is merely truthy may be a mistake.
 *
 * @throws TypeError for what is no answer.
 */
export function readAnswer(answer: unknown): ReadAnswer {
  if (answer === true) return PERMITTED;
  if (answer === false) return { isDenied: true, scopes: [] };
  const { scopes, reason } = (typeof answer === "object" && answer !== null ? answer : {}) as {
    scopes?: unknown;
    reason?: unknown;
  };
  if (typeof reason === "string" && scopes === undefined) {
    return { isDenied: true, reason, scopes: [] };
  }
  const needed: readonly unknown[] = Array.isArray(scopes) ? scopes : [scopes];
  if (reason === undefined && needed.length > 0 && needed.every(isScope)) {
    return { isDenied: false, scopes: [...needed] };
  }
  throw new TypeError("it must answer true, false, { scopes } or { reason }");
}

/** @throws TypeError for what is no list of texts. */
export function readRoles(answer: unknown): readonly string[] {
  if (Array.isArray(answer) && answer.every((role) => typeof role === "string")) return answer;
  throw new TypeError("roles must answer with a list of texts");
}
