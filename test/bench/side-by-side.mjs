#!/usr/bin/env node
/**
 * CPU time per request of epollet and its neighbours, on one machine: each server alone on core 0, wrk on core 1, in
 * interleaved rounds. Ratios within one run are what counts.
 *
 *   npm run build && node test/bench/side-by-side.mjs [seconds] [rounds] [part of a scenario's title]
 *
 * Needs wrk and taskset, and two cores; nginx is measured where it is installed. Loopback only, and it ends by itself.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SECONDS = Number(process.argv[2] ?? 3);
const ROUNDS = Number(process.argv[3] ?? 3);
const WANTED = process.argv[4] ?? '';
const CLI = fileURLToPath(new URL('../../dist/epollet.cjs', import.meta.url));

const BROWSER = [
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8',
  'Accept-Language: en-GB,en;q=0.9,de;q=0.8',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Cookie: theme=dark; visits=42',
];
const SCENARIOS = {
  'a 600-byte page, 64 connections': ['/index.html', 64, []],
  'the same with the fields of a browser': ['/index.html', 64, BROWSER],
  'a 10 KiB file, 64 connections': ['/10k.bin', 64, []],
  'a page, 4,000 connections': ['/index.html', 4000, []],
  'one connection: each request wakes a server that sleeps': ['/index.html', 1, BROWSER],
  'four connections': ['/index.html', 4, BROWSER],
  '100,000 files at random, more than the caches hold': ['/cold/0/0.html', 64, [], 'cold.lua'],
};
const COLD_DIRECTORIES = 100;
const COLD_FILES = 1000; // in each directory

const work = mkdtempSync(join(tmpdir(), 'epollet-bench-'));
const site = join(work, 'site');
execFileSync('mkdir', [site]);
const page = `<!doctype html><title>t</title><body>${'x'.repeat(560)}</body>\n`;
writeFileSync(join(site, 'index.html'), page);
writeFileSync(join(site, '10k.bin'), Buffer.alloc(10240, 'x'));
writeFileSync(
  join(work, 'cold.lua'),
  `request = function() return wrk.format("GET", "/cold/" .. math.random(0, ${COLD_DIRECTORIES - 1}) .. "/" .. math.random(0, ${COLD_FILES - 1}) .. ".html") end`,
);
writeFileSync(
  join(work, 'node.mjs'),
  `import { createServer } from 'node:http'; import { readFileSync } from 'node:fs';
const files = new Map(['index.html', '10k.bin'].map((name) => ['/' + name, readFileSync(${JSON.stringify(site)} + '/' + name)]));
createServer((request, response) => { const body = files.get(request.url);
  response.writeHead(body ? 200 : 404, { 'content-length': body?.length ?? 0 }); response.end(body); }).listen(Number(process.argv[2]), '127.0.0.1', 4096);`,
);

function makeColdFiles() {
  for (let at = 0; at < COLD_DIRECTORIES; at++) {
    mkdirSync(join(site, 'cold', String(at)), { recursive: true });
    for (let i = 0; i < COLD_FILES; i++) writeFileSync(join(site, 'cold', String(at), `${i}.html`), page);
  }
}

const has = (program) => {
  try {
    execFileSync('which', [program]);
    return true;
  } catch {
    return false;
  }
};
for (const program of ['wrk', 'taskset']) {
  if (!has(program)) throw new Error(`${program} is not installed; on Debian: apt-get install wrk util-linux`);
}

const servers = {
  'epollet (level)': (port) => ['node', CLI, 'serve', site, '--port', port],
  'epollet (edge)': (port) => ['node', CLI, 'serve', site, '--port', port, '--trigger', 'edge'],
  'node:http, from memory': (port) => ['node', join(work, 'node.mjs'), port],
  ...(has('nginx') && { 'nginx, open_file_cache': nginx }),
};

function nginx(port) {
  const conf = join(work, 'nginx.conf');
  writeFileSync(
    conf,
    `user root; daemon off; worker_processes 1; pid ${work}/nginx.pid; error_log ${work}/error.log;
events { worker_connections 16384; multi_accept on; }
http { access_log off; sendfile on; open_file_cache max=1000; open_file_cache_valid 600s; keepalive_requests 100000000;
server { listen 127.0.0.1:${port} backlog=4096; root ${site}; } }`,
  );
  return ['nginx', '-c', conf];
}

const freePort = () =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(String(port)));
    });
  });

/** Microseconds on a core, of all threads of a process and its children. */
function cpuMicros(pid) {
  let total = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    total += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]) / 1000;
    const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean);
    for (const child of children) total += cpuMicros(child);
  }
  return total;
}

async function measure(command, [path, connections, headers, script]) {
  const port = await freePort();
  const server = spawn('taskset', ['-c', '0', ...command(port)], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}${path}`;
  const load = (seconds) =>
    execFileSync(
      'taskset',
      [
        '-c',
        '1',
        'wrk',
        '-t1',
        `-c${connections}`,
        `-d${seconds}s`,
        ...headers.flatMap((header) => ['-H', header]),
        ...(script === undefined ? [] : ['-s', join(work, script)]),
        url,
      ],
      {
        encoding: 'utf8',
      },
    );
  try {
    for (let tries = 0; ; tries++) {
      const isUp = await fetch(url).then(
        (response) => response.ok,
        () => false,
      );
      if (isUp) break;
      if (tries > 100) throw new Error(`${command(port).join(' ')} does not respond`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    load(1);
    const before = cpuMicros(server.pid);
    const requests = Number(/(\d+) requests in/.exec(load(SECONDS))[1]);
    return (cpuMicros(server.pid) - before) / requests;
  } finally {
    server.kill('SIGTERM');
    await new Promise((resolve) => server.once('exit', resolve));
  }
}

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

try {
  for (const [title, scenario] of Object.entries(SCENARIOS)) {
    if (!title.includes(WANTED)) continue;
    const isCold = scenario[3] !== undefined;
    if (isCold) makeColdFiles();
    // The program of node:http has its few files in memory.
    const names = Object.keys(servers).filter((name) => !(isCold && name.startsWith('node:http')));
    const costs = Object.fromEntries(names.map((name) => [name, []]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of names) costs[name].push(await measure(servers[name], scenario));
    }
    const base = median(costs['epollet (level)']);
    console.log(`\n${title}: CPU µs a request, median of ${ROUNDS}`);
    for (const [name, values] of Object.entries(costs)) {
      const cost = median(values);
      console.log(`  ${name.padEnd(26)} ${cost.toFixed(2).padStart(7)}  ${(cost / base).toFixed(2)} × epollet`);
    }
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
