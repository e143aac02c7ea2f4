import { getEventListeners } from 'node:events';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { Readiness, readable, writable } from '../../../src/epoll/readiness.js';
import { kernel } from '../../../src/sys/binding.js';
import { EAGAIN } from '../../../src/sys/errno.js';
import { EPOLLIN } from '../../../src/sys/events.js';
import { countDescriptors, testDescriptors } from '../../support/descriptors.js';

const test = testDescriptors();
const before = countDescriptors();
const block = new Uint8Array(65_536);
const EBADF = { code: 'EBADF', syscall: 'epoll_wait' };

afterAll(() => vi.waitFor(() => expect(countDescriptors(), 'the shared set is closed').toBe(before), 5000));

const fill = (fd: number): number => {
  while (kernel.send(fd, block, 0, block.length, 0) !== EAGAIN);
  return fd;
};
const drain = (fd: number): void => {
  while (kernel.recv(fd, block, 0, block.length, 0) > 0);
};

describe('resolve with true when', () => {
  it.each<[string, (near: number, far: number) => Promise<boolean>, ((near: number, far: number) => void)?]>([
    ['there is space', (near) => writable(near)],
    ['bytes come', (near) => readable(near), (_, far) => kernel.send(far, block, 0, 1, 0)],
    ['the peer shuts down', (near) => readable(near), (_, far) => kernel.shutdown(far, 1)],
    ['the peer closes', (near) => readable(near), (_, far) => test.close(far)],
    ['space comes', (near) => writable(fill(near)), (_, far) => drain(far)],
    ['a full socket breaks', (near) => writable(fill(near)), (_, far) => test.close(far)],
    ['an object has the descriptor', (near) => readable({ fd: near }), (_, far) => kernel.send(far, block, 0, 1, 0)],
    ['it is ready before a timeout', (near) => writable(near, { timeoutMs: 60_000 })],
    ['it is ready, and the timeout is 0', (near) => writable(near, { timeoutMs: 0 })],
  ])('%s', async (_, wait, cause) => {
    const [near, far] = test.pair();
    const waited = wait(near, far);
    if (cause !== undefined) setImmediate(() => cause(near, far));
    expect(await waited).toBe(true);
  });
});

it('resolve with false after timeoutMs', async () => {
  const [near] = test.pair();
  fill(near);
  const options = { timeoutMs: 3 };
  expect(
    await Promise.all([readable(near, options), writable(near, options), readable(near, { timeoutMs: 0 })]),
  ).toEqual([false, false, false]);
});

it('several waits for one descriptor, in both directions, each end by themselves', async () => {
  const [near, far] = test.pair();
  fill(near);
  const order: string[] = [];
  const waits = [
    readable(near).then(() => order.push('readable')),
    readable(near).then(() => order.push('readable')),
    writable(near).then(() => order.push('writable')),
    readable(near, { timeoutMs: 1 }).then((ready) => order.push(String(ready))),
  ];
  await waits[3];
  kernel.send(far, block, 0, 1, 0);
  await Promise.all(waits.slice(0, 2));
  drain(far);
  await Promise.all(waits);
  expect(order).toEqual(['false', 'readable', 'readable', 'writable']);
});

it('a descriptor that stays ready does not starve timers', async () => {
  const [near] = test.pair();
  let timers = 0;
  const timer = setInterval(() => timers++, 1);
  while (timers < 3) expect(await writable(near)).toBe(true);
  clearInterval(timer);
});

it('reject with the reason of the signal, and leave other waits', async () => {
  const [near, far] = test.pair();
  const controller = new AbortController();
  const { signal } = controller;
  const other = readable(near);
  const aborted = readable(near, { signal });
  controller.abort(new Error('stopped'));
  await expect(aborted).rejects.toThrow('stopped');
  await expect(writable(near, { signal })).rejects.toThrow('stopped');
  kernel.send(far, block, 0, 1, 0);
  expect(await other).toBe(true);
  const unused = new AbortController().signal;
  await readable(near, { signal: unused });
  expect([getEventListeners(signal, 'abort'), getEventListeners(unused, 'abort')]).toEqual([[], []]);
});

describe('a descriptor that is closed while it is waited for rejects with EBADF', () => {
  it('after a check', async () => {
    const [near] = test.pair();
    const waits = Promise.allSettled([readable(near), writable(fill(near))]);
    test.close(near);
    for (const result of await waits) expect(result).toMatchObject({ status: 'rejected', reason: EBADF });
  });

  it('when its number is waited for again, and only the earlier wait', async () => {
    const [near] = test.pair();
    const earlier = expect(readable(near)).rejects.toMatchObject(EBADF);
    test.close(near);
    const [reused] = test.pair();
    expect(reused).toBe(near);
    expect(await writable(reused)).toBe(true);
    await earlier;
  });
});

it('reject a regular file, a closed descriptor and invalid arguments', async () => {
  const file = test.own('openat', kernel.openat(-100, '/etc/hostname', 0));
  await expect(readable(file)).rejects.toThrow(/^EPERM: .*epoll_ctl EPOLL_CTL_ADD fd \d+ EPOLLIN\|EPOLLONESHOT$/);
  test.close(file);
  await expect(writable(file)).rejects.toMatchObject({ code: 'EBADF', syscall: 'epoll_ctl' });
  await expect(readable('3' as never)).rejects.toThrow(TypeError);
  await expect(readable(0, { timeoutMs: -2 })).rejects.toThrow(/^timeoutMs /);
  await expect(readable(0, { signal: {} as never })).rejects.toThrow(/^signal /);
});

it('an error of the shared set rejects every wait, and the next wait uses another set', async () => {
  let result = -9;
  const failing = {
    ...kernel,
    epollWait: (...args: Parameters<typeof kernel.epollWait>) => result || kernel.epollWait(...args),
  };
  const readiness = new Readiness(failing);
  const [near, far] = test.pair();
  kernel.send(far, block, 0, 1, 0);
  await expect(readiness.wait(near, EPOLLIN)).rejects.toMatchObject({ code: 'EBADF', syscall: 'epoll_wait' });
  result = 0;
  expect(await readiness.wait(near, EPOLLIN)).toBe(true);
});
