#!/usr/bin/env node
/**
 * What an idle WebSocket costs the process of the server: the growth of its resident memory by many of them, each of which
 * has had one message sent back.
 *
 *   npm run build && node test/bench/websocket-idle.mjs [--sockets 10000] [--bun PATH]
 *
 * Needs descriptors for both sides, see `ulimit -n`. Loopback only, and it ends by itself.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { constants, kernel } from '../../dist/sys/index.js';

const { values } = parseArgs({ options: { sockets: { type: 'string', default: '10000' }, bun: { type: 'string' } } });
const SOCKETS = Number(values.sockets);
const module = (path) => JSON.stringify(new URL(path, import.meta.url).href);

const work = mkdtempSync(join(tmpdir(), 'epollet-bench-'));
function script(name, text) {
  writeFileSync(join(work, name), text);
  return join(work, name);
}
const options = `{ port: 0, hostname: '127.0.0.1', limits: undefined,
  fetch: (request, server) => (server.upgrade(request) ? undefined : new Response('', { status: 426 })),
  websocket: { message: (ws, message) => void ws.send(message) } }`;
const servers = {
  epollet: [
    process.execPath,
    script(
      'epollet.mjs',
      `import { serve } from ${module('../../dist/index.js')};
const server = serve({ ...${options}, limits: { maxConnections: 100_000 } }); console.log(server.port);`,
    ),
  ],
  'ws on node:http': [
    process.execPath,
    script(
      'ws.mjs',
      `import { createServer } from 'node:http';
import { WebSocketServer } from ${module('../../node_modules/ws/wrapper.mjs')};
const server = createServer().listen(0, '127.0.0.1', 4096, () => console.log(server.address().port));
new WebSocketServer({ server, perMessageDeflate: false })
  .on('connection', (client) => client.on('message', (data, binary) => client.send(data, { binary })));`,
    ),
  ],
  ...(values.bun === undefined
    ? {}
    : {
        Bun: [
          values.bun,
          script('bun.js', `console.log(Bun.serve(${options.replace('limits: undefined,', '')}).port);`),
        ],
      }),
};

const REQUEST = Buffer.from(
  'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
);
/** A text of two bytes, with a mask of zeros. */
const MESSAGE = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 97, 98]);
const input = Buffer.alloc(4096);

const residentBytes = (pid) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
const ms = (time) => new Promise((resolve) => setTimeout(resolve, time));

/** A blocking socket: the server is another process. */
function connect(port) {
  const fd = kernel.socket(constants.AF_INET, constants.SOCK_STREAM, 0);
  if (fd < 0 || kernel.connect(fd, '127.0.0.1', port) < 0) throw new Error('no connection: raise ulimit -n');
  kernel.send(fd, REQUEST, 0, REQUEST.length, 0);
  if (kernel.recv(fd, input, 0, input.length, 0) <= 0) throw new Error('no handshake');
  kernel.send(fd, MESSAGE, 0, MESSAGE.length, 0);
  if (kernel.recv(fd, input, 0, input.length, 0) <= 0) throw new Error('no message');
  return fd;
}

for (const [name, [program, ...args]] of Object.entries(servers)) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const port = await new Promise((resolve) =>
      createInterface({ input: child.stdout }).once('line', (line) => resolve(Number(line))),
    );
    for (let i = 0; i < 2000; i++) kernel.close(connect(port)); // compiled, and its heap grown
    await ms(1500);
    const before = residentBytes(child.pid);
    const fds = Array.from({ length: SOCKETS }, () => connect(port));
    await ms(1500);
    const bytes = (residentBytes(child.pid) - before) / SOCKETS;
    console.log(`${name.padEnd(16)} ${Math.round(bytes)} bytes a socket`);
    for (const fd of fds) kernel.close(fd);
  } finally {
    child.kill('SIGKILL');
  }
}
rmSync(work, { recursive: true, force: true });
