import { html } from "../shared/html.js";
import type { Markup } from "../shared/html.js";

const HEIGHT = 24;

/**
 * Bars for counts, oldest first, in the colour of the text. The highest is as high as the picture.
 *
 * @param label what a screen reader says in place of it.
 */
export function chart(counts: readonly number[], label: string): Markup {
  const highest = Math.max(1, ...counts);
  const bars = counts.map((count, at) => bar(at, count === 0 ? 0 : (count / highest) * HEIGHT));
  return html`<svg
    class="chart"
    role="img"
    aria-label="${label}"
    viewBox="0 0 ${counts.length} ${HEIGHT}"
    preserveAspectRatio="none"
  >
    <path d="${bars.join("")}" />
  </svg>`;
}

/** One is seen, however high the others are. */
function bar(at: number, height: number): string {
  const high = height === 0 ? 0.4 : Math.max(1.5, height);
  return `M${at} ${HEIGHT}v${round(-high)}h.75v${round(high)}z`;
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}
