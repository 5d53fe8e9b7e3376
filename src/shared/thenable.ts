/** Whether something is a promise, of whatever make: what users write may return any, and those without TypeScript anything. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as { readonly then?: unknown } | null | undefined)?.then === "function";
}
