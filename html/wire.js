/** Sends requests to the server of this page, and shows what the browser observed of each. */

const FILE = 'style.css';
const SIX = ['style.css', 'wire.js', 'wire.html', 'index.html', 'reactor.svg', 'favicon.svg'];
const LOG_ROWS = 12;
/** A timing entry may arrive shortly after the body. */
const TIMING_TRIES = 20;

/** The validators of FILE, from the last response with any. */
const known = { etag: null, modified: null };

const byId = (id) => document.getElementById(id);
const ms = (value) => `${value.toFixed(1)} ms`;
const bytes = (count) => `${count.toLocaleString('en')} ${count === 1 ? 'byte' : 'bytes'}`;

function element(name, text, className = '') {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

// Requests

const requests = {
  get: () => [exchange('GET', FILE)],
  head: () => [exchange('HEAD', FILE)],
  changed: () => [exchange('GET', FILE, validator())],
  missing: () => [exchange('GET', 'no-such-page')],
  method: () => [exchange('DELETE', FILE)],
  six: () => SIX.map((file) => exchange('GET', file)),
};

function validator() {
  if (known.etag) return { 'If-None-Match': known.etag };
  return known.modified ? { 'If-Modified-Since': known.modified } : {};
}

async function exchange(method, target, fields = {}) {
  const url = new URL(target, document.baseURI);
  const startMs = performance.now();
  const response = await fetch(url, { method, headers: fields, cache: 'no-store' });
  const body = await response.arrayBuffer();
  if (target === FILE && response.ok) {
    known.etag = response.headers.get('etag');
    known.modified = response.headers.get('last-modified');
  }
  return { method, url, fields, response, bodyBytes: body.byteLength, timing: await timingOf(url.href, startMs) };
}

async function timingOf(href, startMs) {
  for (let tries = 0; tries < TIMING_TRIES; tries++) {
    const entry = performance.getEntriesByName(href, 'resource').find((each) => each.startTime >= startMs - 1);
    if (entry?.responseEnd) return entry;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return null;
}

/** On an open connection, connecting takes no time. */
function connectionOf(timing) {
  if (!timing?.connectEnd) return 'unknown';
  return timing.connectStart === timing.connectEnd ? 'open already' : 'new';
}

const protocolOf = (timing) =>
  (timing?.nextHopProtocol || 'HTTP').replace(/^http/, 'HTTP').replace(/^h([23])$/, 'HTTP/$1');
const targetOf = ({ url }) => url.pathname + url.search;
const statusOf = ({ response }) => `${response.status} ${response.statusText}`.trim();

// Display

function showWire({ method, url, fields, response, bodyBytes, timing }) {
  const protocol = protocolOf(timing);
  const lines = [element('span', `${method} ${url.pathname} ${protocol.replace('1.0', '1.1')}`, 'out start')];
  for (const [name, value] of Object.entries(fields)) lines.push(element('span', `${name}: ${value}`, 'out'));
  lines.push(element('span', '(and the fields that the browser adds)', 'aside'));
  lines.push(element('span', '\n'));
  lines.push(element('span', `${protocol} ${response.status} ${response.statusText}`, 'start'));
  for (const [name, value] of response.headers) lines.push(element('span', `${name}: ${value}`));
  lines.push(element('span', '\n'));
  lines.push(element('span', bodyBytes > 0 ? `(${bytes(bodyBytes)} of body)` : '(no body)', 'aside'));
  byId('wire').replaceChildren(...lines);
}

function showList(id, rows) {
  const cells = rows.flatMap(([term, text]) => [element('dt', term), element('dd', text)]);
  byId(id).replaceChildren(...cells);
}

function timingRows(timing) {
  if (!timing) return [['Timing', 'The browser has no timing for this request.']];
  const handshakeMs = timing.connectEnd - timing.connectStart;
  const connection = connectionOf(timing);
  const { encodedBodySize: encoded, decodedBodySize: decoded } = timing;
  return [
    ['Protocol', protocolOf(timing)],
    ['Connection', connection === 'new' ? `new, handshake ${ms(handshakeMs)}` : connection],
    ['Body', decoded > encoded ? `${bytes(encoded)}, unpacked ${bytes(decoded)}` : bytes(encoded)],
    [
      'transferSize',
      `${bytes(timing.transferSize)}${timing.transferSize - encoded === 300 ? ' (a head counts as 300)' : ''}`,
    ],
    ['First byte after', ms(timing.responseStart - timing.requestStart)],
    ['Round trip', ms(timing.responseEnd - timing.startTime)],
  ];
}

function showObserved(one) {
  showList('observed', [['Status', statusOf(one)], ...timingRows(one.timing)]);
}

function sentFor({ method, response }) {
  if (response.status === 304) return 'The head only: the cached copy is still valid.';
  if (response.status === 206) return 'The head and the requested range.';
  if (response.status === 404) return 'A short error response: no such file.';
  if (response.status === 405) return 'A short error response; Allow lists the supported methods.';
  if (method === 'HEAD') return 'The head only, the same as for GET.';
  return 'Head and body, prepared as one buffer, in one call.';
}

function callsFor(one) {
  const fresh = connectionOf(one.timing) === 'new';
  const calls = [
    [
      'epoll_wait',
      fresh ? 'The listener is ready.' : 'The connection is readable. Shared by all that is ready in this turn.',
    ],
    ['recv', 'The request, into the one buffer that all connections share. It is parsed in place.'],
    ['send', sentFor(one)],
  ];
  if (!fresh) return calls;
  calls.splice(1, 0, ['accept4', 'Takes the connection, non-blocking from the start.']);
  return [...calls, ['epoll_ctl', 'Joins the epoll set, for the requests to come.']];
}

function remarkFor({ method, fields, response }, name) {
  const precondition = Object.keys(fields)[0];
  const { status } = response;
  if (name === 'changed' && !precondition)
    return 'The server sends neither ETag nor Last-Modified, so there is no validator to compare.';
  if (method === 'DELETE' && status !== 405)
    return `epollet responds with 405 here. This server responded with ${status}.`;
  if (precondition === 'If-Modified-Since') return 'The server sends no ETag, so the date of the file was compared.';
  if (precondition === 'If-None-Match' && status === 200)
    return 'The file has changed since the last request, so it was sent.';
  if (status === 404) return 'The first request for a missing name also costs an openat2, which returns ENOENT.';
  return '';
}

function showCalls(one) {
  const items = callsFor(one).map(([call, text]) => {
    const item = element('li', '');
    item.append(element('b', call), text);
    return item;
  });
  byId('calls').replaceChildren(...items);
}

function logRow(one) {
  const { timing } = one;
  const row = element('tr', '');
  const wait = timing ? ms(timing.responseStart - timing.requestStart) : 'unknown';
  for (const text of [
    `${one.method} ${targetOf(one)}`,
    statusOf(one),
    connectionOf(timing),
    bytes(one.bodyBytes),
    wait,
  ]) {
    row.append(element('td', text));
  }
  return row;
}

function show(done, name) {
  const last = done.at(-1);
  const fresh = done.filter(({ timing }) => connectionOf(timing) === 'new').length;
  showWire(last);
  showObserved(last);
  showCalls(last);
  byId('log').prepend(...done.map(logRow).reverse());
  while (byId('log').rows.length > LOG_ROWS) byId('log').deleteRow(-1);
  byId('summary').textContent =
    done.length > 1
      ? `${done.length} requests, ${fresh} of them on a new connection. Below is the last; all are in the list.`
      : `${last.method} ${targetOf(last)}: ${statusOf(last)}.`;
  byId('remark').textContent = remarkFor(last, name);
}

function showPage() {
  const [page] = performance.getEntriesByType('navigation');
  if (!page) return;
  const { transferSize, encodedBodySize } = page;
  const from =
    transferSize === 0
      ? 'the browser cache, without a request'
      : transferSize < encodedBodySize
        ? 'the browser cache, after a 304'
        : 'the network';
  showList('page', [['Came from', from], ...timingRows(page)]);
}

let busy = false;

async function run(name) {
  if (busy) return;
  busy = true;
  for (const button of byId('requests').querySelectorAll('button'))
    button.setAttribute('aria-pressed', String(button.dataset.request === name));
  performance.clearResourceTimings();
  try {
    if (name === 'changed' && !known.etag && !known.modified) await Promise.all(requests.head());
    show(await Promise.all(requests[name]()), name);
  } catch (error) {
    byId('summary').textContent = `No response: ${error.message}. Is the server still running?`;
  } finally {
    busy = false;
  }
}

byId('requests').addEventListener('click', ({ target }) => {
  const name = target.closest('button')?.dataset.request;
  if (name) run(name);
});
for (const section of document.querySelectorAll('section[hidden]')) section.hidden = false;
showPage();
run('get');
