import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { serve } from '../../src/admin/serve.js';
import { type Command, command, run } from '../support/command.js';
import { eventually, exchange, RawClient, request } from '../support/raw-client.js';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'epollet-log-'));
  path = join(directory, 'access.log');
});

afterEach(() => rmSync(directory, { recursive: true }));

const start = (...args: string[]): Command =>
  command(['serve', '--port', '0', '--access-log', 'json', '--access-log-file', path, ...args]);
const targetsIn = (file: string): string[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line).target);

test('a rotation under load, as logrotate does it, neither loses nor tears a line', async () => {
  await using server = start('--workers', '2');
  const port = await server.port();
  expect(statSync(path).mode & 0o777).toBe(0o640);
  let isOver = false;
  let sent = 0;
  const load = async (): Promise<void> => {
    using client = await RawClient.connect(port);
    while (!isOver) {
      const text = Array.from({ length: 20 }, () => request(`/?${sent++}`, [`User-Agent: ${'x'.repeat(300)}`]));
      client.send(text.join(''));
      for (let i = 0; i < 20; i++) await client.response();
    }
  };
  const loads = Array.from({ length: 4 }, load);
  for (let rotation = 1; rotation <= 5; rotation++) {
    const before = sent;
    await eventually(() => sent > before + 500, 'load');
    renameSync(path, `${path}.${rotation}`);
    server.kill('SIGUSR1');
    await eventually(() => existsSync(path), 'a new file');
  }
  isOver = true;
  await Promise.all(loads);
  expect(await server.kill().ended).toMatchObject({ code: 0, stderr: '' });
  const files = readdirSync(directory);
  expect(files.length).toBe(6);
  const targets = files.flatMap((file) => targetsIn(join(directory, file)));
  expect(targets.length).toBe(sent);
  expect(new Set(targets).size).toBe(sent);
}, 20_000);

test('a file that cannot be opened anew is one sentence, and the lines go on to the one from before', async () => {
  const logs = join(directory, 'logs');
  mkdirSync(logs);
  path = join(logs, 'access.log');
  await using server = start('--workers', '2');
  const port = await server.port();
  await exchange(port, request('/?before'));
  renameSync(logs, `${logs}.old`);
  server.kill('SIGUSR1');
  await server.waitFor(/^epollet: .*\n/, 'stderr');
  await exchange(port, request('/?after'));
  expect(await server.kill().ended).toMatchObject({
    code: 0,
    stderr: `epollet: The access log is not reopened, and its lines go to the file from before: ENOENT: no such file or directory, open '${path}'.\n`,
  });
  expect(targetsIn(join(`${logs}.old`, 'access.log')).sort()).toEqual(['/?after', '/?before']);
});

test('SIGUSR1 writes the lines that wait, and SIGUSR2 too', async () => {
  await using server = start();
  const port = await server.port();
  for (const [at, signal] of (['SIGUSR1', 'SIGUSR2'] as const).entries()) {
    await exchange(port, request('/'));
    server.kill(signal);
    await eventually(() => targetsIn(path).length === at + 1, 'a line');
  }
});

test('a program renames the file and calls reopenLog', async () => {
  await using server = serve({ root: 'html', port: 0, accessLog: 'json', accessLogFile: path });
  await exchange(server.port, request('/?before'));
  await server.flushLog();
  renameSync(path, `${path}.1`);
  await server.reopenLog();
  await exchange(server.port, request('/?after'));
  await server.stop();
  expect([`${path}.1`, path].map(targetsIn)).toEqual([['/?before'], ['/?after']]);
});

test('a reload cannot change the file', async () => {
  await using server = serve({ root: 'html', port: 0, accessLog: 'json', accessLogFile: path });
  const options = { root: 'html', accessLog: 'json', accessLogFile: `${path}.2` } as const;
  await expect(server.reload(options)).rejects.toThrow('accessLogFile cannot change in a reload');
});

const MISTAKES: [mistake: string, args: (directory: string) => string[], sentence: RegExp][] = [
  [
    'a directory that does not exist',
    (own) => ['--access-log', 'json', '--access-log-file', join(own, 'none', 'a.log')],
    /^epollet: The directory of the access log .*a\.log does not exist; create it/,
  ],
  [
    'a directory',
    (own) => ['--access-log', 'json', '--access-log-file', own],
    /^epollet: The access log .* is a directory; give --access-log-file a file in it\.\n/,
  ],
  [
    'a FIFO without a reader',
    (own) => {
      execFileSync('mkfifo', [join(own, 'fifo')]);
      return ['--access-log', 'json', '--access-log-file', join(own, 'fifo')];
    },
    /^epollet: The access log .*fifo is a FIFO that no process reads, or a socket;/,
  ],
  [
    'no format',
    (own) => ['--access-log-file', join(own, 'a.log')],
    /^epollet: --access-log-file has no effect without a format; give one with --access-log, combined or json\.\n/,
  ],
];

test.each(MISTAKES)('%s is one sentence, and found by --check', async (_, args, sentence) => {
  const given = args(directory);
  for (const more of [['--port', '0'], ['--check']])
    expect(await run(['serve', ...given, ...more])).toMatchObject({ code: 2, stderr: expect.stringMatching(sentence) });
  expect(existsSync(join(directory, 'a.log'))).toBe(false);
});
