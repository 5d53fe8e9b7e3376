import type { PassportStrategy } from "../../src/auth/auth-method.js";

/** Whether something can be used as a Passport strategy. */
export function isStrategy(value: unknown): value is PassportStrategy {
  const { authenticate } = (value ?? {}) as { authenticate?: unknown };
  return typeof value === "object" && typeof authenticate === "function";
}
