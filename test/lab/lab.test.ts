import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { QUICK } from '../../src/lab/bench/settings.js';
import type { Launcher } from '../../src/lab/bench/workbench.js';
import type { ModelResult } from '../../src/lab/experiments/models-result.js';
import type { LabSettings } from '../../src/lab/experiments/registry.js';
import { runLab } from '../../src/lab/lab.js';
import { type ToolName, Tools } from '../../src/lab/load/tools.js';
import { renderText } from '../../src/lab/report/terminal.js';
import { MAIN } from '../support/command.js';
import { processesWith } from './processes.js';

const LAB_MS = 60_000;

const launch: Launcher = {
  model: (model, directory) => [
    process.execPath,
    MAIN,
    'model',
    model,
    directory,
    '--host',
    '127.0.0.1',
    '--port',
    '0',
  ],
  countingServer: (directory) => [
    process.execPath,
    MAIN.replace('epollet.cjs', 'lab/bench/counting-server.js'),
    directory,
  ],
  rateLoad: [process.execPath, MAIN.replace('epollet.cjs', 'lab/bench/rate-load-program.js')],
};

const tiny: LabSettings = {
  ...QUICK,
  experiment: 'models',
  models: ['epollet', 'blocking'],
  seed: 7,
  seconds: 0.1,
  warmUpSeconds: 0.1,
  connections: 4,
  rate: 100,
  idle: 20,
  maxIdle: 10,
  budgetSeconds: null,
};

/** A program with this request handler, instead of a model. */
const program = (body: string): readonly string[] => [
  process.execPath,
  '-e',
  `const server = require('node:http').createServer((request, response) => { ${body} });
   server.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port + '/'));
   process.on('SIGTERM', () => process.exit());`,
];

const mark = randomUUID();
process.env['LAB_TEST_MARK'] = mark;
/** Processes started by this file; /proc/self/environ does not change. */
const remainingServers = (): string[] => processesWith(`LAB_TEST_MARK=${mark}`);

describe('the lab', () => {
  test('measures everything for which a tool is installed', { timeout: LAB_MS }, async () => {
    const report = await runLab(tiny, { launch });
    if (report.experiment !== 'models') throw new Error();
    expect(report).toMatchObject({ format: 'epollet-lab', version: 3, complete: true, settings: tiny });
    expect(report.results.map(({ model, failure }) => [model, failure])).toEqual([
      ['epollet', null],
      ['blocking', null],
      ['epollet again', null],
    ]);
    expect(report.repeated!.model).toBe('epollet');
    expect(report.repeated!.noise.baselineBytes).toBeGreaterThanOrEqual(1);
    const [epollet, blocking] = report.results;
    for (const { rounds, cpuUs, requestsPerSecond, unsteady, baselineBytes, errors } of report.results) {
      expect(rounds).toHaveLength(1);
      if (unsteady === null) {
        expect(cpuUs!.median).toBeGreaterThan(0);
        expect(requestsPerSecond!.median).toBeGreaterThan(10);
      } else expect([cpuUs, requestsPerSecond]).toEqual([null, null]); // a busy machine
      expect(baselineBytes!.median).toBeGreaterThan(10 * 1024 * 1024);
      expect(errors).toBe(0);
    }
    expect(epollet).toMatchObject({ keepsAlive: true, starvedBy: null });
    expect(blocking).toMatchObject({ keepsAlive: false, starvedBy: 1, perConnectionBytes: null });
    expect(epollet!.ownCalls!.byName['recvfrom']).toBeGreaterThan(0.9);
    for (const { latencyMs, rawMs, closedLoopMs, unsteady } of report.results) {
      if (unsteady !== null) continue;
      expect(rawMs!.p99.median).toBeGreaterThan(0);
      expect(latencyMs!.p99.median).toBeGreaterThanOrEqual(rawMs!.p99.median);
      expect(closedLoopMs!.p50.median).toBeGreaterThan(0);
    }
    if (report.tools.find(({ name }) => name === 'strace')!.version) {
      expect(epollet!.systemCalls!.byName['recvfrom']).toBeGreaterThan(0.9);
      // One request on an open connection, and one that opens a connection and closes it.
      expect(epollet!.transcript!.reason).toBeNull();
      const calls = epollet!.transcript!.calls.join('\n');
      expect(calls).toMatch(/^epoll_wait\(.*\nrecvfrom\(\d+, "GET \/ .*\nsendto\(\d+, "HTTP\/1\.1 200.*\nepoll_/m);
      expect(blocking!.transcript!.calls.join('\n')).toMatch(/^accept4?\([\s\S]*"GET \/ [\s\S]*"HTTP\/1\.1 200/m);
    }
    expect(report.results[2]!.transcript).toBeNull();
    expect(renderText(report)).toMatch(/^epollet +[\d–]/m);
    expect(remainingServers()).toEqual([]);
  });

  test('notes each missing tool and omits its measurements', { timeout: LAB_MS }, async () => {
    const hidden: ToolName[] = ['strace', 'taskset'];
    const tools = new Tools(hidden);
    const report = await runLab({ ...tiny, models: ['epollet'] }, { launch, tools, repeat: false });
    if (report.experiment !== 'models') throw new Error();
    for (const name of hidden) expect(report.notes.filter((note) => note.startsWith(name))).toHaveLength(1);
    expect(report.machine.pinned).toBeNull();
    const [epollet] = report.results;
    if (epollet!.unsteady === null) expect(epollet!.requestsPerSecond!.median).toBeGreaterThan(10);
    expect(epollet!.systemCalls).toBeNull();
    expect(epollet!.transcript).toEqual({ calls: [], reason: 'strace is not installed' });
    expect(epollet!.ownCalls!.perRequest).toBeGreaterThan(1);
  });

  test('a model with a wrong response is skipped, and the others are measured', { timeout: LAB_MS }, async () => {
    const wrong: Launcher = {
      ...launch,
      model: (model, directory) =>
        model === 'libuv' ? program(`response.end('something else')`) : launch.model(model, directory),
    };
    const report = await runLab({ ...tiny, models: ['libuv', 'epollet'] }, { launch: wrong, repeat: false });
    if (report.experiment !== 'models') throw new Error();
    expect(report.results[0]).toMatchObject({
      rounds: [],
      cpuUs: null,
      failure: 'GET / returned a body that differs from index.html.',
    });
    const [, { failure, rounds }] = report.results as [unknown, ModelResult];
    expect([failure, rounds.length]).toEqual([null, 1]);
  });

  test('a model that does not start is skipped', { timeout: LAB_MS }, async () => {
    const broken: Launcher = {
      ...launch,
      model: () => [process.execPath, '-e', 'console.error("no"); process.exit(3)'],
    };
    const report = await runLab({ ...tiny, models: ['libuv'] }, { launch: broken, repeat: false });
    if (report.experiment !== 'models') throw new Error();
    expect(report.results[0]!.failure).toBe('It exited with code 3 before it listened; its output: no.');
  });

  test('a cancelled run reports the completed rounds', { timeout: LAB_MS }, async () => {
    const stop = new AbortController();
    let steps = 0;
    const progress = {
      start: () => {},
      label: () => {},
      stop: () => {},
      step: () => {
        if (++steps === 1) setTimeout(() => stop.abort(), 700);
      },
    };
    const report = await runLab({ ...tiny, rounds: 9 }, { launch, progress, signal: stop.signal, repeat: false });
    if (report.experiment !== 'models') throw new Error();
    expect(report.complete).toBe(false);
    const text = renderText(report);
    expect(report.results.reduce((sum, { rounds }) => sum + rounds.length, 0)).toBeGreaterThanOrEqual(1);
    for (const { failure } of report.results) {
      expect(failure).toMatch(/^The run was ended (during|before) its turn in round \d\.$/);
      expect(text).toContain(failure);
    }
    expect(text).toContain('The run was cancelled');
    expect(remainingServers()).toEqual([]);
  });

  test.each(['models', 'rates', 'connections', 'workers', 'drivers', 'websocket'] as const)(
    '%s starts nothing when its budget is used up, and each row has that as its reason',
    { timeout: LAB_MS },
    async (experiment) => {
      const none: Launcher = { ...launch, model: () => ['/no/such/program'] };
      const report = await runLab({ ...tiny, experiment, budgetSeconds: 0 }, { launch: none });
      if (report.experiment === 'triggers') throw new Error();
      expect(report.complete).toBe(true);
      expect(new Set(report.results.map(({ failure }) => failure))).toEqual(
        new Set(['The budget of 0 s was used up before its turn in round 1.']),
      );
      expect(renderText(report)).toContain('The budget of 0 s was used up before its turn in round 1.');
    },
  );

  test('connections measures each number of idle connections', { timeout: LAB_MS }, async () => {
    const report = await runLab({ ...tiny, experiment: 'connections' }, { launch, repeat: false });
    if (report.experiment !== 'connections') throw new Error();
    const [epollet, blocking] = report.results;
    expect([epollet!.failure, epollet!.failedAt]).toEqual([null, null]);
    expect(epollet!.points.map(({ idle, stillOpen }) => [idle, stillOpen.median])).toEqual([
      [1, 1],
      [10, 10],
    ]);
    expect(blocking!.points).toEqual([]);
    expect(blocking!.failedAt).toMatchObject({ idle: 1, reason: expect.stringContaining('does not respond') });
  });
});
