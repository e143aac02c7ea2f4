import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { needs } from '../support/needs.js';
import { Fleet } from './fleet.mjs';

const hasHaproxy = needs(
  spawnSync('haproxy', ['-v']).status === 0,
  'a rolling restart behind HAProxy',
  'haproxy is not installed; apt-get install haproxy.',
);

const CONNECTIONS = 8;

test.runIf(hasHaproxy).concurrent.each([
  ['with a stop delay fails no GET and no POST', ['GET', 'POST'], 1500],
  ['without a stop delay fails no GET, which HAProxy sends again', ['GET'], 0],
] as const)('a rolling restart %s', async (_, methods, stopDelayMs) => {
  const fleet = new Fleet({ stopDelayMs });
  try {
    await fleet.start(CONNECTIONS, methods);
    await fleet.restartAll();
    const { requests, failures, replicas } = await fleet.result();
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(CONNECTIONS);
    expect(replicas).toEqual(expect.arrayContaining(['a1', 'b1']));
  } finally {
    await fleet.stop();
  }
});
