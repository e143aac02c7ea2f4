/**
 * The load of websocket-echo.mjs: connections that each have some messages, or one request, on their way. It reads how many
 * milliseconds to run from standard input, a line each time, and writes how many responses have come.
 *
 *   node test/bench/websocket-load.mjs PORT text|binary|file|raw CONNECTIONS BYTES MESSAGES
 *
 * `raw` sends frames without an upgrade, to a server that sends bytes back as they are.
 */
import { createInterface } from 'node:readline';
import { EPOLLIN, Epoll } from '../../dist/epoll/index.js';
import { constants, kernel } from '../../dist/sys/index.js';

const [port, kind, connections, bytes, messages] = process.argv
  .slice(2)
  .map((value, at) => (at === 1 ? value : Number(value)));
const BATCH = 64;
const STRIDE = 65_537;

const KEY = [0x12, 0x34, 0x56, 0x78];
function masked(opcode, payload) {
  const head = payload.length < 126 ? [0x80 | payload.length] : [0xfe, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...head, ...KEY]), payload.map((byte, at) => byte ^ KEY[at & 3])]);
}

const upgrade =
  'GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
const request = Buffer.from('GET /index.html HTTP/1.1\r\nHost: a\r\n\r\n');
const frame = masked(kind === 'text' ? 1 : 2, Buffer.alloc(bytes, 'a'));
const perConnection = kind === 'file' ? 1 : messages;
const message = kind === 'file' ? request : Buffer.concat(Array.from({ length: messages }, () => frame));

const buffer = Buffer.alloc(STRIDE * BATCH);
/** The first response of a connection, which may come in parts. */
async function first(fd, ends) {
  let text = '';
  while (!ends(text)) {
    const got = kernel.recv(fd, buffer, 0, 65_536, 0);
    if (got === 0) throw new Error(`the server has closed a connection: ${kind}, port ${port}`);
    if (got > 0) text += buffer.toString('latin1', 0, got);
    else await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return text.length;
}

const fds = [];
let expected = kind === 'raw' ? message.length : perConnection * (bytes < 126 ? bytes + 2 : bytes + 4);
for (let i = 0; i < connections; i++) {
  const fd = kernel.socket(constants.AF_INET, constants.SOCK_STREAM, 0);
  if (kernel.connect(fd, '127.0.0.1', port) < 0) throw new Error('no server');
  kernel.setsockopt(fd, constants.IPPROTO_TCP, constants.TCP_NODELAY, 1);
  kernel.fcntl(fd, constants.F_SETFL, constants.O_NONBLOCK);
  if (kind === 'file') {
    kernel.send(fd, request, 0, request.length, 0);
    expected = await first(fd, (text) => text.includes('\r\n\r\n') && text.length >= text.indexOf('\r\n\r\n') + 604);
  } else if (kind !== 'raw') {
    const head = Buffer.from(upgrade);
    kernel.send(fd, head, 0, head.length, 0);
    await first(fd, (text) => text.includes('\r\n\r\n'));
  }
  fds.push(fd);
}

const epoll = new Epoll();
for (const fd of fds) epoll.register(fd, EPOLLIN);
const missing = new Map(fds.map((fd) => [fd, 0]));
const events = new Uint32Array(3 * BATCH);
const batch = new Int32Array(BATCH);
const ends = new Int32Array(BATCH);
const out = Buffer.alloc(message.length * BATCH);
for (let i = 0; i < BATCH; i++) {
  message.copy(out, i * message.length);
  ends[i] = (i + 1) * message.length;
}
let isStarted = false;

function run(ms) {
  if (!isStarted) for (const fd of fds) kernel.send(fd, message, 0, message.length, 0);
  if (!isStarted) for (const fd of fds) missing.set(fd, expected);
  isStarted = true;
  const end = performance.now() + ms;
  let count = 0;
  while (performance.now() < end) {
    const ready = epoll.pollInto(events, 100);
    const of = [];
    for (let i = 0; i < ready; i++) {
      batch[i] = events[3 * i + 1];
      of.push(batch[i]);
    }
    kernel.recvEach(batch, ready, buffer, STRIDE);
    let sending = 0;
    for (let i = 0; i < ready; i++) {
      if (batch[i] === 0) throw new Error(`the server has closed a connection: ${kind}, port ${port}`);
      if (batch[i] < 0) continue;
      const left = missing.get(of[i]) - batch[i];
      if (left > 0) {
        missing.set(of[i], left);
        continue;
      }
      count += perConnection;
      missing.set(of[i], expected);
      of[sending++] = of[i];
    }
    for (let i = 0; i < sending; i++) batch[i] = of[i];
    kernel.sendEach(batch, ends, sending, out);
  }
  return count;
}

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) console.log(run(Number(line)));
