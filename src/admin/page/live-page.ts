import { LIVE_SCRIPT } from './live-script.js';
import { LIVE_STYLE } from './live-style.js';

export { LIVE_SCRIPT, LIVE_STYLE };

/** The id is that of a value in the script. */
type Card = readonly [id: string, label: string, format: 'count' | 'one' | 'bytes' | 'percent' | 'ms', kind?: 'kernel'];

const CARDS: readonly Card[] = [
  ['requests', 'Requests a second', 'count'],
  ['open', 'Connections', 'count'],
  ['queued', 'In the accept queue', 'count', 'kernel'],
  ['busy', 'Busy', 'percent'],
  ['eventsATurn', 'Events a turn', 'one', 'kernel'],
  ['callsARequest', 'System calls a request', 'one', 'kernel'],
  ['out', 'Sent a second', 'bytes'],
  ['errors', 'Responses 5xx a second', 'one'],
  ['hitShare', 'Cache hits', 'percent'],
  ['cacheBytes', 'Cache', 'bytes'],
  ['entries', 'Cached paths', 'count'],
  ['evictions', 'Evictions in all', 'count'],
  ['delay', 'Event loop delay, p99', 'ms'],
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
];

const card = ([id, label, format, kind]: Card): string =>
  `<div class="card ${kind ?? ''}"><dt>${label}</dt><dd id="${id}" data-format="${format}">–</dd><svg data-of="${id}" viewBox="0 0 100 30" preserveAspectRatio="none" aria-hidden="true"><path d=""></path></svg></div>`;

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
<header><h1>epollet, live</h1><p id="state" role="status" aria-live="polite">Connecting</p><button type="button" id="pause" aria-pressed="false">Pause</button></header>
<main>
<dl class="cards" aria-label="All workers, the last minute">
${CARDS.map(card).join('\n')}
</dl>
<h2 id="by-worker">By worker</h2>
<div class="scroll" tabindex="0" role="region" aria-labelledby="by-worker"><table><thead><tr>${COLUMNS.map((name) => `<th scope="col">${name}</th>`).join('')}</tr></thead><tbody id="workers"></tbody></table></div>
</main>
<nav aria-label="Other pages">Of this door: <a href="metrics">metrics</a>, <a href="healthz">healthz</a>, <a href="readyz">readyz</a></nav>
<script>${LIVE_SCRIPT}</script>
</body>
</html>
`;
