import { describe, expect, test } from 'vitest';
import { autocannonArgs, parseAutocannon } from '../../../../src/lab/load/autocannon.js';

const SPEC = { url: new URL('http://127.0.0.1:9101/'), connections: 8, seconds: 2, close: false };

describe('autocannon', () => {
  const RUN = `{"url":"http://127.0.0.1:9101/","connections":8,"pipelining":1,"duration":1.01,"errors":3,"timeouts":2,"mismatches":0,"non2xx":4,"resets":0,"2xx":200,"latency":{"average":9.37,"min":1,"max":31,"p50":5,"p75":17,"p90":25,"p97_5":29,"p99":30},"requests":{"average":200,"total":202,"sent":400},"throughput":{"total":139800}}`;

  test('the last line of output is parsed', () => {
    expect(parseAutocannon(`a warning\n${RUN}\n`)).toEqual({
      requests: 202,
      perSecond: 200,
      latency: { p50: 5, p90: 25, p99: 30, max: 31 },
      errors: 7,
    });
  });

  test.each(['', 'Error: nothing\n', '{"url":'])('output without a result is an error: %j', (text) => {
    expect(() => parseAutocannon(text)).toThrow(/printed no result/);
  });

  test('the arguments set connections, duration and Connection: close', () => {
    expect(autocannonArgs({ ...SPEC, close: true })).toContain('connection=close');
    expect(autocannonArgs(SPEC).join(' ')).toBe(
      '--json --no-progress --connections 8 --duration 2 http://127.0.0.1:9101/',
    );
  });
});
