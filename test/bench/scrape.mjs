/**
 * What a scrape of the admin door costs each thread of the server, in CPU time: the median of many, a while apart as those of a
 * scraper are. The server is alone on core 0, and this process on core 1: a client on the same core leaves it cold caches.
 *
 *   node test/bench/scrape.mjs [FLAGS of the server…]      such as --workers 2
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../dist/epollet.cjs', import.meta.url));
const SCRAPES = 60;
const PATH = process.env.SCRAPE_PATH ?? '/metrics';
const APART_MS = 100;
const REQUESTS_BETWEEN = 10;
const REQUESTS = 2000;

const flags = ['serve', '--port', '0', '--admin', '127.0.0.1:0', ...process.argv.slice(2)];
spawnSync('taskset', ['--pid', '--cpu-list', '1', String(process.pid)]);
const server = spawn('taskset', ['--cpu-list', '0', process.execPath, COMMAND, ...flags], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Nanoseconds on a core, by thread: proc(5), schedstat. */
function threadTimes() {
  const tasks = `/proc/${server.pid}/task`;
  return new Map(
    readdirSync(tasks).map((id) => [id, Number(readFileSync(`${tasks}/${id}/schedstat`, 'utf8').split(' ')[0])]),
  );
}

const differences = (before) => new Map([...threadTimes()].map(([id, ns]) => [id, (ns - (before.get(id) ?? 0)) / 1e6]));

const quantile = (values, share) => values.toSorted((a, b) => a - b)[Math.floor(values.length * share)];

try {
  let output = '';
  while (!output.includes('admin door')) output += String((await once(server.stdout, 'data'))[0]);
  const [site, door] = output.match(/http:\S+/g);
  // The histograms of a server that was just started are empty.
  for (let i = 0; i < REQUESTS; i++) await (await fetch(new URL(i % 10 === 0 ? '/missing' : '/', site))).arrayBuffer();
  let bytes = 0;
  const scraped = [];
  const idle = [];
  const someRequests = async () => {
    for (let i = 0; i < REQUESTS_BETWEEN; i++) await (await fetch(site)).arrayBuffer();
    await delay(APART_MS);
  };
  for (let i = 0; i < SCRAPES; i++) {
    let before = threadTimes();
    await someRequests();
    idle.push(differences(before));
    before = threadTimes();
    bytes = (await (await fetch(new URL(PATH, door))).arrayBuffer()).byteLength;
    await someRequests();
    scraped.push(differences(before));
  }
  console.log(`${bytes} bytes a scrape; milliseconds of each thread`);
  for (const id of scraped[0].keys()) {
    const of = (all) => all.map((each) => each.get(id) ?? 0);
    const [own, most] = [0.5, 0.95].map((share) => quantile(of(scraped), share));
    const idleMs = quantile(of(idle), 0.5);
    if (own - idleMs < 0.01) continue;
    const name = readFileSync(`/proc/${server.pid}/task/${id}/comm`, 'utf8').trim();
    const isMain = Number(id) === server.pid;
    console.log(
      `${isMain ? 'main' : name}: ${(own - idleMs).toFixed(2)} (95 %: ${(most - idleMs).toFixed(2)}), idle ${idleMs.toFixed(2)}`,
    );
  }
} finally {
  server.kill();
}
