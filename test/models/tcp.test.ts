import { describe, expect, test } from 'vitest';
import { command, cpuTicks } from '../support/command.js';
import { eventually, RawClient, sleep } from '../support/raw-client.js';

describe.each(['tcp-polling', 'tcp-epoll'])('%s', (name) => {
  test('prints what each peer sends and when it disconnects', async () => {
    await using model = command(['model', name, '--port', '0']);
    const port = Number((await model.waitFor(/^tcp:\/\/127\.0\.0\.1:(\d+)\n/))[1]);
    using first = await RawClient.connect(port);
    using second = await RawClient.connect(port);
    const [one, two] = [first, second].map(({ socket }) => `127.0.0.1:${socket.localPort}`);
    await model.waitFor(new RegExp(`^${two} is online$`, 'm'));
    first.send('hello');
    await model.waitFor(new RegExp(`^${one} sent 5 bytes "hello"$`, 'm'));
    second.send('\x1b[2J\n');
    await model.waitFor(new RegExp(`^${two} sent 5 bytes "\\\\u001b\\[2J\\\\n"$`, 'm'));
    first.end();
    await model.waitFor(new RegExp(`^${one} is offline$`, 'm'));
    second.reset();
    await model.waitFor(new RegExp(`^${two} is offline$`, 'm'));
    const ended = await model.kill().ended;
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(ended.stdout.split('\n')).toHaveLength(8);
  });
});

test('an idle peer costs tcp-epoll no CPU time, and tcp-polling a core', async () => {
  const ticksOf = async (name: string, enough: (ticks: number, ms: number) => boolean): Promise<number> => {
    await using model = command(['model', name, '--port', '0']);
    const port = Number((await model.waitFor(/:(\d+)\n/))[1]);
    using _idle = await RawClient.connect(port);
    await model.waitFor(/is online/);
    await sleep(100);
    const [before, startMs] = [cpuTicks(model.process.pid!), performance.now()];
    const ticks = (): number => cpuTicks(model.process.pid!) - before;
    await eventually(() => enough(ticks(), performance.now() - startMs), 'enough CPU time or wall time has passed');
    return ticks();
  };
  expect(await ticksOf('tcp-epoll', (_, ms) => ms > 300)).toBeLessThanOrEqual(1);
  expect(await ticksOf('tcp-polling', (ticks) => ticks > 15)).toBeGreaterThan(15);
});
