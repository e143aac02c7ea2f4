import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { constants, kernel } from '../../src/sys/binding.js';
import { Command, PACKAGE } from '../support/command.js';
import { eventually, RawClient } from '../support/raw-client.js';

const directory = mkdtempSync(join(tmpdir(), 'epollet-examples-'));
afterAll(() => rmSync(directory, { recursive: true }));

function example(name: string, ...args: string[]): Command {
  const env = { PATH: process.env['PATH'], PORT: '0' };
  return new Command(spawn(process.execPath, [join(PACKAGE, 'examples', name), ...args], { env, stdio: 'pipe' }));
}

const portOf = async (started: Command): Promise<number> => Number((await started.waitFor(/^(\d+)\n/))[1]);

test('inotify-tail.mjs follows a file through truncation and rotation', async () => {
  const path = join(directory, 'log');
  writeFileSync(path, 'old\n');
  await using started = example('inotify-tail.mjs', path);
  await eventually(() => {
    appendFileSync(path, 'a\n'); // until it watches
    return started.stdout.endsWith('a\n');
  }, 'the file is followed');
  expect(started.stdout).not.toContain('old');
  truncateSync(path);
  appendFileSync(path, 'b\n');
  await started.waitFor(/b\n$/);
  renameSync(path, `${path}.1`);
  appendFileSync(`${path}.1`, 'c\n');
  writeFileSync(path, 'd\n');
  await started.waitFor(/c\nd\n$/);
});

test('chat.mjs sends each line to every other client, and drops one that does not read', async () => {
  await using started = example('chat.mjs');
  const port = await portOf(started);
  const received = new Map<number, string>();
  const clients = Array.from({ length: 500 }, (_, i) => {
    received.set(i, '');
    const client = connect(port, '127.0.0.1')
      .setEncoding('latin1')
      .on('error', () => undefined);
    return client.on('data', (text) => received.set(i, received.get(i) + String(text)));
  });
  try {
    await Promise.all(clients.map((client) => once(client, 'connect')));
    // A client in the accept queue is connected, and gets no line yet.
    await eventually(() => {
      const hasAll = [...received].every(([i, text]) => i === 0 || text !== '');
      if (!hasAll) clients[0]!.write('here?\n');
      return hasAll;
    }, 'every client is accepted');
    clients[0]!.write('hel');
    clients[0]!.write('lo\nagain\nunfinished');
    await eventually(
      () => [...received].every(([i, text]) => i === 0 || /^(?:(\d+): here\?\n)+\1: hello\n\1: again\n$/.test(text)),
      'every client has both lines',
    );
    for (const client of clients.splice(3)) client.destroy();
    clients[2]!.pause();
    const ended = once(clients[2]!, 'close');
    const line = `${'x'.repeat(999)}\n`;
    clients[1]!.write(line.repeat(12_000));
    await eventually(() => received.get(0)!.length > 12_000_000, 'a client that reads gets everything', 15_000);
    clients[2]!.resume();
    await ended;
    expect(received.get(2)!.length).toBeLessThan(12_000_000);
  } finally {
    for (const client of clients) client.destroy();
  }
}, 30_000);

test('udp-echo.mjs sends each datagram back', async () => {
  await using started = example('udp-echo.mjs');
  const socket = createSocket('udp4');
  const port = await portOf(started);
  for (const datagram of ['one', '', 'x'.repeat(60_000)]) {
    socket.send(datagram, port, '127.0.0.1');
    const [bytes] = await once(socket, 'message');
    expect(String(bytes)).toBe(datagram);
  }
  socket.close();
  expect((await started.kill().ended).code).toBe(0);
});

test('pass-descriptor.mjs responds from another process, which ends with the first', async () => {
  const path = join(directory, 'visitors');
  await using started = example('pass-descriptor.mjs', path);
  const port = await portOf(started);
  let responses = '';
  for (let i = 0; i < 2; i++) {
    using client = await RawClient.connect(port);
    responses += (await client.untilClose()).toString();
  }
  expect(responses).toMatch(/^(Hello 127.0.0.1:\d+, this is process \d+.\n){2}$/);
  expect(responses).not.toContain(`process ${started.process.pid}.`);
  await eventually(() => readFileSync(path, 'utf8') === responses, 'the worker writes to the passed file');
  await started.kill().ended; // its output is closed when the worker has ended too
});

test('pty-record.mjs records the output of a command in a terminal', async () => {
  const path = join(directory, 'session.cast');
  await using started = example(
    'pty-record.mjs',
    path,
    'sh',
    '-c',
    'stty size; tty </dev/tty; read x; echo "<$x>"; exit 3',
  );
  await started.waitFor(/24 80\r\n\/dev\//);
  started.process.stdin!.write('typed\n');
  expect((await started.ended).code).toBe(3);
  const [header, ...events] = readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(header).toMatchObject({ version: 2, width: 80, height: 24 });
  expect(events.map(([, , text]) => text).join('')).toBe(started.stdout);
  expect(started.stdout).toContain('<typed>');
  expect(events.every(([seconds, kind], i) => kind === 'o' && seconds >= (events[i - 1]?.[0] ?? 0))).toBe(true);
});

test('priority-watch.mjs prints an urgent byte', async () => {
  await using started = example('priority-watch.mjs');
  const fd = kernel.socket(constants.AF_INET, constants.SOCK_STREAM, 0);
  try {
    expect(kernel.connect(fd, '127.0.0.1', await portOf(started))).toBe(0);
    kernel.send(fd, Buffer.from('data'), 0, 4, 0);
    kernel.send(fd, Buffer.from('!'), 0, 1, constants.MSG_OOB);
    await started.waitFor(/urgent: "!"/);
    await started.waitFor(/data: "data"/);
  } finally {
    kernel.close(fd);
  }
  await started.waitFor(/closed/);
});

test('timers-and-signals.mjs prints ticks and signals, and ends with its child', async () => {
  await using started = example('timers-and-signals.mjs', 'sleep', '20');
  await started.waitFor(/tick 1\n/);
  started.kill('SIGHUP');
  await started.waitFor(new RegExp(`signal 1 from process ${process.pid}\n`));
  started.kill('SIGUSR2');
  await started.waitFor(/signal 12 from/);
  expect((await started.kill().ended).code).toBe(0);
  expect(started.stdout).toMatch(/signal 15 from process \d+\nchild \d+ has ended\n$/);
});
