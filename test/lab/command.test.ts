import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listOf } from '../../src/lab/base/format.js';
import { SETTINGS } from '../../src/lab/bench/settings.js';
import { HTTP_MODELS } from '../../src/lab/bench/workbench.js';
import { EXPERIMENT_NAMES, experimentNamed } from '../../src/lab/experiments/registry.js';
import type { LabReport } from '../../src/lab/report/report.js';
import { command, run } from '../support/command.js';
import { processesWith } from './processes.js';
import { schemaErrors } from './report-schema.js';

const LAB_MS = 60_000;
const TINY = ['--quick', '--seconds', '0.1', '--warm-up', '0.1', '--connections', '4', '--idle', '20', '--rate', '100'];

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'epollet-lab-command-'));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const reportIn = (file: string): LabReport => JSON.parse(readFileSync(file, 'utf8')) as LabReport;

test('lists the experiments and the models', async () => {
  const { code, stdout } = await run(['lab', '--list']);
  expect(code).toBe(0);
  for (const name of [...EXPERIMENT_NAMES, ...HTTP_MODELS.map((model) => model.name)])
    expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
});

test('the help names the experiments that have other connections', () => {
  const named = EXPERIMENT_NAMES.filter((name) => experimentNamed(name).defaults.connections === 64);
  expect(SETTINGS.connections.description).toBe(`busy connections, 64 in ${listOf(named)}`);
});

test.each([
  [
    ['--experiment', 'none'],
    /'--experiment <name>' argument 'none' is invalid: allowed choices are models, rates, libuv/,
  ],
  [['--models', 'epolet'], /--models: unknown model "epolet"; did you mean epollet\?/],
  [['--models', 'qqqqqqqqq'], /unknown model "qqqqqqqqq"; epollet lab --list lists all models\./],
  [['--models', 'tcp-epoll'], /unknown model "tcp-epoll"/],
  [['--experiment', 'libuv', '--models', 'libuv'], /--experiment libuv compares with epollet; add it to --models\./],
  [
    ['--experiment', 'triggers', '--models', 'libuv'],
    /--models has no meaning for --experiment triggers; leave it out\./,
  ],
  [['--all', '--models', 'epollet'], /--models has no meaning with --all; leave it out\./],
  [['--compare', 'a.json'], /--compare takes two files, a\.json and b\.json\./],
  [
    ['--compare', '/no/such.json', 'b.json'],
    /\/no\/such\.json cannot be read as a report \(ENOENT\); name another file\./,
  ],
  [['--experiment', 'workers', '--hgrm', '/tmp/x'], /--hgrm has no meaning for --experiment workers; leave it out\./],
  [['--rates', '100,0'], /'--rates <list>'.*it must be an integer from 1 to 1000000/],
  [['--rounds', '0'], /it must be an integer from 1 to 100/],
  [['--seconds', '0'], /it must be a number from 0\.1 to 3600/],
  [['--heavy', '0'], /'--heavy <number>'.*it must be an integer from 1 to 10000/],
  [['--most', '0'], /'--most <number>'.*it must be an integer from 1 to 50000/],
  [['--seed', '-1'], /it must be an integer from 0 to 4294967295/],
  [
    ['--json', '/no/such/directory/report.json'],
    /\/no\/such\/directory\/report\.json cannot be written \(ENOENT\); name another file\./,
  ],
  [['--html', '/tmp'], /\/tmp is a directory; name a file to write the report to\./],
])('usage error: %j', async (flags, sentence) => {
  const { code, stdout, stderr } = await run(['lab', ...flags]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(sentence);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

test('triggers runs without a load generator and counts woken threads', { timeout: LAB_MS }, async () => {
  const file = join(directory, 'triggers.json');
  await using lab = command(['lab', '--experiment', 'triggers', '--rounds', '1', '--json', file]);
  const { code, stdout, stderr } = await lab.ended;
  expect(code).toBe(0);
  expect(stderr).not.toContain('seed');
  expect(stdout).toContain('All bytes arrive at once');
  const report = reportIn(file);
  if (report.experiment !== 'triggers') throw new Error();
  const woken = Object.fromEntries(report.thunderingHerd.map((row) => [row.trigger, row.woken]));
  expect(woken).toMatchObject({ level: 4, edge: 4 });
  // "One or more", epoll_ctl(2): if a thread is not asleep yet, the kernel may wake another one as well.
  expect(woken['exclusive']).toBeGreaterThanOrEqual(1);
  expect(woken['exclusive']).toBeLessThanOrEqual(4);
});

/** Of a row that is not in the report: on a busy machine the run may end during its turn. */
const NO_TURN = /^The (budget of \d+ s was used up before|run was ended (before|during)) its turn in round 1\.$/;

describe('a run', () => {
  test('--quick measures a model twice and writes both reports', { timeout: LAB_MS }, async () => {
    const [json, html] = [join(directory, 'quick.json'), join(directory, 'quick.html')];
    const flags = ['--models', 'epollet', '--seed', '5', '--json', json, '--html', html];
    await using lab = command(['lab', ...TINY, ...flags]);
    const { code, stdout, stderr } = await lab.ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/^seed 5\nwritten: \S+quick\.json\nwritten: \S+quick\.html\n$/);
    expect(stdout).toMatch(/^epollet +[\d–]/m);
    const report = reportIn(json);
    expect(report).toMatchObject({ format: 'epollet-lab', version: 3, experiment: 'models', complete: true });
    expect(report.settings.seed).toBe(5);
    expect(report.command).toContain('--models epollet --rounds 1');
    expect(stdout).toContain(report.command);
    expect(readFileSync(html, 'utf8')).toContain(report.command);
    // The command in the report is valid and repeats the same orders; they are known from the start.
    const again = join(directory, 'again.json');
    await using second = command([...report.command.split(' ').slice(1), '--json', again]);
    await second.waitFor(/seed/, 'stderr');
    expect((await second.kill('SIGINT').ended).code).toBe(130);
    const { settings, orders } = reportIn(again);
    expect(orders).toEqual(report.orders);
    const { maxIdle, rates } = settings; // unused by this experiment
    expect(settings).toEqual({ ...report.settings, maxIdle, rates });
  });

  test('workers counts the connections of each worker, within its budget', { timeout: LAB_MS }, async () => {
    const json = join(directory, 'workers.json');
    await using lab = command(['lab', '--experiment', 'workers', ...TINY, '--budget', '4', '--json', json]);
    expect((await lab.ended).code).toBe(0);
    const report = reportIn(json);
    if (report.experiment !== 'workers') throw new Error();
    const measured = report.results.filter(({ rounds }) => rounds.length > 0);
    expect(measured.length).toBeGreaterThan(0);
    for (const { workers, lifetime, rounds, failure } of measured) {
      const { connections } = rounds[0]!;
      const total = connections.reduce((sum, count) => sum + count, 0);
      expect([failure, connections.length]).toEqual([null, workers]);
      if (lifetime === 'long') expect(total).toBe(4);
      else expect(total).toBeGreaterThan(4);
    }
    for (const { failure, rounds } of report.results) if (rounds.length === 0) expect(failure).toMatch(NO_TURN);
  });

  test('websocket writes a valid report', { timeout: LAB_MS }, async () => {
    const json = join(directory, 'websocket.json');
    await using lab = command(['lab', '--experiment', 'websocket', ...TINY, '--seconds', '0.3', '--json', json]);
    expect((await lab.ended).code).toBe(0);
    const report = reportIn(json);
    if (report.experiment !== 'websocket') throw new Error();
    expect(schemaErrors(report)).toBeNull();
    expect(report.results.map(({ server, bytes }) => [server, bytes])).toEqual(
      [100, 16_384].flatMap((bytes) => ['epollet', 'ws on node:http', 'epollet again'].map((each) => [each, bytes])),
    );
    for (const { failure, cpuUs, messagesPerSecond } of report.results)
      expect([failure, cpuUs!.median > 0, messagesPerSecond!.median > 0]).toEqual([null, true, true]);
  });

  test('drivers writes a valid report, within its budget', { timeout: LAB_MS }, async () => {
    const json = join(directory, 'drivers.json');
    await using lab = command(['lab', '--experiment', 'drivers', ...TINY, '--budget', '8', '--json', json]);
    const { code } = await lab.ended;
    const report = reportIn(json);
    if (report.experiment !== 'drivers') throw new Error();
    expect(schemaErrors(report)).toBeNull();
    const measured = report.results.filter(({ points }) => points.length > 0);
    expect(code).toBe(measured.length > 0 ? 0 : 1);
    expect(measured.length > 0 || !report.complete).toBe(true);
    for (const { driver, points } of measured) {
      expect(points.map(({ load }) => load)).toEqual(
        driver === 'Node alone' ? ['idle'] : ['idle', '997/s', 'saturated'],
      );
      for (const { probes } of points) expect(probes).toHaveLength(driver === 'worker' ? 16 : 8);
    }
    for (const { failure, points } of report.results) if (points.length === 0) expect(failure).toMatch(NO_TURN);
  });

  test('libuv reports ratios to epollet', { timeout: LAB_MS }, async () => {
    const json = join(directory, 'libuv.json');
    await using lab = command(['lab', '--experiment', 'libuv', ...TINY, '--json', json]);
    expect((await lab.ended).code).toBe(0);
    const report = reportIn(json);
    if (report.experiment !== 'libuv') throw new Error();
    expect(report.notes.filter((note) => !note.includes('too noisy'))).toEqual([]);
    expect(report.ratios.map(({ model }) => model)).toEqual(['epollet', 'libuv-net', 'libuv', 'epollet again']);
    // On a busy machine no windows may agree.
    const struckOut = report.results[0]!.unsteady !== null;
    expect(report.ratios[0]!.cpu?.median ?? null).toBe(struckOut ? null : 1);
  });

  test('rates writes a valid report and histograms, and a report can be compared', { timeout: LAB_MS }, async () => {
    const [json, hgrm] = [join(directory, 'rates.json'), join(directory, 'latencies')];
    const flags = ['--models', 'epoll-level', '--rates', '2000,1000', '--json', json, '--hgrm', hgrm];
    await using lab = command(['lab', '--experiment', 'rates', ...TINY, ...flags]);
    expect((await lab.ended).code).toBe(0);
    const report = reportIn(json);
    if (report.experiment !== 'rates') throw new Error();
    expect(schemaErrors(report)).toBeNull();
    expect(report.results.map(({ model }) => model)).toEqual(['epoll-level', 'epoll-level again']);
    for (const { points, failure } of report.results) {
      expect(failure).toBeNull();
      expect(points.map(({ rate }) => rate)).toEqual([1000, 2000]);
      expect(points[0]!.wakeUpsPerSecond!.median).toBeGreaterThan(0);
      expect(points[0]!.latencyMs.p999!.median).toBeGreaterThan(0);
    }
    expect(readdirSync(hgrm)).toHaveLength(2 * 2 * 2);
    expect(readFileSync(join(hgrm, 'epoll-level-again-1000.raw.hgrm'), 'utf8')).toContain('#[Max');
    const { stderr } = await run(['lab', '--compare', json, json.replace('rates', 'quick')]);
    expect(stderr).toMatch(/rates\.json is of --experiment rates and \S+quick\.json of models\./);
  });

  test.concurrent.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    '%s cancels the run with a report and leaves no process',
    { timeout: LAB_MS },
    async (signal, exitCode) => {
      const mark = randomUUID();
      const json = join(directory, `${signal}.json`);
      await using lab = command(['lab', ...TINY, '--rounds', '100', '--budget', '600', '--json', json], {
        env: { LAB_TEST_MARK: mark },
      });
      await lab.waitFor(/seed/, 'stderr');
      await new Promise((resolve) => setTimeout(resolve, 2000));
      const { code, stdout } = await lab.kill(signal).ended;
      expect(code).toBe(exitCode);
      expect(stdout).toContain('The run was cancelled');
      expect(reportIn(json)).toMatchObject({ complete: false });
      expect(processesWith(`LAB_TEST_MARK=${mark}`)).toEqual([]);
    },
  );
});
