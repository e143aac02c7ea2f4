import { LIVE_SCRIPT } from './live-script.js';
import { LIVE_STYLE } from './live-style.js';

export { LIVE_SCRIPT, LIVE_STYLE };

type Format = 'count' | 'one' | 'rate' | 'bytes' | 'percent';

/** The id is that of a value in the script. */
type Card = readonly [id: string, label: string, format: Format];

/** Four each, so that two and four columns are full. */
const GROUPS: readonly (readonly [id: string, heading: string, cards: readonly Card[]])[] = [
  [
    'traffic',
    'Traffic',
    [
      ['requests', 'Requests a second', 'count'],
      ['out', 'Sent a second', 'bytes'],
      ['open', 'Connections', 'count'],
      ['errors', '5xx a second', 'rate'],
    ],
  ],
  [
    'reactors',
    'Reactors',
    [
      ['eventsATurn', 'Events a turn', 'one'],
      ['callsARequest', 'System calls a request', 'one'],
      ['busy', 'Busy', 'percent'],
      ['queued', 'In the accept queue', 'count'],
    ],
  ],
  [
    'cache',
    'Cache',
    [
      ['hitShare', 'Hits', 'percent'],
      ['cacheBytes', 'Memory', 'bytes'],
      ['entries', 'Paths', 'count'],
      ['evictions', 'Evictions since the start', 'count'],
    ],
  ],
];

const COLUMNS = [
  'Worker',
  'Requests/s',
  'Connections',
  'Queued',
  'Events/turn',
  'Calls/request',
  'Cache hits',
  'Cache',
  'Busy',
  'Event loop delay, p99',
];

const card = ([id, label, format]: Card): string =>
  `<div class="card"><dt>${label}</dt><dd><span id="${id}" data-format="${format}">–</span><svg data-of="${id}" viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true"><path d=""></path></svg></dd></div>`;

const group = ([id, heading, cards]: (typeof GROUPS)[number]): string =>
  `<section aria-labelledby="${id}"><h2 id="${id}">${heading}</h2><dl class="cards ${id}">\n${cards.map(card).join('\n')}\n</dl></section>`;

/** One page without any request but that of the events. */
export const LIVE_PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>epollet, live</title>
<link rel="icon" href="data:,">
<style>${LIVE_STYLE}</style>
</head>
<body>
<header><h1>epollet, live</h1><p id="state" role="status">Connecting</p><button type="button" id="pause">Pause</button></header>
<noscript><p>The numbers need JavaScript. Without it: <a href="metrics">metrics</a>.</p></noscript>
<main>
<p class="note">All workers together, once a second; the lines are the last minute.</p>
${GROUPS.map(group).join('\n')}
<section aria-labelledby="by-worker"><h2 id="by-worker">By worker</h2>
<div class="scroll" tabindex="0" role="region" aria-labelledby="by-worker"><table><thead><tr>${COLUMNS.map((name) => `<th scope="col">${name}</th>`).join('')}</tr></thead><tbody id="workers"></tbody></table></div></section>
</main>
<nav aria-label="Admin door">Admin door: <a href="metrics">metrics</a> <a href="healthz">health</a> <a href="readyz">readiness</a></nav>
<script>${LIVE_SCRIPT}</script>
</body>
</html>
`;
