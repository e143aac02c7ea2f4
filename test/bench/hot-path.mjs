#!/usr/bin/env node
/**
 * The cost of a request's JavaScript without its system calls. Connections are real, but once they are registered,
 * functions in place of epoll_wait, recv and send report them as readable and supply their requests. Everything is in the
 * CPU caches, so this is the minimum; between system calls, which evict it, the same code costs about twice as much. For
 * comparing two versions: it is far less noisy than a measurement through sockets.
 *
 *   npm run build && node test/bench/hot-path.mjs [events a turn]
 */
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '../../dist/library/index.js';
import { kernel } from '../../dist/sys/binding.js';
import { LOOP_GOES_ON } from '../../dist/sys/calls/loop.js';

const EVENTS_A_TURN = Number(process.argv[2] ?? 4); // reported at a time while wrk keeps a server busy
const CONNECTIONS = 64;
const SAMPLES = 1500; // short ones, so that some are not interrupted
const CALLBACKS_A_SAMPLE = 12;
const TURNS_A_CALLBACK = 8;
const WORDS_AN_EVENT = 3;
const READABLE = 1; // EPOLLIN

const root = mkdtempSync(join(tmpdir(), 'epollet-hot-path-'));
writeFileSync(join(root, 'index.html'), 'x'.repeat(600));
utimesSync(join(root, 'index.html'), 1e9, 1e9);

const joined = new Map();
let request = null;
let turns = 0;
let next = 0;
let events;
let onTurn;
const noteTokens = (count) => {
  for (let at = 0; at < WORDS_AN_EVENT * count; at += WORDS_AN_EVENT) joined.set(events[at + 1], events[at + 2]);
};
const report = () => {
  turns++;
  for (let at = 0; at < WORDS_AN_EVENT * EVENTS_A_TURN; at += WORDS_AN_EVENT) {
    const [slot, generation] = request.tokens[next++ % request.tokens.length];
    events[at] = READABLE;
    events[at + 1] = slot;
    events[at + 2] = generation;
  }
  return EVENTS_A_TURN;
};

const server = serve({
  port: 0,
  root,
  kernel: {
    ...kernel,
    loopEnclose: (epfd, words, times, run) => {
      events = words;
      onTurn = run;
      return kernel.loopEnclose(epfd, words, times, (count) => {
        if (request === null) noteTokens(count);
        run(count);
      });
    },
    loopWait: () => {
      if (request !== null) return turns % TURNS_A_CALLBACK === 0 ? LOOP_GOES_ON : report();
      const count = kernel.loopWait();
      noteTokens(count);
      return count;
    },
    recvEach: (fds, count, bytes, stride) => {
      if (request === null) return kernel.recvEach(fds, count, bytes, stride);
      if (!request.isWritten) for (let at = 0; at + stride <= bytes.length; at += stride) bytes.set(request.head, at);
      request.isWritten = true;
      for (let i = 0; i < count; i++) fds[i] = request.head.length;
    },
    sendEach: (fds, ends, count, bytes) => {
      if (request === null) return kernel.sendEach(fds, ends, count, bytes);
      for (let i = 0, start = 0; i < count; start = ends[i++]) fds[i] = ends[i] - start;
    },
  },
});

const headOf = (path, fields) => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${fields.join('')}\r\n`);
const responseTo = (socket, head) =>
  new Promise((resolve) => {
    socket.once('data', (bytes) => resolve(bytes.toString('latin1')));
    socket.write(head);
  });

const sockets = [];
for (let i = 0; i < CONNECTIONS; i++) {
  const socket = connect(server.port, '127.0.0.1');
  sockets.push(socket);
  await responseTo(socket, headOf('/index.html', []));
}
joined.clear();
for (const socket of sockets) await responseTo(socket, headOf('/index.html', []));
const tokens = [...joined];
const etag = /^ETag: (.*)\r$/m.exec(await responseTo(sockets[0], headOf('/index.html', [])))[1];

for (const [name, head] of Object.entries({
  'a page': headOf('/index.html', []),
  'with the fields of a browser': headOf('/index.html', [
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36\r\n',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n',
    'Accept-Language: en-GB,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nCookie: theme=dark; visits=42\r\n',
  ]),
  'a 304': headOf('/index.html', [`If-None-Match: ${etag}\r\n`]),
  'a 404': headOf('/no-such-file', []),
})) {
  request = { head, tokens, isWritten: false };
  let best = Number.POSITIVE_INFINITY;
  for (let sample = 0; sample < SAMPLES; sample++) {
    turns = 0;
    const start = process.hrtime.bigint();
    for (let i = 0; i < CALLBACKS_A_SAMPLE; i++) onTurn(report());
    best = Math.min(best, Number(process.hrtime.bigint() - start) / (turns * EVENTS_A_TURN));
  }
  console.log(`${name.padEnd(30)} ${best.toFixed(0).padStart(5)} ns`);
}

for (const socket of sockets) socket.destroy();
rmSync(root, { recursive: true });
process.exit();
