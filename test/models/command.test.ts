import { spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { MODELS } from '../../src/models/catalogue.js';
import { command, run } from '../support/command.js';
import { needs } from '../support/needs.js';
import { exchange, request } from '../support/raw-client.js';

test('lists the models in columns', async () => {
  const { code, stdout, stderr } = await run(['model']);
  expect([code, stderr]).toEqual([0, '']);
  const [head, ...lines] = stdout.split('\n').slice(0, MODELS.length + 1);
  expect(lines.map((line) => line.split(' ')[0])).toEqual(MODELS.map(({ name }) => name));
  for (const [title, key] of [
    ['WAITS', 'waits'],
    ['SYSTEM CALLS', 'calls'],
    ['MEMORY', 'memory'],
    ['LIMITATION', 'limitation'],
  ] as const) {
    const column = head!.indexOf(title);
    for (const [index, line] of lines.entries()) {
      expect(line.startsWith(MODELS[index]![key], column), line).toBe(true);
      expect(line.slice(column - 2, column)).toBe('  ');
    }
  }
});

test('a model that the kernel does not permit is not available, with the reason', async () => {
  if (!needs(spawnSync('strace', ['-V']).status === 0, 'a model that is not available', 'strace is not installed'))
    return;
  const fault = ['-f', '--quiet=all', '-e', 'trace=io_uring_setup', '-e', 'inject=io_uring_setup:error=ENOSYS'];
  const wrapper = ['strace', '--seccomp-bpf', ...fault, '-o', '/dev/null'];
  const sentence = /io-uring is not available: there is no io_uring in Linux .*, or a seccomp profile hides it\.\n$/;
  const [list, model] = await Promise.all(
    [[], ['io-uring', '--port', '0']].map((args) => run(['model', ...args], { wrapper })),
  );
  expect(list!.stdout).toMatch(sentence);
  expect({ ...model, stderr: '' }).toEqual({ code: 2, signal: null, stdout: '', stderr: '' });
  expect(model!.stderr).toMatch(sentence);
});

test('without a directory, the site of the package is served', async () => {
  await using model = command(['model', 'epoll-level', '--port', '0']);
  const response = await exchange(await model.port(), request('/'));
  expect([response.status, response.body.toString().includes('<html')]).toEqual([200, true]);
  expect((await model.kill().ended).code).toBe(0);
});

test.each([
  ['::1', 'http://[::1]:'],
  ['localhost', 'http://localhost:'],
  ['0.0.0.0', 'http://localhost:'],
])('--host %s is the host of the printed URL', async (host, url) => {
  await using model = command(['model', 'epoll-edge', '--port', '0', '--host', host]);
  const [line] = await model.waitFor(/^http:.*\n/);
  expect(line.startsWith(url)).toBe(true);
  expect((await fetch(line.trim())).status).toBe(200);
  expect((await model.kill().ended).code).toBe(0);
});

test('a usage error is one sentence that names the culprit, with exit code 2', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  const errors: [args: string[], expected: RegExp][] = [
    [['epol-levl'], /"epol-levl".*did you mean epoll-level\?.*epollet model/],
    [['Threads'], /did you mean threads\?/],
    [['something-else'], /Unknown model "something-else"; epollet model lists/],
    [['epoll-level', '/no/such/directory', '--port', '0'], /\/no\/such\/directory does not exist/],
    [['libuv', 'package.json', '--port', '0'], /package\.json is not a directory/],
    [['threads', '', '--port', '0'], /directory name is empty/],
    [['libuv', '--host', 'no.such.host.invalid', '--port', '0'], /no\.such\.host\.invalid/],
    ...['blocking', 'processes', 'libuv', 'epollet'].map((name): [string[], RegExp] => [
      [name, '--port', `${port}`],
      new RegExp(`Port ${port} of 127\\.0\\.0\\.1 is taken`),
    ]),
    [['blocking', '--port', 'x'], /--port.*x/],
    [['a', 'b', 'c'], /too many arguments/],
  ];
  await Promise.all(
    errors.map(async ([args, expected]) => {
      const ended = await run(['model', ...args]);
      expect({ ...ended, stderr: '' }, args.join(' ')).toEqual({ code: 2, signal: null, stdout: '', stderr: '' });
      expect(ended.stderr).toMatch(expected);
      expect(ended.stderr).toMatch(/^epollet: [^\n]+[.)]\n$/);
    }),
  );
  await new Promise((resolve) => taken.close(resolve));
});
