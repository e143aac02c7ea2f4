import { describe, expect, test } from 'vitest';
import {
  connectionRate,
  countH2loadLog,
  h2loadArgs,
  h2loadErrors,
  parseH2loadLog,
} from '../../../../src/lab/load/h2load.js';

const SPEC = { url: new URL('http://127.0.0.1:9101/'), connections: 8, seconds: 2, close: false };

describe('h2load', () => {
  const PACED = { ...SPEC, rate: 160 };
  const LOG = `1795258581852987\t200\t377
1795258581852981\t200\t520
1795258581952971\t404\t732
1795258582852967\t200\t900
1795258582852967\t-1\t5
`;

  test('the log is parsed', () => {
    const { latency, perSecond, errors } = parseH2loadLog(LOG, PACED);
    expect(errors).toBe(2);
    expect(latency).toMatchObject({ p50: 0.52, max: 0.9 });
    expect(perSecond).toBeCloseTo(3 / 1.000886, 3);
  });

  test('a late response also stands for the requests it delayed (coordinated omission)', () => {
    // 8 connections at 160 per second: each sends every 50 ms, and one was delayed for 200 ms.
    const { latency } = parseH2loadLog('1795258581000000\t200\t200000\n', PACED);
    expect(latency).toEqual({ p50: 125, p90: 185, p99: expect.closeTo(198.5, 6), max: 200 });
    // With a connection per request, no other request is delayed.
    expect(parseH2loadLog('1795258581000000\t200\t200000\n', { ...PACED, close: true }).latency?.p50).toBe(200);
  });

  test('an empty log has no latency, and a partial last line is ignored', () => {
    expect(parseH2loadLog('', PACED)).toEqual({ latency: null, perSecond: 0, errors: 0 });
    expect(parseH2loadLog(`${LOG}17952585829`, PACED)).toEqual(parseH2loadLog(LOG, PACED));
  });

  test('only requests within the window count', () => {
    const window = { fromUs: 1795258581853000, untilUs: 1795258582353000 };
    expect(countH2loadLog(LOG, window)).toMatchObject({ requests: 2, perSecond: 4, errors: 1 });
    expect(parseH2loadLog(LOG, PACED, window)).toMatchObject({ latency: null, errors: 1 });
  });

  test('failed requests are parsed from the output', () => {
    const text = 'requests: 320 total, 328 started, 320 done, 317 succeeded, 3 failed, 2 errored, 0 timeout\n';
    expect(h2loadErrors(text)).toBe(3);
    expect(h2loadErrors('')).toBe(0);
  });

  test.each([
    [100, 1, 10],
    [160, 1, 6],
    [1000, 1, 1],
    [5000, 5, 1],
    [1, 1, 1000],
  ])('%d per second is %d connections every %d ms', (rate, count, everyMs) => {
    expect(connectionRate(rate)).toEqual({ count, everyMs });
  });

  test('the arguments limit the rate per persistent connection, or of opening connections', () => {
    expect(h2loadArgs(PACED, '/log').join(' ')).toBe(
      '--h1 -m1 -n 320 -c 8 -r 1 --rate-period=6ms --rps=20 --log-file=/log http://127.0.0.1:9101/',
    );
    expect(h2loadArgs({ ...PACED, close: true }, '/log').join(' ')).toBe(
      '--h1 -m1 -n 320 -c 320 -r 1 --rate-period=6ms -H Connection: close --log-file=/log http://127.0.0.1:9101/',
    );
  });
});
