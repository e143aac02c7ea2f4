/**
 * Two workers against one, on two cores that the client needs too: requests a second, CPU time per request of the whole server
 * (proc(5), /proc/PID/stat), and the share of each worker. Servers stay up and are loaded in turn. Requests a
 * second and cores are those of the best round, since other processes only take away; the rest are medians.
 *
 *   node test/bench/workers.mjs [ROUNDS] [SECONDS] [SCENARIO…]      needs wrk
 *
 * Where a response costs the client as much as the server, the client takes the second core, and two workers cannot be much
 * faster. A handler that computes leaves room; of requests that are pipelined each costs wrk less. A second core that other
 * processes take is not there for the second worker: see how many cores the server has used.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../dist/epollet.cjs', import.meta.url));
const [rounds = 5, seconds = 2] = process.argv.slice(2, 4).map(Number);
const wanted = process.argv.slice(4);
const TICKS_PER_S = 100;

const APP = `
import { createHash } from 'node:crypto';
const row = (_, i) => '<tr><td>' + i + '<td>' + 'name of ' + i * 7 + '<td>' + (i / 3).toFixed(2);
export default {
  fetch: () => new Response(createHash('sha256').update(Array.from({ length: 400 }, row).join('')).digest('hex')),
};
`;

/** Wrk sends what \`request\` returns: 16 requests at once. */
const PIPELINE = `
init = function(args)
  local requests = {}
  for i = 1, 16 do requests[i] = wrk.format() end
  pipelined = table.concat(requests)
end
request = function() return pipelined end
`;

const SCENARIOS = {
  handler: { what: 'a handler that computes', path: '/compute', connections: 256 },
  pipelined: { what: 'a file of 1 KiB, 16 requests at once', path: '/', connections: 64, script: PIPELINE },
  single: { what: 'a file of 1 KiB, one request at a time', path: '/', connections: 256 },
};

const SERVERS = {
  'one worker': ['--workers', '1'],
  'two workers': ['--workers', '2'],
  'two workers, shared': ['--workers', '2', '--accept', 'shared'],
};

const directory = mkdtempSync(join(tmpdir(), 'epollet-workers-'));
writeFileSync(join(directory, 'app.mjs'), APP);
writeFileSync(join(directory, 'pipeline.lua'), PIPELINE);

writeFileSync(join(directory, 'index.html'), 'x'.repeat(1024));

class Measured {
  constructor(name, flags) {
    this.name = name;
    const args = [
      COMMAND,
      'serve',
      directory,
      '--app',
      join(directory, 'app.mjs'),
      '--port',
      '0',
      '--admin',
      '127.0.0.1:0',
    ];
    this.process = spawn(process.execPath, [...args, ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  async ready() {
    let output = '';
    while (!output.includes('admin door')) output += String((await once(this.process.stdout, 'data'))[0]);
    [this.url, this.door] = output.match(/http:\S+/g);
    while (!(await fetch(new URL('/readyz', this.door))).ok) await new Promise((resolve) => setTimeout(resolve, 50));
  }

  /** Of all threads. */
  get cpuSeconds() {
    const fields = readFileSync(`/proc/${this.process.pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_S;
  }

  async requestsByWorker() {
    const text = await (await fetch(new URL('/metrics', this.door))).text();
    return [...text.matchAll(/^epollet_requests_total\{.*\} (\d+)$/gm)].map(([, count]) => Number(count));
  }

  /** @returns requests a second, CPU microseconds per request, the cores used, and the most that one worker had of all requests */
  async load({ path, connections, script }, forSeconds) {
    const options = ['-t1', `-c${connections}`, `-d${forSeconds}s`];
    if (script !== undefined) options.push('-s', join(directory, 'pipeline.lua'));
    const [before, beforeSeconds] = [await this.requestsByWorker(), this.cpuSeconds];
    const startMs = performance.now();
    const wrk = spawn('wrk', [...options, new URL(path, this.url).href], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    for await (const piece of wrk.stdout) output += piece;
    if (/Non-2xx|Socket errors/.test(output)) throw new Error(`${this.name}: ${output}`);
    const cpuSeconds = this.cpuSeconds - beforeSeconds;
    const elapsedSeconds = (performance.now() - startMs) / 1000;
    const counts = (await this.requestsByWorker()).map((count, worker) => count - before[worker]);
    const total = counts.reduce((sum, count) => sum + count, 0);
    return {
      perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)[1]),
      cpuUs: (cpuSeconds * 1e6) / total,
      cores: cpuSeconds / elapsedSeconds,
      share: Math.max(...counts) / total,
    };
  }
}

const most = (values) => Math.max(...values);
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const HOW = { perSecond: most, cores: most, cpuUs: median, share: median };
const servers = Object.entries(SERVERS).map(([name, flags]) => new Measured(name, flags));
try {
  for (const server of servers) await server.ready();
  for (const [name, scenario] of Object.entries(SCENARIOS)) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const results = new Map(servers.map((server) => [server, []]));
    for (const server of servers) await server.load(scenario, 1); // compiles
    for (let round = 0; round < rounds; round++)
      for (const server of servers) results.get(server).push(await server.load(scenario, seconds));
    console.log(`${scenario.what}, ${scenario.connections} connections`);
    const of = (server, field) => HOW[field](results.get(server).map((result) => result[field]));
    const [base] = servers;
    for (const server of servers) {
      const [perSecond, cpuUs, cores, share] = ['perSecond', 'cpuUs', 'cores', 'share'].map((field) =>
        of(server, field),
      );
      const times = (field) => (of(server, field) / of(base, field)).toFixed(2);
      console.log(
        `  ${server.name.padEnd(20)} ${perSecond.toFixed(0).padStart(7)}/s (${times('perSecond')}), ` +
          `${cpuUs.toFixed(2).padStart(7)} µs of CPU a request (${times('cpuUs')}), ${cores.toFixed(2)} cores, the busier worker has ${(100 * share).toFixed(0)} %`,
      );
    }
  }
} finally {
  for (const server of servers) server.process.kill();
  await Promise.all(servers.map((server) => once(server.process, 'exit')));
  rmSync(directory, { recursive: true });
}
