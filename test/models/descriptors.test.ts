import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { command, cpuTicks } from '../support/command.js';
import { makeFolder } from '../support/folder.js';
import { hasPrlimit, needs } from '../support/needs.js';
import { eventually, exchange, RawClient, request, sleep } from '../support/raw-client.js';

test.each(['epoll-level', 'epoll-edge', 'epoll-pool', 'coroutines'])(
  '%s turns clients away when descriptors have run out, and does not spin',
  async (name) => {
    if (!needs(hasPrlimit(), name, 'prlimit is not installed')) return;
    using folder = makeFolder({ 'index.html': 'index' });
    await using model = command(['model', name, folder.root, '--port', '0']);
    const port = await model.port();
    // Only now: Node has many files open at once while it loads modules.
    expect(spawnSync('prlimit', [`--pid=${model.process.pid}`, '--nofile=72:72']).status).toBe(0);
    const clients = await Promise.all(Array.from({ length: 80 }, () => RawClient.connect(port)));
    const isAway = ({ ended, failure }: RawClient): boolean => ended || failure !== null;
    await eventually(() => clients.filter(isAway).length > 10, 'some are turned away');
    await sleep(100);
    const before = cpuTicks(model.process.pid!);
    await sleep(200);
    expect(cpuTicks(model.process.pid!) - before).toBeLessThan(10);
    for (const client of clients) client.close();
    await sleep(100);
    expect((await exchange(port, request('/'))).status).toBe(200);
    expect(await model.kill().ended).toMatchObject({ code: 0, stderr: '' });
  },
);
