import { describe, expect, test } from 'vitest';
import { resolveLimits } from '../../../../src/http/limits.js';
import { ClientLimits } from '../../../../src/server/clients/client-limits.js';
import { NO_CLIENT } from '../../../../src/server/clients/client-table.js';

const limitsWith = (limits: Parameters<typeof resolveLimits>[0]) => new ClientLimits(resolveLimits(limits));

test('they are off by default, and on with one of them', () => {
  expect(ClientLimits.isOn(resolveLimits())).toBe(false);
  expect(ClientLimits.isOn(resolveLimits({ maxConnectionsPerClient: 1 }))).toBe(true);
  expect(ClientLimits.isOn(resolveLimits({ clientRequestsPerSecond: 1 }))).toBe(true);
});

describe('requests', () => {
  /** How many of `count` requests at that time are accepted. */
  const accepted = (limits: ClientLimits, client: number, nowMs: number, count = 20): number =>
    Array.from({ length: count }, () => limits.takeRequest(client, nowMs)).filter(Boolean).length;

  test.each<[rate: number, burst: number, times: [nowMs: number, accepted: number][]]>([
    [
      1,
      1,
      [
        [1000, 1],
        [1999, 0],
        [2000, 1],
        [9000, 1],
      ],
    ],
    [
      1,
      3,
      [
        [1000, 3],
        [2000, 1],
        [4000, 2],
        [99_000, 3],
      ],
    ],
    [
      10,
      5,
      [
        [1000, 5],
        [1099, 0],
        [1100, 1],
        [1300, 2],
        [1799, 4],
        [1800, 1],
      ],
    ],
    [
      3,
      7,
      [
        [1000, 7],
        [2000, 3],
        [3000, 3],
        [9000, 7],
      ],
    ],
    [
      1_000_000,
      2,
      [
        [1000, 2],
        [1001, 2],
      ],
    ],
  ])('%d a second, %d at once', (clientRequestsPerSecond, clientRequestBurst, times) => {
    const limits = limitsWith({ clientRequestsPerSecond, clientRequestBurst });
    const client = limits.connect('192.0.2.1', 1000);
    let rejected = 0;
    for (const [nowMs, count] of times) {
      expect([nowMs, accepted(limits, client, nowMs)]).toEqual([nowMs, count]);
      rejected += 20 - count;
    }
    expect(limits.rejectedRequests).toBe(rejected);
  });

  test('a new connection does not fill the bucket; another client has one of its own', () => {
    const limits = limitsWith({ clientRequestsPerSecond: 1, clientRequestBurst: 4 });
    const first = limits.connect('2001:db8::1', 1000);
    expect(accepted(limits, first, 1000)).toBe(4);
    limits.disconnect(first, 1000);
    expect(accepted(limits, limits.connect('2001:db8::2', 1500), 2000)).toBe(1); // of the same /64
    expect(accepted(limits, limits.connect('2001:db8:0:1::1', 2000), 2000)).toBe(4);
  });
});

test('connections beyond the limit are too many until others are closed', () => {
  const limits = limitsWith({ maxConnectionsPerClient: 2 });
  const open = (address: string) => {
    const client = limits.connect(address, 0);
    return [client, limits.isOneTooMany(client)] as const;
  };
  const [client] = open('192.0.2.1');
  expect([open('::ffff:192.0.2.1')[1], open('192.0.2.1')[1], open('192.0.2.2')[1]]).toEqual([false, true, false]);
  limits.disconnect(client, 0);
  limits.disconnect(client, 0);
  expect(open('192.0.2.1')[1]).toBe(false);
  expect([open('/run/x.sock'), limits.connect(undefined, 0)]).toEqual([[NO_CLIENT, false], NO_CLIENT]);
  expect(limits.rejectedConnections).toBe(1);
});
