import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { command, cpuTicks } from '../support/command.js';
import { makeDirectory } from '../support/directory.js';
import { hasPrlimit, needs } from '../support/needs.js';
import { eventually, exchange, RawClient, request, sleep } from '../support/raw-client.js';
import { AVAILABLE } from './serving.js';

test.each(['epoll-level', 'epoll-edge', 'epoll-pool', 'io-uring', 'coroutines'])(
  '%s rejects connections on EMFILE without spinning',
  async (name) => {
    if (!AVAILABLE.some((model) => model.name === name)) return;
    if (!needs(hasPrlimit(), name, 'prlimit is not installed')) return;
    using directory = makeDirectory({ 'index.html': 'index' });
    // The kernel notes the limit of a multishot accept when it is requested.
    const isEarly = name === 'io-uring';
    const wrapper = isEarly ? ['prlimit', '--nofile=72:72'] : [];
    await using model = command(['model', name, directory.root, '--port', '0'], { wrapper });
    const port = await model.port();
    // Only now, because Node opens many files while it loads modules.
    if (!isEarly) expect(spawnSync('prlimit', [`--pid=${model.process.pid}`, '--nofile=72:72']).status).toBe(0);
    const clients = await Promise.all(Array.from({ length: 80 }, () => RawClient.connect(port)));
    const isRejected = ({ ended, failure }: RawClient): boolean => ended || failure !== null;
    await eventually(() => clients.filter(isRejected).length > 10, 'some clients are rejected');
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
