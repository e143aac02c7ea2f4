/** Of the live view. Colours as the lab's page has them. */
export const LIVE_STYLE = `
:root { color-scheme: light dark; --ground: #f3f6f7; --panel: #fff; --ink: #12242d; --muted: #4d626c; --rule: #cfdadf; --user: #0b5f78; --kernel: #8a5300; --bad: #a1260d; }
@media (prefers-color-scheme: dark) { :root { --ground: #0d1b22; --panel: #13262f; --ink: #e3edf0; --muted: #9bb0b8; --rule: #294450; --user: #62c3dc; --kernel: #f3b64c; --bad: #ff9a83; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.25rem clamp(.75rem, 3vw, 2rem) 3rem; background: var(--ground); color: var(--ink); font: 1rem/1.5 "Avenir Next", "Segoe UI", Cantarell, Ubuntu, "Noto Sans", "Liberation Sans", sans-serif; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline; }
h1 { margin: 0; font-size: 1.6rem; letter-spacing: -.02em; }
h2 { margin: 1.5rem 0 .5rem; font-size: 1.1rem; }
.note, nav { color: var(--muted); font-size: .875rem; } .note { margin: .35rem 0 0; } nav { margin-top: 1.75rem; }
#state { margin: 0; color: var(--muted); } #state.bad { color: var(--bad); font-weight: 600; }
.cards { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: .75rem; margin: 0; }
.card { padding: .7rem .9rem .6rem; background: var(--panel); border: 1px solid var(--rule); border-radius: .5rem; }
.card dt { color: var(--muted); font-size: .875rem; }
.card dd { margin: 0; font-size: 1.65rem; line-height: 1.25; font-variant-numeric: tabular-nums; letter-spacing: -.02em; }
.card svg { display: block; width: 100%; height: 2.5rem; margin-top: .35rem; border-bottom: 1px solid var(--rule); overflow: visible; }
.card path { fill: none; stroke: var(--user); stroke-width: 1.5; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.reactors path { stroke: var(--kernel); }
.scroll { overflow-x: auto; border: 1px solid var(--rule); border-radius: .5rem; background: var(--panel); }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .8rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--rule); }
tbody tr:last-child > * { border-bottom: 0; }
thead th { color: var(--muted); font-size: .8rem; font-weight: 600; }
th:first-child { position: sticky; left: 0; text-align: left; background: var(--panel); }
a { color: var(--user); } nav a { display: inline-block; padding: .25rem .35rem; }
button { min-width: 5.5rem; padding: .2rem .8rem; font: inherit; color: var(--ink); background: var(--panel); border: 1px solid var(--rule); border-radius: .4rem; cursor: pointer; }
header button { margin-left: auto; } button:hover { border-color: var(--muted); }
:focus-visible { outline: 2px solid var(--user); outline-offset: 2px; }
@media (max-width: 52rem) { .cards { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
@media (max-width: 30rem) { .cards { gap: .5rem; } .card { padding: .55rem .65rem; } .card dd { font-size: 1.25rem; } .card svg { height: 1.75rem; } th, td { padding: .45rem .55rem; } }
`;
