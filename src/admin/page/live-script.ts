/**
 * Of the live view. An event has counters since the start; what is shown are the differences of two events, so that a
 * reload of the page, or a worker that is replaced, shows no leap.
 */
export const LIVE_SCRIPT = `
'use strict';
const POINTS = 60;
const STALE_MS = 5000;
const byId = (id) => document.getElementById(id);
const count = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat('en', { maximumFractionDigits: 1, minimumFractionDigits: 1 });
const ABSENT = '–';
const bytes = (value) => {
  let unit = 0;
  while (value >= 1024 && unit < 4) { value /= 1024; unit++; }
  return (unit === 0 ? count.format(value) : one.format(value)) + ' ' + ['B', 'KiB', 'MiB', 'GiB', 'TiB'][unit];
};
const percent = (share) => one.format(100 * share) + ' %';
const ms = (seconds) => one.format(1000 * seconds) + ' ms';
/** Seldom, as errors should be: one in ten seconds is 0.1. */
const rate = (value) => (value === 0 || value >= 10 ? count : one).format(value);
const FORMATS = { count: count.format, one: one.format, rate, bytes, percent, ms };
const text = (value, format) => (value === null || value === undefined ? ABSENT : FORMATS[format](value));
const sumOf = (values) => Object.values(values).reduce((sum, value) => sum + value, 0);

/** Counters of a worker as one row of numbers. */
const flat = ({ stats }) => ({
  requests: stats.requests,
  turns: stats.reactor.turns,
  events: stats.reactor.events,
  calls: sumOf(stats.systemCalls),
  out: stats.bytes.out,
  hits: stats.files ? stats.files.hits : 0,
  misses: stats.files ? stats.files.misses : 0,
  busy: stats.busyMs / 1000,
  errors: stats.measurements ? stats.measurements.responses['5xx'] : 0,
});

/** What is shown of the differences of the counters in so many seconds. Null where there is nothing to divide by. */
function ratesOf(before, after, seconds, workers) {
  const each = (name) => after[name] - before[name];
  const per = (name, by) => (each(by) > 0 ? each(name) / each(by) : null);
  const lookups = each('hits') + each('misses');
  return {
    requests: each('requests') / seconds,
    out: each('out') / seconds,
    errors: each('errors') / seconds,
    eventsATurn: per('events', 'turns'),
    callsARequest: per('calls', 'requests'),
    hitShare: lookups > 0 ? each('hits') / lookups : null,
    busy: Math.min(1, each('busy') / seconds / workers),
  };
}

const gaugesOf = (workers) => {
  const sum = (of) => workers.reduce((total, { stats }) => total + of(stats), 0);
  const delays = workers.map(({ stats }) => stats.measurements && stats.measurements.eventLoopDelay).filter(Boolean);
  const hasFiles = workers.some(({ stats }) => stats.files);
  return {
    open: sum(({ connections }) => connections.open),
    queued: sum(({ connections }) => connections.queued),
    entries: hasFiles ? sum(({ files }) => (files ? files.entries : 0)) : null,
    cacheBytes: hasFiles ? sum(({ files }) => (files ? files.bytes : 0)) : null,
    evictions: hasFiles ? sum(({ files }) => (files ? files.evictions : 0)) : null,
    delay: delays.length > 0 ? Math.max(...delays.map(({ p99 }) => p99)) : null,
  };
};

const histories = new Map();
function show(id, value, format) {
  byId(id).textContent = text(value, format);
  const chart = document.querySelector('svg[data-of="' + id + '"] path');
  const history = histories.get(id) || [];
  histories.set(id, history);
  history.push(value);
  if (history.length > POINTS) history.shift();
  const most = Math.max(...history) || 1;
  const x = (at) => (100 * (at + POINTS - history.length)) / (POINTS - 1);
  // Where there was no value, the line has a gap.
  const point = (each, at) => (each === null ? '' : (at === 0 || history[at - 1] === null ? 'M' : 'L') + x(at).toFixed(2) + ' ' + (29 - (28 * each) / most).toFixed(2));
  chart.setAttribute('d', history.map(point).join(''));
}

function showWorkers(rows) {
  const body = byId('workers');
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, at) => {
    let row = body.rows[at];
    if (row === undefined) {
      row = body.insertRow();
      cells.forEach((_, column) => {
        const cell = document.createElement(column === 0 ? 'th' : 'td');
        if (column === 0) cell.scope = 'row';
        row.append(cell);
      });
    }
    cells.forEach((text, column) => { if (row.cells[column].textContent !== text) row.cells[column].textContent = text; });
  });
}

/** Changes the live region only when it differs, so that a screen reader is not interrupted every second. */
function state(text, isBad) {
  const element = byId('state');
  if (element.textContent !== text) element.textContent = text;
  element.classList.toggle('bad', isBad);
}

let last = null;
let lastMs = 0;
let isPaused = false;
const totalOf = (rows, names) => {
  const total = {};
  for (const name of names) total[name] = rows.reduce((sum, row) => sum + row[name], 0);
  return total;
};

function onEvent({ timeMs, unready, trigger, workers }) {
  lastMs = Date.now();
  const now = new Map(workers.map((each) => [each.worker, flat(each)]));
  const many = workers.length === 1 ? '1 worker' : workers.length + ' workers';
  state((unready === null ? 'Ready' : 'Not ready: ' + unready) + ' · ' + many + ' · ' + trigger + '-triggered' + (isPaused ? ' · paused' : ''), unready !== null);
  if (last !== null && !isPaused && timeMs > last.timeMs && workers.length > 0) {
    const seconds = (timeMs - last.timeMs) / 1000;
    const known = [...now].filter(([worker, row]) => last.now.has(worker) && row.turns >= last.now.get(worker).turns);
    const names = Object.keys(flat(workers[0]));
    const before = totalOf(known.map(([worker]) => last.now.get(worker)), names);
    const values = { ...gaugesOf(workers), ...ratesOf(before, totalOf(known.map(([, row]) => row), names), seconds, Math.max(1, known.length)) };
    for (const element of document.querySelectorAll('[data-format]')) show(element.id, values[element.id], element.dataset.format);
    showWorkers(workers.map((each) => {
      const old = last.now.get(each.worker);
      const own = gaugesOf([each]);
      const rates = old ? ratesOf(old, now.get(each.worker), seconds, 1) : null;
      return [String(each.worker), text(rates && rates.requests, 'count'), text(own.open, 'count'), text(own.queued, 'count'),
        text(rates && rates.eventsATurn, 'one'), text(rates && rates.callsARequest, 'one'), text(rates && rates.hitShare, 'percent'), text(own.cacheBytes, 'bytes'), text(rates && rates.busy, 'percent'), text(own.delay, 'ms')];
    }));
  }
  last = { timeMs, now };
}

function connect() {
  const source = new EventSource('events');
  source.onmessage = ({ data }) => onEvent(JSON.parse(data));
  source.onerror = () => {
    state('The server does not respond; trying again', true);
    // A browser tries again by itself, but not after a response that is not of events.
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, STALE_MS);
  };
}
connect();
setInterval(() => {
  if (lastMs !== 0 && Date.now() - lastMs > STALE_MS) state('No numbers since ' + new Date(lastMs).toLocaleTimeString(), true);
}, 1000);
byId('pause').onclick = ({ currentTarget }) => {
  isPaused = !isPaused;
  currentTarget.textContent = isPaused ? 'Resume' : 'Pause';
};
`;
