import { inspect } from "node:util";
import { McpSseError } from "../../src/shared/errors.js";

/** The error that a promise rejects with. A promise that does not, or with anything else, fails the test. */
export async function rejectionOf(promise: Promise<unknown>): Promise<McpSseError> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof McpSseError) return outcome;
  throw new Error(`expected a rejection with an McpSseError, not ${inspect(outcome)}`);
}

/** Every way in which a value gets into a log: inspected with all that is hidden, as text, as JSON. */
export function printed(value: unknown): string {
  const all = { depth: Infinity, showHidden: true, maxArrayLength: Infinity };
  return [inspect(value, all), String(value), JSON.stringify(value)].join("\n");
}
