import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Command, command } from '../support/command.js';
import { makeDirectory, type TestDirectory } from '../support/directory.js';
import { eventually, RawClient, request } from '../support/raw-client.js';
import { AVAILABLE } from './serving.js';

let directory: TestDirectory;

beforeAll(() => {
  directory = makeDirectory({ 'index.html': 'index', 'big.bin': Buffer.alloc(3_000_000, 'x') });
});

afterAll(() => directory[Symbol.dispose]());

async function portOf(process: Command): Promise<number> {
  return Number((await process.waitFor(/^(?:http|tcp):\/\/127\.0\.0\.1:(\d+)\/?\n/))[1]);
}

/** All descendants of a process, proc_pid_children(5). */
function descendants(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .flatMap((task) => childrenOf(pid, task))
      .flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return []; // the process has ended meanwhile
  }
}

function childrenOf(pid: number, task: string): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return []; // the thread has ended meanwhile
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe.each(AVAILABLE)('$name', ({ name, scheme, oneAtATime, closes }) => {
  test.each([name === 'epoll-edge' ? 'SIGINT' : 'SIGTERM'] as const)(
    '%s stops it, whatever it waits for',
    async (signal) => {
      await using model = command(['model', name, directory.root, '--port', '0']);
      const port = await portOf(model);
      using idleClient = await RawClient.connect(port);
      using half = await RawClient.connect(port);
      half.send('GET / HTTP/1.1\r\n');
      using kept = await RawClient.connect(port);
      using stuck = await RawClient.connect(port);
      if (scheme === undefined && !oneAtATime) {
        await kept.send(request('/')).response();
        stuck.pause().send(request('/big.bin').repeat(closes ? 1 : 10));
      }
      if (name === 'processes')
        await eventually(() => descendants(model.process.pid!).length === 4, 'one child per connection');
      const children = descendants(model.process.pid!);
      const killedMs = performance.now();
      const ended = await model.kill(signal).ended;
      expect({ ...ended, stdout: '' }).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
      expect(performance.now() - killedMs).toBeLessThan(5000);
      expect(children.filter(isAlive)).toEqual([]);
      // With TCP_DEFER_ACCEPT the real server has not accepted a connection without data, so it cannot close it.
      if (name !== 'epollet')
        await eventually(() => idleClient.ended || idleClient.failure !== null, 'the idle client is disconnected');
      await eventually(() => half.ended || half.failure !== null, 'the client with half a request is disconnected');
    },
  );
});

test('processes: killing a child disconnects its client and no other', async () => {
  await using model = command(['model', 'processes', directory.root, '--port', '0']);
  const port = await portOf(model);
  using first = await RawClient.connect(port);
  await first.send(request('/')).response();
  const [child] = descendants(model.process.pid!);
  using second = await RawClient.connect(port);
  await second.send(request('/')).response();
  process.kill(child!, 'SIGKILL');
  await eventually(() => first.ended || first.failure !== null, 'its client is disconnected');
  expect((await second.send(request('/')).response()).status).toBe(200);
  await eventually(() => descendants(model.process.pid!).length === 1, 'the child is reaped');
  second.close();
  await eventually(() => descendants(model.process.pid!).length === 0, 'a child exits when its client disconnects');
  expect((await model.kill().ended).code).toBe(0);
});

test('stopped in-process, a model leaves no descriptor, thread or child process', { timeout: 20_000 }, async () => {
  const fixture = new URL('fixtures/start-and-stop.mjs', import.meta.url).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [fixture, directory.root]);
  expect(JSON.parse(stdout)).toEqual(AVAILABLE.map(({ name }) => ({ name, responded: true, left: [] })));
});
