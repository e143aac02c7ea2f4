import { randomUUID } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { type LabSettings, QUICK } from '../../src/lab/bench/settings.js';
import { smokeCheck } from '../../src/lab/bench/smoke-check.js';
import type { Launcher } from '../../src/lab/bench/workbench.js';
import { runLab } from '../../src/lab/lab.js';
import { type ToolName, Tools } from '../../src/lab/load/tools.js';
import { renderText } from '../../src/lab/report/terminal.js';
import { MAIN } from '../support/command.js';
import { needs } from '../support/needs.js';
import { processesWith } from './processes.js';

const LAB_MS = 60_000;

const launch: Launcher = {
  model: (model, folder) => [process.execPath, MAIN, 'model', model, folder, '--host', '127.0.0.1', '--port', '0'],
  countingServer: (folder) => [process.execPath, MAIN.replace('cli/main.js', 'lab/bench/counting-server.js'), folder],
};

const tiny: LabSettings = {
  ...QUICK,
  experiment: 'models',
  models: ['epollet', 'blocking'],
  seed: 7,
  seconds: 0.2,
  warmUpSeconds: 0.1,
  connections: 4,
  rate: 100,
  idle: 20,
  maxIdle: 10,
  budgetSeconds: null,
};

/** A program that serves every request like this, in the place of a model. */
const programs = (answer: string): readonly string[] => [
  process.execPath,
  '-e',
  `const server = require('node:http').createServer((request, response) => { ${answer} });
   server.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port + '/'));
   process.on('SIGTERM', () => process.exit());`,
];

const runs = needs(new Tools().has('wrk'), 'the lab', 'wrk is not installed');

const mark = randomUUID();
process.env['LAB_TEST_MARK'] = mark;
/** What this file has started; the environment of this process itself was fixed when it began. */
const serversLeft = (): string[] => processesWith(`LAB_TEST_MARK=${mark}`);

describe.runIf(runs)('the lab', () => {
  test('measures all that its tools can', { timeout: LAB_MS }, async () => {
    const report = await runLab(tiny, { launch });
    if (report.experiment !== 'models') throw new Error();
    expect(report).toMatchObject({ format: 'epollet-lab', version: 1, complete: true, settings: tiny });
    expect(report.results.map(({ model, failure }) => [model, failure])).toEqual([
      ['epollet', null],
      ['blocking', null],
    ]);
    const [ours, blocking] = report.results;
    for (const { rounds, cpuUs, requestsPerSecond, baselineBytes, errors } of report.results) {
      expect(rounds).toHaveLength(1);
      expect(cpuUs!.median).toBeGreaterThan(0);
      expect(requestsPerSecond!.median).toBeGreaterThan(10);
      expect(baselineBytes!.median).toBeGreaterThan(10 * 1024 * 1024);
      expect(errors).toBe(0);
    }
    expect(ours).toMatchObject({ keepsConnections: true, silencedBy: null });
    expect(blocking).toMatchObject({ keepsConnections: false, silencedBy: 1, perConnectionBytes: null });
    expect(ours!.ownCalls!.byName['recvfrom']).toBeGreaterThan(0.9);
    if (report.tools.find(({ name }) => name === 'h2load')!.version)
      for (const { latencyMs } of report.results) expect(latencyMs!.p99.median).toBeGreaterThan(0);
    if (report.tools.find(({ name }) => name === 'strace')!.version)
      expect(ours!.systemCalls!.byName['recvfrom']).toBeGreaterThan(0.9);
    expect(renderText(report)).toMatch(/^epollet +\d/m);
    expect(serversLeft()).toEqual([]);
  });

  test('leaves out what is not installed, and says so', { timeout: LAB_MS }, async () => {
    const hidden: ToolName[] = ['wrk', 'h2load', 'strace', 'taskset'];
    const tools = new Tools(hidden);
    if (!needs(tools.has('autocannon'), 'load by autocannon', 'autocannon is not installed')) return;
    const report = await runLab({ ...tiny, models: ['epollet'], seconds: 1 }, { launch, tools });
    if (report.experiment !== 'models') throw new Error();
    for (const name of hidden) expect(report.notes.filter((note) => note.startsWith(name))).toHaveLength(1);
    expect(report.machine.pinned).toBeNull();
    const [ours] = report.results;
    expect(ours!.requestsPerSecond!.median).toBeGreaterThan(10);
    expect([ours!.latencyMs, ours!.systemCalls]).toEqual([null, null]);
    expect(ours!.ownCalls!.perRequest).toBeGreaterThan(1);
  });

  test('a model that answers wrongly is left out; the others go on', { timeout: LAB_MS }, async () => {
    const wrong: Launcher = {
      ...launch,
      model: (model, folder) =>
        model === 'libuv' ? programs(`response.end('something else')`) : launch.model(model, folder),
    };
    const report = await runLab({ ...tiny, models: ['libuv', 'epollet'] }, { launch: wrong });
    if (report.experiment !== 'models') throw new Error();
    expect(report.results[0]).toMatchObject({
      rounds: [],
      cpuUs: null,
      failure: 'GET / was answered with other bytes than index.html has.',
    });
    expect(report.results[1]!.rounds).toHaveLength(1);
  });

  test('a model that does not start is left out', { timeout: LAB_MS }, async () => {
    const broken: Launcher = {
      ...launch,
      model: () => [process.execPath, '-e', 'console.error("no"); process.exit(3)'],
    };
    const report = await runLab({ ...tiny, models: ['libuv'] }, { launch: broken });
    if (report.experiment !== 'models') throw new Error();
    expect(report.results[0]!.failure).toBe('It ended with 3 before it answered; it said: no.');
  });

  test('when it is interrupted, what was measured is in the report', { timeout: LAB_MS }, async () => {
    const stop = new AbortController();
    let steps = 0;
    const progress = {
      start: () => {},
      label: () => {},
      stop: () => {},
      step: () => {
        if (++steps === 3) setTimeout(() => stop.abort(), 700);
      },
    };
    const report = await runLab({ ...tiny, rounds: 9 }, { launch, progress, signal: stop.signal });
    if (report.experiment !== 'models') throw new Error();
    expect(report.complete).toBe(false);
    expect(report.results.reduce((sum, { rounds }) => sum + rounds.length, 0)).toBeGreaterThanOrEqual(3);
    expect(renderText(report)).toContain('It was interrupted');
    expect(serversLeft()).toEqual([]);
  });

  test('opens more and more connections', { timeout: LAB_MS }, async () => {
    const report = await runLab({ ...tiny, experiment: 'connections' }, { launch });
    if (report.experiment !== 'connections') throw new Error();
    const [ours, blocking] = report.results;
    expect(ours!.points.map(({ idle, stillOpen }) => [idle, stillOpen.median])).toEqual([
      [1, 1],
      [10, 10],
    ]);
    expect(ours!.failedAt).toBeNull();
    expect(blocking!.points).toEqual([]);
    expect(blocking!.failedAt).toMatchObject({ idle: 1, reason: expect.stringContaining('answers nobody') });
  });
});

describe('the check of answers', () => {
  const PAGE = Buffer.from('<p>the page');
  let server: Server;

  afterEach(() => server.close());

  async function urlOf(listener: RequestListener): Promise<URL> {
    server = createServer(listener).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  }

  const right: RequestListener = ({ url }, response) => {
    response.statusCode = url === '/' ? 200 : 404;
    response.end(url === '/' ? PAGE : 'no');
  };

  test.each<[string, RequestListener, string]>([
    ['an error', (_, response) => response.writeHead(500).end(), 'GET / was answered 500, not 200.'],
    [
      'another page',
      (_, response) => response.end('<p>another'),
      'GET / was answered with other bytes than index.html has.',
    ],
    ['a page for everything', (_, response) => response.end(PAGE), 'GET /no-such-page was answered 200, not 404.'],
    ['a reset', ({ socket }) => socket.resetAndDestroy(), 'GET / failed with ECONNRESET.'],
    ['an end', ({ socket }) => socket.end(), 'GET / was cut off before its answer was whole.'],
  ])('%s is refused', async (_, listener, why) => {
    await expect(smokeCheck(await urlOf(listener), PAGE)).rejects.toThrow(why);
  });

  test('what is right passes, and tells whether connections are kept', async () => {
    expect(await smokeCheck(await urlOf(right), PAGE)).toMatchObject({ keeps: true });
    server.close();
    const closing: RequestListener = (request, response) => right(request, response.setHeader('Connection', 'close'));
    expect(await smokeCheck(await urlOf(closing), PAGE)).toMatchObject({ keeps: false });
  });

  test('a model with a page of its own need not have ours', async () => {
    const url = await urlOf((_, response) => response.end('<p>mine'));
    expect((await smokeCheck(url, PAGE, { fixedPage: true })).responseShape).toBe('200 undefined 7 bytes');
  });
});
