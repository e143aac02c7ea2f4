#!/usr/bin/env node
/**
 * What requests for many different names make the server's resident memory grow by, after them and at its highest, above
 * rest: `cacheBytes` is to bound it. Each name is requested twice in a row, so that it is worth an entry.
 *
 *   npm run build && node test/bench/cache-memory.mjs [names] [cacheBytes] [kinds, such as found,missing] [program]
 *
 * `found` makes as many files in the directory for temporary files, of holes: they need inodes, but no space.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NAMES = Number(process.argv[2] ?? 1_000_000);
const CACHE_BYTES = process.argv[3] ?? '67108864';
const KINDS = (process.argv[4] ?? 'missing,spellings,found').split(',');
const CLI = process.argv[5] ?? fileURLToPath(new URL('../../dist/epollet.cjs', import.meta.url));
const FILE_BYTES = 600;
const FILES_A_DIRECTORY = 1000;
const CONNECTIONS = 16;
const PIPELINED = 32; // requests sent at once
const STATUS_LINE = 'HTTP/1.1 ';
const MIB = 1 << 20;

/** A path for each number. */
const PATHS = {
  missing: (n) => `/missing/${n}.html`,
  spellings: (n) => `/${spelling('long-enough-a-name.html', n)}`,
  found: (n) => `/${Math.floor(n / FILES_A_DIRECTORY)}/${n}.html`,
};

/** The name with its characters percent-encoded or not, in upper or lower case. */
function spelling(name, n) {
  let rest = n;
  let text = '';
  for (const character of name) {
    const code = `%${character.charCodeAt(0).toString(16)}`;
    text += [character, code, code.toUpperCase()][rest % 3];
    rest = Math.floor(rest / 3);
  }
  return text;
}

const root = mkdtempSync(join(tmpdir(), 'epollet-cache-memory-'));
writeFileSync(join(root, 'long-enough-a-name.html'), 'x'.repeat(FILE_BYTES));
if (KINDS.includes('found')) {
  for (let n = 0; n < NAMES; n++) {
    if (n % FILES_A_DIRECTORY === 0) mkdirSync(join(root, String(n / FILES_A_DIRECTORY)));
    const fd = openSync(root + PATHS.found(n), 'w');
    ftruncateSync(fd, FILE_BYTES);
    closeSync(fd);
  }
}

function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  const field = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) * 1024;
  return { now: field('VmRSS'), peak: field('VmHWM') };
}

/** In microseconds: utime and stime in proc_pid_stat(5), in ticks of 10 ms. */
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Requests the paths of the numbers from `first` in steps of CONNECTIONS, each twice. */
function requestAll(port, pathOf, first) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let next = first;
    let awaited = 0;
    let end = '';
    const send = () => {
      if (next >= NAMES) return resolve(socket.destroy());
      let text = '';
      for (let i = 0; i < PIPELINED && next < NAMES; i += 2, next += CONNECTIONS) {
        text += `GET ${pathOf(next)} HTTP/1.1\r\nHost: h\r\n\r\n`.repeat(2);
        awaited += 2;
      }
      socket.write(text, 'latin1');
    };
    socket.on('error', reject).on('close', () => reject(new Error('the server closed a connection')));
    socket.on('data', (bytes) => {
      const text = end + bytes.latin1Slice();
      for (let at = text.indexOf(STATUS_LINE); at >= 0; at = text.indexOf(STATUS_LINE, at + 1)) awaited--;
      end = text.slice(1 - STATUS_LINE.length);
      if (awaited === 0) send();
    });
    send();
  });
}

try {
  for (const kind of KINDS) {
    const args = [CLI, 'serve', root, '--port', '0', '--cache-bytes', CACHE_BYTES, '--access-log', 'off'];
    const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    for (const stream of [server.stdout, server.stderr])
      stream.on('data', (bytes) => {
        printed += bytes;
      });
    while (!/:\d+/.test(printed)) await new Promise((resolve) => setTimeout(resolve, 50));
    const port = Number(/:(\d+)/.exec(printed)[1]);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const rest = memoryOf(server.pid);
    const cpu = cpuOf(server.pid);
    await Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => requestAll(port, PATHS[kind], i)));
    const us = (cpuOf(server.pid) - cpu) / (2 * NAMES);
    const { now, peak } = memoryOf(server.pid);
    const mib = (bytes) => (bytes / MIB).toFixed(1);
    console.log(
      `${NAMES} ${kind}: rest ${mib(rest.now)} MiB, then + ${mib(now - rest.now)}, at most + ${mib(peak - rest.now)}; ${us.toFixed(1)} µs of CPU a request`,
    );
    server.kill();
  }
} finally {
  rmSync(root, { recursive: true });
}
