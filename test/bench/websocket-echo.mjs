#!/usr/bin/env node
/**
 * CPU time of a server per WebSocket message that it sends back, next to that of a request for a small file: epollet, ws
 * on node:http, and Bun where it is given. Each server on core 0, the load on core 1, in slices in turn. Ratios within one
 * run are what counts.
 *
 *   npm run build && node test/bench/websocket-echo.mjs [--connections 64] [--bytes 100] [--messages 1] [--slices 5] [--ms 1000] [--bun PATH]
 *
 * The load is 64 connections with `--messages` on their way each, over epoll and the calls that make several at once: it costs
 * less than any of the servers. Needs taskset, and two cores. Loopback only, and it ends by itself.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '64' },
    bytes: { type: 'string', default: '100' },
    messages: { type: 'string', default: '1' },
    slices: { type: 'string', default: '5' },
    ms: { type: 'string', default: '1000' },
    bun: { type: 'string' },
  },
});
const [CONNECTIONS, BYTES, MESSAGES, SLICES, SLICE_MS] = ['connections', 'bytes', 'messages', 'slices', 'ms'].map(
  (name) => Number(values[name]),
);
const LOAD = fileURLToPath(new URL('websocket-load.mjs', import.meta.url));
const module = (path) => JSON.stringify(new URL(path, import.meta.url).href);

const work = mkdtempSync(join(tmpdir(), 'epollet-bench-'));
function script(name, text) {
  writeFileSync(join(work, name), text);
  return join(work, name);
}

const site = join(work, 'index.html');
writeFileSync(site, 'x'.repeat(600));
const epollet = script(
  'epollet.mjs',
  `import { serve } from ${module('../../dist/index.js')};
serve({ root: ${JSON.stringify(work)}, port: Number(process.argv[2]),
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response('', { status: 426 })),
  websocket: { message: (ws, message) => void ws.send(message) } });`,
);
const ws = script(
  'ws.mjs',
  `import { createServer } from 'node:http';
import { WebSocketServer } from ${module('../../node_modules/ws/wrapper.mjs')};
const server = createServer().listen(Number(process.argv[2]), '127.0.0.1');
new WebSocketServer({ server, perMessageDeflate: false })
  .on('connection', (client) => client.on('message', (data, binary) => client.send(data, { binary })));`,
);
const bun = script(
  'bun.js',
  `Bun.serve({ port: Number(process.argv[2]), hostname: '127.0.0.1',
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response('', { status: 426 })),
  websocket: { message: (ws, message) => void ws.send(message) } });`,
);

/** What the kernel takes in any case: bytes are sent back as they are, received and sent for all ready connections at once. */
const echo = script(
  'echo.mjs',
  `import { EPOLLIN, Epoll } from ${module('../../dist/epoll/index.js')};
import { constants as c, kernel } from ${module('../../dist/sys/index.js')};
const listener = kernel.socket(c.AF_INET, c.SOCK_STREAM, 0);
kernel.setsockopt(listener, c.SOL_SOCKET, c.SO_REUSEADDR, 1);
if (kernel.bind(listener, '127.0.0.1', Number(process.argv[2])) < 0 || kernel.listen(listener, 512) < 0) throw new Error('bind');
kernel.fcntl(listener, c.F_SETFL, c.O_NONBLOCK);
const BATCH = 64, STRIDE = 65537;
const epoll = new Epoll(), events = new Uint32Array(3 * BATCH), batch = new Int32Array(BATCH), ends = new Int32Array(BATCH);
const buffer = Buffer.alloc(STRIDE * BATCH);
epoll.register(listener, EPOLLIN);
for (;;) {
  const ready = epoll.pollInto(events, 1000);
  for (let i = 0; i < ready; i++) {
    const fd = events[3 * i + 1];
    if (fd === listener) {
      for (let client; (client = kernel.accept4(listener, c.SOCK_NONBLOCK)) >= 0; ) {
        kernel.setsockopt(client, c.IPPROTO_TCP, c.TCP_NODELAY, 1);
        epoll.register(client, EPOLLIN);
      }
      continue;
    }
    const got = kernel.recv(fd, buffer, 0, 65536, 0);
    if (got > 0) kernel.send(fd, buffer, 0, got, 0);
    else if (got === 0) { epoll.unregister(fd); kernel.close(fd); }
  }
}`,
);

const servers = [
  ['epollet', [process.execPath, epollet], 'text'],
  ['epollet, binary', [process.execPath, epollet], 'binary'],
  ['one recv and send', [process.execPath, echo], 'raw'],
  ['epollet, a file', [process.execPath, epollet], 'file'],
  ['ws on node:http', [process.execPath, ws], 'text'],
  ...(values.bun === undefined
    ? []
    : [
        ['Bun', [values.bun, bun], 'text'],
        ['Bun, binary', [values.bun, bun], 'binary'],
      ]),
];

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Nanoseconds of all threads of a process, sched(7). */
const cpuNs = (pid) =>
  readdirSync(`/proc/${pid}/task`).reduce(
    (sum, task) => sum + Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
    0,
  );

const ms = (time) => new Promise((resolve) => setTimeout(resolve, time));

/** Sends lines to the load, and gives back the line that follows each. */
function loadOf(port, kind) {
  const child = spawn(
    'taskset',
    ['-c', '1', process.execPath, LOAD, port, kind, CONNECTIONS, BYTES, MESSAGES].map(String),
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const lines = [];
  let waiting = null;
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
    const parts = text.split('\n');
    text = parts.pop();
    lines.push(...parts);
    if (lines.length > 0 && waiting !== null) {
      waiting(lines.shift());
      waiting = null;
    }
  });
  const next = () => (lines.length > 0 ? lines.shift() : new Promise((resolve) => (waiting = resolve)));
  return {
    child,
    next,
    run: (time) => {
      child.stdin.write(`${time}\n`);
      return next();
    },
  };
}

/** Bun and Node take their time to start. */
async function listening(port) {
  for (let i = 0; ; i++) {
    const socket = createConnection(port, '127.0.0.1');
    const isOpen = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isOpen) return;
    if (i === 500) throw new Error('a server did not start');
    await ms(20);
  }
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

const running = [];
try {
  for (const [name, command, kind] of servers) {
    const port = await freePort();
    const child = spawn('taskset', ['-c', '0', ...command, String(port)], { stdio: ['ignore', 'ignore', 'inherit'] });
    running.push({ name, child, port, kind, figures: [] });
  }
  for (const each of running) {
    await listening(each.port);
    each.load = loadOf(each.port, each.kind);
    await each.load.next();
    await each.load.run(SLICE_MS); // warms up
  }
  for (let slice = 0; slice < SLICES; slice++) {
    for (const { child, load, figures } of slice % 2 === 0 ? running : [...running].reverse()) {
      const before = cpuNs(child.pid);
      const count = Number(await load.run(SLICE_MS));
      figures.push((cpuNs(child.pid) - before) / 1000 / count);
    }
  }
  const [first] = running;
  for (const { name, figures } of running) {
    const ratio = median(figures.map((figure, at) => figure / first.figures[at]));
    const range = `${Math.min(...figures).toFixed(2)} to ${Math.max(...figures).toFixed(2)}`;
    console.log(
      `${name.padEnd(18)} ${median(figures).toFixed(2).padStart(7)} µs each (${range}), ${ratio.toFixed(2)} of the first`,
    );
  }
} finally {
  for (const { child, load } of running) {
    child.kill();
    load?.child.kill();
  }
  rmSync(work, { recursive: true, force: true });
}
