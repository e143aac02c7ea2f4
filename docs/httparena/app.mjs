// The endpoints of HttpArena's profiles over HTTP/1.1 without TLS. Run it, with the data set of HttpArena:
//   DATASET=dataset.json epollet --app docs/httparena/app.mjs --workers auto
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { brotliCompressSync, gzipSync, constants as zlib } from 'node:zlib';

const items = JSON.parse(readFileSync(process.env.DATASET ?? '/data/dataset.json', 'utf8'));
const BROTLI = { params: { [zlib.BROTLI_PARAM_QUALITY]: 4, [zlib.BROTLI_PARAM_MODE]: zlib.BROTLI_MODE_TEXT } };

const text = (body, status = 200) => new Response(String(body), { status, headers: { 'Content-Type': 'text/plain' } });

/** The sum of the values of a query. */
function sumOf(query) {
  let sum = 0;
  for (const pair of query.split('&')) sum += Number(pair.slice(pair.indexOf('=') + 1)) || 0;
  return sum;
}

/** The first items, with the price of all pieces times `m`; serialized and compressed for each request. */
function json(path, query, accepted) {
  const count = Math.min(Number(path.slice('/json/'.length)), items.length);
  if (!Number.isInteger(count) || count < 0) return text('Not found.\n', 404);
  const m = Number(new URLSearchParams(query).get('m') ?? 1);
  const chosen = items.slice(0, count).map((item) => ({ ...item, total: item.price * item.quantity * m }));
  const headers = { 'Content-Type': 'application/json', Vary: 'Accept-Encoding' };
  const body = JSON.stringify({ items: chosen, count });
  if (accepts(accepted, 'br'))
    return new Response(brotliCompressSync(body, BROTLI), { headers: { ...headers, 'Content-Encoding': 'br' } });
  if (accepts(accepted, 'gzip'))
    return new Response(gzipSync(body), { headers: { ...headers, 'Content-Encoding': 'gzip' } });
  return new Response(body, { headers });
}

const accepts = (accepted, coding) => new RegExp(`\\b${coding}\\b(?!\\s*;\\s*q=0(?:\\.0*)?\\s*(?:,|$))`).test(accepted);

async function fetch(request, server) {
  const { url, method } = request;
  // "http://" and a host of at least one character come before the path.
  const start = url.indexOf('/', 8);
  const end = url.indexOf('?', start);
  const path = end < 0 ? url.slice(start) : url.slice(start, end);
  const query = end < 0 ? '' : url.slice(end + 1);
  if (path === '/baseline11') return text(sumOf(query) + (method === 'POST' ? Number(await request.text()) || 0 : 0));
  if (path.startsWith('/json/')) return json(path, query, request.headers.get('Accept-Encoding') ?? '');
  if (path.startsWith('/delay/')) {
    const ms = Number(path.slice('/delay/'.length));
    if (!Number.isInteger(ms) || ms < 0) return text('Not found.\n', 404);
    // A timer may be early by a part of a millisecond, by the clock of the client.
    if (ms > 0) await setTimeout(ms + 1);
    return text(ms);
  }
  if (path === '/ws') {
    if (server.upgrade(request)) return;
    return new Response('Connect by WebSocket.\n', { status: 426, headers: { Upgrade: 'websocket' } });
  }
  return text('Not found.\n', 404);
}

export default {
  routes: { '/pipeline': text('ok') },
  fetch,
  websocket: { message: (ws, message) => ws.send(message) },
};
