/** How the pages look: dense, and calm; on a phone one column, and tables that scroll by themselves. */
export const STYLE = `
:root { color-scheme: light dark; --back: #f5f6f8; --paper: #fff; --line: #dfe3e8; --ink: #1b1f24;
  --soft: #57606a; --accent: #0b57d0; --bar: #6f94d8; --good: #1a7f37; --warn: #9a6700; --bad: #b3261e;
  --warn-back: #fff4d6; --hover: #f0f4fa; }
@media (prefers-color-scheme: dark) { :root { --back: #0d1117; --paper: #161b22; --line: #2d333b;
  --ink: #e6edf3; --soft: #9ba6b2; --accent: #8ab4f8; --bar: #56779f; --good: #57c06d; --warn: #d8a630;
  --bad: #ff8a80; --warn-back: #33290c; --hover: #1c232d; } }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--back); color: var(--ink); font: .875rem/1.45 system-ui, sans-serif;
  font-variant-numeric: tabular-nums; }
header, main { max-width: 90rem; margin: 0 auto; padding: 0 1.25rem; }
header { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; padding-top: 1.1rem; }
h1 { font-size: 1.25rem; line-height: 1.3; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: .9375rem; margin: 0 0 .5rem; }
header p { margin: 0; }
.about { flex: 1 1 18rem; color: var(--soft); }
.actions { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem; }
#status::before, .state::before { content: ""; display: inline-block; width: .5rem; height: .5rem; margin-right: .4rem;
  border-radius: 50%; background: var(--soft); }
#status[data-state=live]::before, .state.open::before, .state.up::before { background: var(--good); }
#status[data-state=lost]::before, .state.detached::before, .state.joining::before, .state.draining::before
  { background: var(--warn); }
.state.down::before, .state.closed::before { background: var(--bad); }
td .state { white-space: nowrap; }
main { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; padding-top: 1rem; padding-bottom: 3rem; }
.panel { background: var(--paper); border: 1px solid var(--line); border-radius: .6rem; padding: .9rem 1rem; min-width: 0; }
.panel:empty { display: none; }
.panel:focus { outline: none; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; align-items: start; }
@media (min-width: 64rem) { .pair { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: .75rem; margin: 0; }
.tile { background: var(--paper); border: 1px solid var(--line); border-radius: .6rem; padding: .75rem .9rem; min-width: 0;
  overflow-wrap: anywhere; }
.tile dt { color: var(--soft); }
.tile dd { margin: 0; }
.big { font-size: 1.5rem; line-height: 1.35; font-weight: 600; }
.unit { font-size: .8125rem; font-weight: 400; color: var(--soft); }
.chart { display: block; width: 100%; height: 1.75rem; margin: .15rem 0 .3rem; fill: var(--bar); }
.count { color: var(--soft); font-weight: 400; margin-left: .25rem; }
.soft, .note, .none { color: var(--soft); }
.note, .none { margin: 0 0 .5rem; }
.none:last-child, .note:last-child { margin-bottom: 0; }
.scroll { position: relative; overflow-x: auto; margin: 0 -1rem; }
.scroll + .note { margin-top: .6rem; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .35rem .6rem; text-align: left; vertical-align: baseline; font-weight: 400;
  border-top: 1px solid var(--line); white-space: nowrap; }
thead th { color: var(--soft); font-size: .8125rem; border-top: 0; padding-top: .1rem; }
tbody th { white-space: normal; min-width: 9rem; overflow-wrap: anywhere; }
th:first-child, td:first-child { padding-left: 1rem; }
th:last-child, td:last-child { padding-right: 1rem; }
tbody tr:hover { background: var(--hover); }
.number { text-align: right; width: 1%; padding-right: 1rem; }
td:last-child:not(.number) { white-space: normal; overflow-wrap: anywhere; min-width: 6.5rem; }
strong { font-weight: 600; }
code { font: .8125rem/1.4 ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; }
.alarm { color: var(--bad); font-weight: 600; }
.warning { background: var(--warn-back); border-radius: .4rem; padding: .5rem .75rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
.nodes { list-style: none; margin: 0; padding: 0; display: grid; gap: .35rem 1.5rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 27rem), 1fr)); }
.nodes li { display: flex; flex-wrap: wrap; gap: 0 .6rem; align-items: baseline; overflow-wrap: anywhere; }
.find { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
input { flex: 1 1 14rem; max-width: 26rem; min-height: 2.25rem; padding: .25rem .6rem; font: inherit; color: var(--ink);
  background: var(--paper); border: 1px solid var(--soft); border-radius: .4rem; }
::placeholder { color: var(--soft); opacity: 1; }
.button, button { display: inline-flex; align-items: center; min-height: 2.25rem; padding: .35rem .8rem; font: inherit; line-height: 1.4rem;
  border: 1px solid var(--line); border-radius: .4rem; background: var(--paper); color: var(--ink); text-decoration: none;
  cursor: pointer; }
.button:hover, button:hover { border-color: var(--soft); }
.small { min-height: 1.5rem; padding: 0 .55rem; }
.off { color: var(--soft); cursor: default; }
.danger { background: var(--bad); border-color: var(--bad); color: var(--paper); font-weight: 600; }
.pages { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin-top: .75rem; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.scroll:focus-visible { outline-offset: -2px; }
a { color: var(--accent); }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
main.narrow { max-width: 42rem; padding-top: 2rem; }
.narrow h1 { margin-bottom: .75rem; }
.narrow p:first-of-type { margin-top: 0; }
.narrow .panel { padding: 1.25rem 1.4rem; overflow-wrap: anywhere; }
.narrow ul { padding-left: 1.2rem; }
@media (max-width: 40rem) { header, main { padding-left: .75rem; padding-right: .75rem; }
  .tiles { grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); }
  .button, button { min-height: 2.5rem; } .small { min-height: 2rem; padding: .2rem .7rem; }
  .scroll th:first-child { position: sticky; left: 0; background: var(--paper); min-width: 10.5rem; max-width: 12rem; }
  td:last-child:not(.number) { white-space: nowrap; }
  .find label { flex-basis: 100%; } .find input { flex-basis: 8rem; } }
@media (prefers-reduced-motion: no-preference) { .button, button { transition: border-color .12s; } }
`;
