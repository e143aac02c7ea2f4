import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MODELS } from '../../src/models/catalogue.js';
import { type Command, command } from '../support/command.js';
import { type Folder, makeFolder } from '../support/folder.js';
import { eventually, RawClient, request } from '../support/raw-client.js';

let folder: Folder;

beforeAll(() => {
  folder = makeFolder({ 'index.html': 'index', 'big.bin': Buffer.alloc(3_000_000, 'x') });
});

afterAll(() => folder[Symbol.dispose]());

async function portOf(process: Command): Promise<number> {
  return Number((await process.said(/^(?:http|tcp):\/\/127\.0\.0\.1:(\d+)\/?\n/))[1]);
}

/** All processes below one, proc_pid_children(5). */
function descendants(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8')
      .split(' ')
      .filter(Boolean)
      .flatMap((child) => [Number(child), ...descendants(Number(child))]),
  );
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe.each(MODELS)('$name', ({ name, scheme, oneAtATime, closes }) => {
  test.each([name === 'epoll-edge' ? 'SIGINT' : 'SIGTERM'] as const)(
    '%s ends it, whatever it waits for',
    async (signal) => {
      await using model = command(['model', name, folder.root, '--port', '0']);
      const port = await portOf(model);
      using silent = await RawClient.connect(port);
      using half = await RawClient.connect(port);
      half.send('GET / HTTP/1.1\r\n');
      using idle = await RawClient.connect(port);
      using stuck = await RawClient.connect(port);
      if (scheme === 'http' && !oneAtATime) {
        await idle.send(request('/')).response();
        stuck.pause().send(request('/big.bin').repeat(closes ? 1 : 10));
      }
      if (name === 'processes')
        await eventually(() => descendants(model.process.pid!).length === 4, 'a child for each');
      const children = descendants(model.process.pid!);
      const askedMs = performance.now();
      const ended = await model.kill(signal).ended;
      expect({ ...ended, stdout: '' }).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
      expect(performance.now() - askedMs).toBeLessThan(5000);
      expect(children.filter(isAlive)).toEqual([]);
      // Of one that has sent nothing the real server has not heard yet, and neither does it hear of the end: TCP_DEFER_ACCEPT.
      if (name !== 'epollet')
        await eventually(() => silent.ended || silent.failure !== null, 'the silent client hears the end');
      await eventually(() => half.ended || half.failure !== null, 'and the one with half a request');
    },
  );
});

test('processes: a child that is killed takes its client along and nobody else', async () => {
  await using model = command(['model', 'processes', folder.root, '--port', '0']);
  const port = await portOf(model);
  using first = await RawClient.connect(port);
  await first.send(request('/')).response();
  const [child] = descendants(model.process.pid!);
  using second = await RawClient.connect(port);
  await second.send(request('/')).response();
  process.kill(child!, 'SIGKILL');
  await eventually(() => first.ended || first.failure !== null, 'its client hears the end');
  expect((await second.send(request('/')).response()).status).toBe(200);
  await eventually(() => descendants(model.process.pid!).length === 1, 'the child is waited for, and no zombie');
  second.close();
  await eventually(() => descendants(model.process.pid!).length === 0, 'a child ends with its client');
  expect((await model.kill().ended).code).toBe(0);
});

test('stopped from within a program, each leaves no descriptor, thread or child', { timeout: 20_000 }, async () => {
  const fixture = new URL('fixtures/start-and-stop.mjs', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [fixture, folder.root]);
  expect(JSON.parse(stdout)).toEqual(MODELS.map(({ name }) => ({ name, answered: true, left: [] })));
});
