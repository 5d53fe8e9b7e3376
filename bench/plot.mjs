/** The plot in RESULTS.md: calls per second at 50 sessions. */

/** What is shown, with short names; the rest is in the table. */
const BARS = [
  ["server-hs256", "MCPServer, JWT", "ours"],
  ["server-oauth", "MCPServer, OAuth", "ours"],
  ["ahead-hs256", "in Express with ahead, JWT", "ours"],
  ["router-hs256", "in Express, JWT", "ours"],
  ["router-apikey", "in Express, API key", "ours"],
  ["B", "SDK on node:http, no auth", "open"],
  ["C0", "SDK on Express, no auth", "open"],
  ["F", "fastmcp, GET checked only", "open"],
  ["C", "SDK on Express, jose", "peer"],
  ["E", "mcp-framework, JWT", "peer"],
  ["D", "SDK on Express, passport-jwt", "peer"],
];

const WIDTH = 760;
const LEFT = 220;
const TOP = 66;
const STEP = 28;
const BAR = 18;
const FOOT = 44;

/** A card of its own, so that it reads on any page; dark where the reader's system is. */
const STYLE = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
  .card { fill: #ffffff; stroke: #d1d9e0 }
  .title { font-size: 15px; font-weight: 600 }
  .small { font-size: 12px; fill: #59636e }
  .ours { fill: #0969da } .open { fill: #b6bec8 } .peer { fill: #7d8590 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .card { fill: #0d1117; stroke: #3d444d }
    .small { fill: #9198a1 }
    .ours { fill: #4493f8 } .open { fill: #4a525c } .peer { fill: #7d8590 }
  }`;

/** @returns an SVG document. */
export function drawPlot(results) {
  const bars = BARS.map(([id, name, kind]) => ({
    name,
    kind,
    value: results.value(id, "50", "perSecond"),
  })).filter(({ value }) => value !== undefined);
  const height = TOP + bars.length * STEP + FOOT;
  const scale = (WIDTH - LEFT - 90) / Math.max(...bars.map(({ value }) => value));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title">
<title id="title">Tool calls per second at 50 sessions: ${describe(bars)}</title>
<style>${STYLE}
</style>
<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${height - 1}" rx="8"/>
<text class="title" x="20" y="30">Tool calls per second on one core</text>
<text class="small" x="20" y="49">50 sessions, one call in flight each; more is better</text>
${bars.map((bar, index) => drawBar(bar, TOP + index * STEP, scale)).join("\n")}
${drawLegend(height - 18)}
</svg>
`;
}

function drawBar({ name, kind, value }, y, scale) {
  const width = (value * scale).toFixed(1);
  const middle = y + BAR / 2 + 4.5;
  return (
    `<text x="${LEFT - 10}" y="${middle}" text-anchor="end">${name}</text>` +
    `<rect class="${kind}" x="${LEFT}" y="${y}" width="${width}" height="${BAR}" rx="3"/>` +
    `<text x="${(LEFT + Number(width) + 8).toFixed(1)}" y="${middle}">${Math.round(value).toLocaleString("en")}</text>`
  );
}

function drawLegend(y) {
  const entries = [
    ["ours", "express-mcp-sse", 20],
    ["peer", "authenticates each POST", 160],
    ["open", "does not", 345],
  ];
  return entries
    .map(
      ([kind, text, x]) =>
        `<rect class="${kind}" x="${x}" y="${y - 10}" width="12" height="12" rx="2"/>` +
        `<text class="small" x="${x + 18}" y="${y}">${text}</text>`,
    )
    .join("\n");
}

function describe(bars) {
  return bars.map(({ name, value }) => `${name} ${Math.round(value)}`).join(", ");
}
