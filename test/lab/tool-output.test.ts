import { describe, expect, test } from 'vitest';
import { parseResponse } from '../../src/lab/bench/smoke-check.js';
import { autocannonArgs, parseAutocannon } from '../../src/lab/load/autocannon.js';
import { connectionRate, countH2loadLog, h2loadArgs, h2loadErrors, parseH2loadLog } from '../../src/lab/load/h2load.js';
import { parseMilliseconds, parseWrk, wrkArgs } from '../../src/lab/load/wrk.js';
import { assignCores, parseCores } from '../../src/lab/measure/cores.js';
import { countAttached, parseStrace, straceArgs } from '../../src/lab/measure/strace.js';

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
      'responses that are not 2xx',
      MISSING,
      {
        requests: 23_585,
        perSecond: 21_449.64,
        latency: { p50: 0.076, p90: 0.206, p99: 2.34, max: 5.6 },
        errors: 23_585,
      },
    ],
    ['no responses', NO_RESPONSES, { requests: 0, perSecond: 0, latency: null, errors: 10 }],
  ])('%s', (_, text, result) => expect(parseWrk(text)).toEqual(result));

  test('output without a result is an error', () => {
    expect(() => parseWrk('unable to connect to 127.0.0.1:9199 Connection refused\n')).toThrow(/Connection refused/);
    expect(() => parseWrk('')).toThrow(/no output/);
  });

  test('the arguments', () => {
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

describe('autocannon', () => {
  const RUN = `{"url":"http://127.0.0.1:9101/","connections":8,"pipelining":1,"duration":1.01,"errors":3,"timeouts":2,"mismatches":0,"non2xx":4,"resets":0,"2xx":200,"latency":{"average":9.37,"min":1,"max":31,"p50":5,"p75":17,"p90":25,"p97_5":29,"p99":30},"requests":{"average":200,"total":202,"sent":400},"throughput":{"total":139800}}`;

  test('the last line is parsed', () => {
    expect(parseAutocannon(`a warning\n${RUN}\n`)).toEqual({
      requests: 202,
      perSecond: 200,
      latency: { p50: 5, p90: 25, p99: 30, max: 31 },
      errors: 7,
    });
  });

  test.each(['', 'Error: nothing\n', '{"url":'])('%j is an error', (text) => {
    expect(() => parseAutocannon(text)).toThrow(/printed no result/);
  });

  test('the arguments', () => {
    expect(autocannonArgs({ ...SPEC, close: true })).toContain('connection=close');
    expect(autocannonArgs(SPEC).join(' ')).toBe(
      '--json --no-progress --connections 8 --duration 2 http://127.0.0.1:9101/',
    );
  });
});

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

  test('an empty log, and a partial last line', () => {
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

describe('strace', () => {
  const TABLE = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 92.97    0.816002        2147       380        39 futex
  3.56    0.031222          19      1582           writev
  0.00    0.000000           0         1         1 ioctl
  0.00    0.000000           0         2           newfstatat
------ ----------- ----------- --------- --------- ----------------
100.00    0.877718         204      4296        49 total
`;

  test('the table is parsed', () => {
    expect(parseStrace(TABLE)).toEqual({ futex: 380, writev: 1582, ioctl: 1, newfstatat: 2 });
    expect(parseStrace('')).toEqual({});
  });

  test('the arguments, and the number of attached processes', () => {
    expect(straceArgs([7, 8], '/out').join(' ')).toBe('-c -f -o /out -p 7 -p 8');
    expect(countAttached('strace: Process 7 attached with 11 threads\nstrace: Process 8 attached\n')).toBe(2);
  });
});

describe('cores', () => {
  test.each([
    ['0', [0]],
    ['0-3', [0, 1, 2, 3]],
    ['0-1,4,6-7', [0, 1, 4, 6, 7]],
  ])('%s', (list, cores) => expect(parseCores(list)).toEqual(cores));

  test('the model gets one core, the load those that are not its siblings', () => {
    const pairs = (core: number): number[] => [core, core ^ 1];
    expect(assignCores([0, 1, 2, 3], pairs)).toEqual({ model: 0, load: [2, 3] });
    expect(assignCores([2, 3], pairs)).toEqual({ model: 2, load: [3] });
    expect(assignCores([5], pairs)).toBeNull();
  });
});

test('a response is complete when its body is', () => {
  const text = 'HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nX-A: b: c\r\n\r\nabc';
  for (let length = 0; length < text.length; length++)
    expect(parseResponse(Buffer.from(text.slice(0, length)))).toBeNull();
  const { status, fields, body } = parseResponse(Buffer.from(text))!;
  expect([status, fields.get('x-a'), body.toString()]).toEqual([404, 'b: c', 'abc']);
});
