import { describe, expect, test } from 'vitest';
import type { DriverWindow } from '../../../../src/lab/drivers/driver-program.js';
import type { Readings, Recorded } from '../../../../src/lab/drivers/lateness.js';
import { probeReading, probeSummary, ranText } from '../../../../src/lab/drivers/probe-figures.js';
import { callsPerResponse, probeResults, withOverdue } from '../../../../src/lab/drivers/result.js';
import { PROBE_NAMES } from '../../../../src/lab/drivers/ways.js';
import { sampleReport } from '../../../lab/sample-reports.js';

describe('withOverdue', () => {
  test.each([
    ['nothing is due', [[10, 3]], 0, [[10, 3]]],
    ['less late than what ran', [[9000, 3]], 5, [[9000, 3]]],
    [
      'later than all that ran',
      [[10, 3]],
      5,
      [
        [10, 3],
        [5000, 1],
      ],
    ],
    ['it never ran', [], 2000, []],
  ] as const)('%s', (_, distribution, overdueMs, expected) => {
    expect(withOverdue({ distribution, overdueMs })).toEqual(expected);
  });
});

const window = (recorded: Recorded, seconds = 2): DriverWindow => {
  const probes = Object.fromEntries(PROBE_NAMES.map((probe) => [probe, recorded])) as Readings;
  return { seconds, threads: [{ thread: 'main', probes }] };
};

test.each([
  [
    'never ran',
    [window({ distribution: [], overdueMs: 9 }), window({ distribution: [], overdueMs: 9 }, 1.04)],
    'never ran in 3 s',
    null,
  ],
  [
    'ran in a round',
    [window({ distribution: [], overdueMs: 9 }), window({ distribution: [[700, 100]], overdueMs: 0 })],
    '25 times/s',
    0.7,
  ],
  ['ran', [window({ distribution: [[2000, 100]], overdueMs: 3 })], '50.5 times/s', 2],
])('a probe that %s', (_, windows, text, p50) => {
  const [result] = probeResults(windows);
  expect(ranText([result!])).toBe(text);
  expect(result!.p50Ms?.median ?? null).toBe(p50);
  expect(result!.histogram === null).toBe(p50 === null);
});

test('what never ran among others is named', () => {
  const [one, two, ...others] = probeResults([window({ distribution: [[2000, 100]], overdueMs: 0 })]);
  expect(ranText([one!, { ...two!, neverRanSeconds: 2 }, ...others])).toBe('never ran in 2 s: timeout 10 ms');
});

test('calls are per response, of which each is one sendto', () => {
  expect(callsPerResponse({ recvfrom: 1010, sendto: 1000, epoll_wait: 500, read: 5 })).toEqual({
    perRequest: 2.51,
    byName: { recvfrom: 1.01, sendto: 1, epoll_wait: 0.5 },
  });
  expect(callsPerResponse({ epoll_wait: 3 })).toBeNull();
});

describe('the probes of a report', () => {
  const report = sampleReport('drivers');
  if (report.experiment !== 'drivers') throw new Error();

  test('a thread that is blocked never runs anything, and has no times', () => {
    const { table } = probeSummary(report).at(-1)!;
    const row = (name: string) => table.rows.find(([driver]) => driver === name)!.slice(1);
    for (const name of ['blocking', 'worker’s own thread'])
      expect(row(name)).toEqual(['never ran in 6 s', ...PROBE_NAMES.map(() => '–')]);
    for (const cell of row('nested').slice(1)) expect(cell).toMatch(/^[\d.]+ \/ [\d.]+$/);
    expect(row('nested')[0]).toBe('50 times/s');
  });

  test('the reading has the blocked threads, and how late a timer and an echo were', () => {
    expect(probeReading(report, 'saturated')).toBe(
      'In blocking and worker’s own thread nothing of Node ran in 6 s. timeout 1 ms: Least: enclosing with 3.15 ms late at p99; no other driver differs from it. TCP echo: Least: enclosing with 1.05 ms at p50; no other driver differs from it.',
    );
  });

  test('without requests Node alone is there too', () => {
    expect(probeSummary(report)[0]!.table.rows.map(([driver]) => driver)).toContain('Node alone');
    expect(probeSummary(report)[1]!.table.rows.map(([driver]) => driver)).not.toContain('Node alone');
  });
});
