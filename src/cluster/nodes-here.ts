/** How many nodes this process has, by what their names in the engine begin with. */
const nodes = new Map<string, number>();

/** One more. @returns how many there are now. */
export function countNode(prefix: string): number {
  const count = (nodes.get(prefix) ?? 0) + 1;
  nodes.set(prefix, count);
  return count;
}

/** One less. */
export function uncountNode(prefix: string): void {
  const left = (nodes.get(prefix) ?? 0) - 1;
  if (left > 0) nodes.set(prefix, left);
  else nodes.delete(prefix);
}
