import { describe, expect, test } from 'vitest';
import { countH2loadLog, h2loadOpenEndedArgs } from '../../../../src/lab/load/h2load.js';

describe('h2load', () => {
  const LOG = `1795258581852987\t200\t377
1795258581852981\t200\t520
1795258581952971\t404\t732
1795258582852967\t200\t900
1795258582852967\t-1\t5
`;
  const count = (log: string, fromUs = 0, untilUs = 2e15) => countH2loadLog(log, [{ fromUs, untilUs }])[0]!;

  test('the log is parsed', () => {
    expect(count(LOG)).toMatchObject({ requests: 3, errors: 2, latency: { p50: 0.52, max: 0.9 } });
  });

  test('an empty log has no latency, and a partial last line is ignored', () => {
    expect(count('')).toEqual({ requests: 0, perSecond: 0, latency: null, errors: 0 });
    expect(count(`${LOG}17952585829`)).toEqual(count(LOG));
  });

  test('only responses within the window count', () => {
    const bounds = [1795258581853000, 1795258582353000, 1795258583353000];
    const windows = bounds.slice(1).map((untilUs, at) => ({ fromUs: bounds[at]!, untilUs }));
    expect(countH2loadLog(LOG, windows)).toMatchObject([
      { requests: 2, perSecond: 4, errors: 1 },
      { requests: 1, perSecond: 1, errors: 1 },
    ]);
  });

  test('the load goes on until it is stopped', () => {
    const spec = { url: new URL('http://127.0.0.1:9101/'), connections: 8, seconds: 2, close: false };
    expect(h2loadOpenEndedArgs(spec, '/log').join(' ')).toBe(
      '--h1 -m1 -c 8 -D 3600 --log-file=/log http://127.0.0.1:9101/',
    );
  });
});
