import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { unavailable } from '../../src/models/shared/ring-support.js';
import { kernel, uring } from '../../src/sys/binding.js';
import { EBADF } from '../../src/sys/errno.js';
import { testDescriptors } from '../support/descriptors.js';
import { permits } from '../support/needs.js';

const test = testDescriptors();

/** The programs run in a process of their own: a thread that does not end would keep this one too. */
function run(name: string, ...args: string[]) {
  const file = fileURLToPath(new URL(`fixtures/${name}.mjs`, import.meta.url));
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, [file, ...args], {
    encoding: 'utf8',
    timeout: 28_000,
    killSignal: 'SIGKILL',
  });
  return { lines: stdout.trimEnd().split('\n'), stderr, status, signal };
}

const BLOCKED = [
  ...['poll', 'pollLong', 'epollWait', 'epollPwait2', 'driver', 'accept4', 'recv', 'recvAll', 'recvfrom', 'recvmsg'],
  ...['read', 'readv', 'eventfdRead', 'ioUringEnter'],
];

it('worker.terminate() ends a thread that blocks in any of these calls', () => {
  const lines = BLOCKED.map((name) => `${name} 1`);
  expect(run('blocked')).toEqual({ lines, stderr: '', status: 0, signal: null });
});

it.each(['poll', 'driver', 'recv'])('process.exit() ends the process while a thread blocks: %s', (name) => {
  expect(run('blocked', name)).toEqual({ lines: [''], stderr: '', status: 7, signal: null });
});

it('what a thread opened is closed at its end, except what it disowned, closed or was given', () => {
  expect(run('owner')).toEqual({
    lines: ['opened true left 0', 'kept true given true true', 'reused true true ECONNREFUSED', 'rings 0'],
    stderr: '',
    status: 0,
    signal: null,
  });
});

it('own returns 0, and EBADF for what is not open', () => {
  const [fd] = test.pair();
  expect([uring.own(fd), uring.own(-1), uring.own(2 ** 31 - 1)]).toEqual([0, EBADF, EBADF]);
  expect(() => uring.own('3' as never)).toThrow('fd must be an integer');
});

const reason = unavailable();

it.runIf(permits(reason === null, 'connections of io_uring', reason ?? ''))(
  'connections that io_uring accepted are closed when the thread is terminated',
  () => {
    expect(run('ring-owner')).toEqual({
      lines: ['clients 3', 'left 0', 'ended 3'],
      stderr: '',
      status: 0,
      signal: null,
    });
  },
);

it('disown returns 0, and EBADF for what is not open', () => {
  const [fd] = test.pair();
  expect([kernel.disown(fd), kernel.disown(-1), kernel.disown(2 ** 31 - 1)]).toEqual([0, EBADF, EBADF]);
  expect(() => kernel.disown('3' as never)).toThrow('fd must be an integer');
});
