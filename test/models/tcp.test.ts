import { describe, expect, test } from 'vitest';
import { peerOf, shown } from '../../src/models/shared/peer.js';
import { command, cpuTicks } from '../support/command.js';
import { eventually, RawClient, sleep } from '../support/raw-client.js';

describe.each(['tcp-polling', 'tcp-epoll'])('%s', (name) => {
  test('prints what each peer sends and when it goes offline', async () => {
    await using model = command(['model', name, '--port', '0']);
    const port = Number((await model.said(/^tcp:\/\/127\.0\.0\.1:(\d+)\n/))[1]);
    using first = await RawClient.connect(port);
    using second = await RawClient.connect(port);
    const [one, two] = [first, second].map(({ socket }) => `127.0.0.1:${socket.localPort}`);
    await model.said(new RegExp(`^${two} is online$`, 'm'));
    first.send('hello');
    await model.said(new RegExp(`^${one} sent 5 bytes "hello"$`, 'm'));
    second.send('\x1b[2J\n');
    await model.said(new RegExp(`^${two} sent 5 bytes "\\\\u001b\\[2J\\\\n"$`, 'm'));
    first.end();
    await model.said(new RegExp(`^${one} is offline$`, 'm'));
    second.reset();
    await model.said(new RegExp(`^${two} is offline$`, 'm'));
    const ended = await model.kill().ended;
    expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
    expect(ended.stdout.split('\n')).toHaveLength(8);
  });
});

test('what a peer sent is shown on one line, and no more of it than fits', () => {
  expect(shown(Buffer.from('x'))).toBe('1 byte "x"');
  expect(shown(Buffer.from('a\r\nb\u009b\u202e\x7f'))).toBe('10 bytes "a\\r\\nb..."');
  expect(shown(Buffer.alloc(1000, 'y'))).toBe(`1000 bytes "${'y'.repeat(60)}" …`);
  expect(peerOf(-1)).toBe('a peer that has gone');
});

test('a silent peer costs the one that is told nothing, and the one that asks a core', async () => {
  const ticksOf = async (name: string, enough: (ticks: number, ms: number) => boolean): Promise<number> => {
    await using model = command(['model', name, '--port', '0']);
    const port = Number((await model.said(/:(\d+)\n/))[1]);
    using _silent = await RawClient.connect(port);
    await model.said(/is online/);
    await sleep(100);
    const [before, startMs] = [cpuTicks(model.process.pid!), performance.now()];
    const ticks = (): number => cpuTicks(model.process.pid!) - before;
    await eventually(() => enough(ticks(), performance.now() - startMs), 'it has used its time');
    return ticks();
  };
  expect(await ticksOf('tcp-epoll', (_, ms) => ms > 300)).toBeLessThanOrEqual(1);
  expect(await ticksOf('tcp-polling', (ticks) => ticks > 15)).toBeGreaterThan(15);
});
