/** Sends requests to the server of this page, and shows what the browser saw of each. */

const FILE = 'style.css';
const SIX = ['style.css', 'wire.js', 'wire.html', 'index.html', 'reactor.svg', 'favicon.svg'];
const LOG_ROWS = 12;
/** A timing entry may come a little after the body. */
const TIMING_TRIES = 20;

/** The validators of FILE, once a response has brought them. */
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

// The exchanges

const asks = {
  get: () => [exchange('GET', FILE)],
  head: () => [exchange('HEAD', FILE)],
  changed: () => [exchange('GET', FILE, validator())],
  missing: () => [exchange('GET', 'no-such-page')],
  refused: () => [exchange('DELETE', FILE)],
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

/** A connection that was open already leaves no time between the start of the fetch and the end of connecting. */
function connectionOf(timing) {
  if (!timing?.connectEnd) return 'unknown';
  return timing.connectStart === timing.connectEnd ? 'open already' : 'new';
}

const protocolOf = (timing) =>
  (timing?.nextHopProtocol || 'HTTP').replace(/^http/, 'HTTP').replace(/^h([23])$/, 'HTTP/$1');
const targetOf = ({ url }) => url.pathname + url.search;
const statusOf = ({ response }) => `${response.status} ${response.statusText}`.trim();

// What is shown

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
  if (!timing) return [['Timing', 'The browser gave no timing for this one.']];
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
  if (response.status === 304) return 'The head only: the file is still the one you have.';
  if (response.status === 206) return 'The head and the part that was asked for.';
  if (response.status === 404) return 'A short refusal: nothing here by that name.';
  if (response.status === 405) return 'A short refusal; Allow says which methods are served.';
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
  const asked = Object.keys(fields)[0];
  const { status } = response;
  if (name === 'changed' && !asked)
    return 'The server sends neither ETag nor Last-Modified: there is nothing to compare.';
  if (method === 'DELETE' && status !== 405) return `epollet answers 405 here. This server chose ${status}.`;
  if (asked === 'If-Modified-Since') return 'The server sends no ETag, so the date of the file was compared.';
  if (asked === 'If-None-Match' && status === 200)
    return 'The file has changed since it was last seen here, so it was sent.';
  if (status === 404) return 'A name that is not there costs an openat2 too, which answers ENOENT.';
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
      : `${last.method} ${targetOf(last)} was answered ${statusOf(last)}.`;
  byId('remark').textContent = remarkFor(last, name);
}

function showPage() {
  const [page] = performance.getEntriesByType('navigation');
  if (!page) return;
  const { transferSize, encodedBodySize } = page;
  const from =
    transferSize === 0
      ? 'the cache of the browser, without asking'
      : transferSize < encodedBodySize
        ? 'the cache of the browser, after a 304'
        : 'the network';
  showList('page', [['Came from', from], ...timingRows(page)]);
}

let busy = false;

async function ask(name) {
  if (busy) return;
  busy = true;
  for (const button of byId('asks').querySelectorAll('button'))
    button.setAttribute('aria-pressed', String(button.dataset.ask === name));
  performance.clearResourceTimings();
  try {
    if (name === 'changed' && !known.etag && !known.modified) await Promise.all(asks.head());
    show(await Promise.all(asks[name]()), name);
  } catch (error) {
    byId('summary').textContent = `No answer: ${error.message}. Is the server still running?`;
  } finally {
    busy = false;
  }
}

byId('asks').addEventListener('click', ({ target }) => {
  const name = target.closest('button')?.dataset.ask;
  if (name) ask(name);
});
for (const section of document.querySelectorAll('section[hidden]')) section.hidden = false;
showPage();
ask('get');
