import type { Evidence } from "./evidence.js";
import { refusalOf } from "./refusal.js";
import type { Refusal } from "./refusal.js";
import { shapeFault } from "./credential-shape.js";
import { tokenFaults } from "./token-faults.js";
import { topicOf } from "./topics.js";
import type { Topic } from "./topics.js";

/** Why the credential was refused. */
export interface WhyRefused {
  readonly refusal: Refusal;
  /** Several where the server does not say which; empty where nothing tells. */
  readonly topics: readonly Topic[];
}

/**
 * Why the credential was refused. What is plainly wrong with its text comes before what the server
 * says of it, and that before what shows in the token.
 *
 * @returns `undefined` where it was not refused, or where its text says it all.
 */
export function whyRefused(evidence: Evidence): WhyRefused | undefined {
  const refusal = refusalOf(evidence);
  if (refusal === undefined || hasShapeFault(evidence)) return undefined;
  const said = topicOf(refusal);
  const shown = refusal.reply.status === 401 ? tokenFaults(evidence) : [];
  return {
    refusal,
    topics: said === undefined || (isGuess(said, evidence) && shown.length > 0) ? shown : [said],
  };
}

/** Whether the server took a JWT for a key, as one does that takes both in the same place. */
function isGuess(said: Topic, { token }: Evidence): boolean {
  return said === "api-key-unknown" && token?.read.form === "jwt";
}

/** Whether the text of a credential is plainly not what it is meant to be. */
export function hasShapeFault({ target: { credentials } }: Evidence): boolean {
  return credentials.some((credential) => shapeFault(credential) !== undefined);
}
