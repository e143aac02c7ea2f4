#!/usr/bin/env node
/**
 * The time from the start of a process to its first response, and its resident memory then: the command, the command
 * without V8's code cache, and a program of node:http, in turn.
 *
 *   npm run build && node test/bench/start.mjs [runs]
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RUNS = Number(process.argv[2] ?? 10);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'epollet-start-'));
const program = join(work, 'hello.mjs');
writeFileSync(
  program,
  `import http from 'node:http'; http.createServer((q, s) => s.end('hi')).listen(Number(process.argv[2]), '127.0.0.1');`,
);
const serve = (port) => [join(ROOT, 'dist/epollet.cjs'), 'serve', join(ROOT, 'html'), '--port', port];
const PROGRAMS = {
  'node:http': [(port) => [program, port], {}],
  epollet: [serve, { NODE_COMPILE_CACHE: join(work, 'cache') }],
  'epollet without a code cache': [serve, { NODE_DISABLE_COMPILE_CACHE: '1' }],
};

const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(String(port)));
    });
  });

/** Resolves with whether there was a response. */
const request = (port) =>
  new Promise((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'));
    socket.on('data', () => resolve(true)).on('error', () => resolve(false));
    socket.on('data', () => socket.destroy());
  });

async function measure([args, env], stayMs = 0) {
  const port = await freePort();
  const startMs = performance.now();
  const child = spawn(process.execPath, args(port), { stdio: 'ignore', env: { ...process.env, ...env } });
  while (!(await request(port))) {
    if (performance.now() - startMs > 10_000) throw new Error(`${args(port).join(' ')} does not respond`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const ms = performance.now() - startMs;
  const mib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))[1]) / 1024;
  await new Promise((resolve) => setTimeout(resolve, stayMs));
  child.kill('SIGTERM');
  await new Promise((resolve) => child.once('exit', resolve));
  return { ms, mib };
}

const median = (values) => values.sort((one, other) => one - other)[values.length >> 1];
try {
  await measure(PROGRAMS.epollet, 4000); // the code cache is written once the first requests are served
  const runs = Object.fromEntries(Object.keys(PROGRAMS).map((name) => [name, []]));
  for (let run = 0; run < RUNS; run++)
    for (const [name, each] of Object.entries(PROGRAMS)) runs[name].push(await measure(each));
  const base = median(runs['node:http'].map(({ ms }) => ms));
  for (const [name, measured] of Object.entries(runs)) {
    const ms = median(measured.map((run) => run.ms));
    const mib = median(measured.map((run) => run.mib));
    console.log(
      `${name.padEnd(30)} ${ms.toFixed(0).padStart(5)} ms  ${(ms / base).toFixed(2)} ×  ${mib.toFixed(1)} MiB`,
    );
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
