/** What {@link withTimeout} says of work that takes too long. */
export const TIMED_OUT = Symbol("timed out");

/**
 * What `work` comes to, unless that takes too long: then it goes on, and nobody waits for it.
 *
 * @param options `keepsAlive`: whether the process lives on for the wait alone. Default: false.
 */
export async function withTimeout<T>(
  work: Promise<T>,
  ms: number,
  { keepsAlive = false }: { readonly keepsAlive?: boolean } = {},
): Promise<T | typeof TIMED_OUT> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof TIMED_OUT>((resolve) => {
    timer = setTimeout(() => resolve(TIMED_OUT), ms);
    if (!keepsAlive) timer.unref();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether `work` was done in time. Whoever awaits this is answered, also by a process that has nothing else to do. */
export async function settlesWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  return (await withTimeout(work, ms, { keepsAlive: true })) !== TIMED_OUT;
}
