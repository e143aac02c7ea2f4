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

test.runIf(hasHaproxy).each([
  ['that HAProxy drains first fails no GET and no POST', ['GET', 'POST'], true],
  ['by SIGTERM alone fails no GET, which HAProxy sends again', ['GET'], false],
] as const)('a rolling restart %s', async (_, methods, drains) => {
  const fleet = new Fleet();
  try {
    await fleet.start(CONNECTIONS, methods);
    await fleet.restartAll(drains);
    const { requests, failures, replicas } = await fleet.result();
    expect(failures).toEqual([]);
    expect(requests).toBeGreaterThan(CONNECTIONS);
    expect(replicas).toEqual(expect.arrayContaining(['a1', 'b1']));
  } finally {
    await fleet.stop();
  }
});
