import { describe, expect, test } from 'vitest';
import { parseMilliseconds, parseWrk, wrkArgs } from '../../../../src/lab/load/wrk.js';

const SPEC = { url: new URL('http://127.0.0.1:9101/'), connections: 8, seconds: 2, close: false };

test.each([
  ['87us', 0.087],
  ['12.50ms', 12.5],
  ['1.01s', 1010],
  ['2.00m', 120_000],
  ['1h', 3_600_000],
])('%s is %d ms', (text, ms) => expect(parseMilliseconds(text)).toBeCloseTo(ms, 9));

test.each(['', '12', 'ms', '1 s', '1.2.3x'])('%j is not a duration', (text) => {
  expect(() => parseMilliseconds(text)).toThrow(RangeError);
});

describe('wrk', () => {
  const SUCCESS = `Running 1s test @ http://127.0.0.1:9101/
  1 threads and 8 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   499.03us    1.06ms  17.85ms   92.39%
    Req/Sec    32.79k    17.74k   51.95k    60.00%
  Latency Distribution
     50%  183.00us
     75%  347.00us
     90%    1.17ms
     99%    4.75ms
  32571 requests in 1.00s, 21.71MB read
Requests/sec:  32514.91
Transfer/sec:     21.68MB
`;
  const MISSING = `Running 1s test @ http://127.0.0.1:9101/nope
  1 threads and 2 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   175.24us  421.63us   5.60ms   94.40%
    Req/Sec    21.59k     5.59k   29.03k    63.64%
  Latency Distribution
     50%   76.00us
     75%  108.00us
     90%  206.00us
     99%    2.34ms
  23585 requests in 1.10s, 15.88MB read
  Non-2xx or 3xx responses: 23585
Requests/sec:  21449.64
Transfer/sec:     14.44MB
`;
  const NO_RESPONSES = `Running 4s test @ http://127.0.0.1:9101/
  1 threads and 4 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     0.00us    0.00us   0.00us    -nan%
    Req/Sec     0.00      0.00     0.00      -nan%
  Latency Distribution
     50%    0.00us
     75%    0.00us
     90%    0.00us
     99%    0.00us
  0 requests in 4.01s, 0.00B read
  Socket errors: connect 1, read 2, write 3, timeout 4
Requests/sec:      0.00
Transfer/sec:       0.00B
`;

  test.each([
    [
      'a run',
      SUCCESS,
      { requests: 32_571, perSecond: 32_514.91, latency: { p50: 0.183, p90: 1.17, p99: 4.75, max: 17.85 }, errors: 0 },
    ],
    [
      'a run with responses other than 2xx',
      MISSING,
      {
        requests: 23_585,
        perSecond: 21_449.64,
        latency: { p50: 0.076, p90: 0.206, p99: 2.34, max: 5.6 },
        errors: 23_585,
      },
    ],
    ['a run without responses', NO_RESPONSES, { requests: 0, perSecond: 0, latency: null, errors: 10 }],
  ])('parses the output of %s', (_, text, result) => expect(parseWrk(text)).toEqual(result));

  test('output without a result is an error', () => {
    expect(() => parseWrk('unable to connect to 127.0.0.1:9199 Connection refused\n')).toThrow(/Connection refused/);
    expect(() => parseWrk('')).toThrow(/no output/);
  });

  test('the arguments round the duration up to whole seconds', () => {
    expect(wrkArgs({ ...SPEC, seconds: 0.7, close: true })).toEqual([
      '-t1',
      '-c8',
      '-d1s',
      '--latency',
      '-H',
      'Connection: close',
      'http://127.0.0.1:9101/',
    ]);
  });
});
