/** How much of a text from outside is kept until it is shown, in characters. */
export const MAX_TEXT = 200;

/** A value that may come from another node, or a later release, as text. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, MAX_TEXT) : "";
}

export function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}

const UNITS = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "min"],
] as const;

/** How long something takes or has taken, in one unit: what a reader needs of it. */
export function durationText(ms: number): string {
  for (const [unit, name] of UNITS) if (ms >= unit) return `${Math.floor(ms / unit)} ${name}`;
  return `${Math.max(0, Math.floor(ms / 1_000))} s`;
}

/** How much memory something takes, in one unit. */
export function bytesText(bytes: number): string {
  if (bytes >= 1_048_576) return `${(bytes / 1_048_576).toFixed(1)} MiB`;
  return bytes >= 1_024 ? `${Math.round(bytes / 1_024)} KiB` : `${bytes} B`;
}

/** A number with its thousands apart. */
export function countText(count: number): string {
  return count.toLocaleString("en-US");
}

/** A count and what is counted. */
export function countOf(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}
