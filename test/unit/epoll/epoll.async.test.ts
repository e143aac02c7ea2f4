import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Epoll } from '../../../src/epoll/epoll.js';
import { kernel } from '../../../src/sys/binding.js';
import { EPOLLIN } from '../../../src/sys/events.js';
import type { Kernel } from '../../../src/sys/kernel.js';
import { testDescriptors } from '../../support/descriptors.js';

const test = testDescriptors();
/** What is done with libuv's watch. */
let loop: string[];
const counted: Kernel = {
  ...kernel,
  loopStart(fd, onReadable) {
    loop.push('start');
    return kernel.loopStart(fd, onReadable);
  },
  loopStop(watch) {
    loop.push('stop');
    kernel.loopStop(watch);
  },
};
let epoll: Epoll;
beforeEach(() => {
  loop = [];
  epoll = new Epoll({ kernel: counted });
});
afterEach(() => epoll.close());

const byte = new Uint8Array(1);
const CLOSED = expect.objectContaining({ code: 'ERR_EPOLLET_CLOSED' });

/** A registered pipe with `bytes` unread bytes. */
function pipe(bytes = 0): { fd: number; write: () => void; read: () => void } {
  const [reader, writer] = test.pipe();
  epoll.register(reader, EPOLLIN, 7);
  const write = () => void kernel.write(writer, byte, 0, 1);
  for (let i = 0; i < bytes; i++) write();
  return { fd: reader, write, read: () => void kernel.read(reader, byte, 0, 1) };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('pollAsync', () => {
  it('resolves with what is ready already, as poll returns it', async () => {
    const { fd } = pipe(1);
    expect(await epoll.pollAsync()).toEqual([{ fd, events: EPOLLIN, data: 7 }]);
    expect(await epoll.pollAsync(60_000)).toEqual([{ fd, events: EPOLLIN, data: 7 }]);
    expect(await epoll.pollAsync(0)).toEqual([{ fd, events: EPOLLIN, data: 7 }]);
  });

  it('resolves when something becomes ready', async () => {
    const { fd, write } = pipe();
    setTimeout(write, 5);
    expect(await epoll.pollAsync()).toEqual([{ fd, events: EPOLLIN, data: 7 }]);
  });

  it.each([0, 0.2, 5])('resolves with no events after %f ms', async (timeoutMs) => {
    pipe();
    expect(await epoll.pollAsync(timeoutMs)).toEqual([]);
  });

  it('keeps one watch for waits that follow each other, and stops it when none follows', async () => {
    pipe(1);
    for (let i = 0; i < 5; i++) await epoll.pollAsync();
    expect(loop).toEqual(['start']);
    while (loop.length < 2) await turn();
    expect(loop).toEqual(['start', 'stop']);
    expect(await epoll.pollAsync()).toHaveLength(1);
  });

  it('returns at most maxEvents, and the others to the next wait', async () => {
    const fds = [pipe(1).fd, pipe(1).fd, pipe(1).fd];
    const first = await epoll.pollAsync(-1, { maxEvents: 2 });
    const second = await epoll.pollAsync(-1, { maxEvents: 2 });
    expect([first.length, second.length]).toEqual([2, 2]);
    expect(new Set([...first, ...second].map(({ fd }) => fd))).toEqual(new Set(fds));
  });

  it('several waits get one batch each, the oldest first, and one an iteration of the loop', async () => {
    const { read } = pipe(2);
    const order: string[] = [];
    const waits = ['first', 'second', 'third'].map(async (name) => {
      const events = await epoll.pollAsync(50);
      order.push(`${name} ${events.length}`);
      read();
    });
    await Promise.all(waits);
    expect(order).toEqual(['first 1', 'second 1', 'third 0']);
  });

  it('a poll meanwhile takes the events, and the wait goes on', async () => {
    const { fd, write } = pipe(1);
    epoll.modify(fd, EPOLLIN | 0x80000000);
    const wait = epoll.pollAsync();
    expect(epoll.poll(0)).toHaveLength(1);
    setTimeout(write, 10);
    expect(await wait).toHaveLength(1);
  });

  it('does not starve timers and promises if a descriptor stays ready', async () => {
    pipe(1);
    let timers = 0;
    const timer = setInterval(() => timers++, 1);
    let batches = 0;
    for (; timers < 3; batches++) await epoll.pollAsync();
    clearInterval(timer);
    expect(batches).toBeGreaterThan(3);
  });

  it('rejects with the reason of the signal, and removes its listener', async () => {
    const { write } = pipe();
    const aborted = AbortSignal.abort(new Error('before'));
    await expect(epoll.pollAsync(-1, { signal: aborted })).rejects.toThrow('before');
    await expect(epoll.pollAsync(0, { signal: aborted })).rejects.toThrow('before');
    const controller = new AbortController();
    const { signal } = controller;
    const wait = epoll.pollAsync(-1, { signal });
    controller.abort();
    await expect(wait).rejects.toMatchObject({ name: 'AbortError' });
    const other = new AbortController().signal;
    write();
    expect(await epoll.pollAsync(-1, { signal: other })).toHaveLength(1);
    expect([getEventListeners(signal, 'abort'), getEventListeners(other, 'abort')]).toEqual([[], []]);
  });

  it('rejects when the set is closed, and every later one', async () => {
    pipe();
    const waits = [epoll.pollAsync(), epoll.pollAsync(60_000), epoll.pollAsync(0)];
    const settled = Promise.allSettled(waits);
    epoll.close();
    for (const result of await settled) expect(result).toMatchObject({ status: 'rejected', reason: CLOSED });
    await expect(epoll.pollAsync()).rejects.toEqual(CLOSED);
    expect(loop).toEqual(['start', 'stop']);
  });

  it('rejects with errors of the kernel', async () => {
    using failing = new Epoll({ kernel: { ...kernel, epollWait: () => -9 } });
    pipe(1);
    failing.register(epoll, EPOLLIN);
    await expect(failing.pollAsync()).rejects.toThrow('EBADF: bad file descriptor, epoll_wait');
    await expect(failing.pollAsync(1)).rejects.toMatchObject({ code: 'EBADF', syscall: 'epoll_wait' });
    using unwatched = new Epoll({ kernel: { ...kernel, loopStart: () => -12 } });
    await expect(unwatched.pollAsync()).rejects.toMatchObject({ code: 'ENOMEM', syscall: 'epoll_ctl' });
  });

  it.each([
    ['text as a time', ['1'], /^timeoutMs .*'1'/],
    ['a negative time', [-2], /^timeoutMs .*-2/],
    ['no events', [1, { maxEvents: 0 }], /^maxEvents .*0/],
    ['an object as a signal', [1, { signal: {} }], /^signal must be an AbortSignal/],
  ])('rejects %s', async (_, args, message) => {
    await expect(epoll.pollAsync(...(args as [number]))).rejects.toThrow(message);
    await expect(epoll.pollAsync(...(args as [number]))).rejects.toMatchObject({ code: 'ERR_EPOLLET_ARGUMENT' });
  });
});

describe('for await', () => {
  it('iterates over batches, and leaves the set open and unwatched', async () => {
    const { fd, write, read } = pipe(1);
    const batches: number[][] = [];
    for await (const events of epoll) {
      batches.push(events.map((event) => event.fd));
      if (batches.length === 3) break;
      read();
      setTimeout(write, 1);
    }
    expect(batches).toEqual([[fd], [fd], [fd]]);
    expect([epoll.closed, loop]).toEqual([false, ['start', 'stop']]);
    expect(epoll.poll(0)).toHaveLength(1);
  });

  it('ends when the set is closed, during a wait and in the body', async () => {
    pipe();
    setTimeout(() => epoll.close(), 2);
    for await (const _ of epoll) expect.unreachable();
    epoll = new Epoll();
    pipe(1);
    let batches = 0;
    for await (const _ of epoll) {
      batches++;
      epoll.close();
    }
    expect(batches).toBe(1);
    await expect(epoll[Symbol.asyncIterator]().next()).rejects.toEqual(CLOSED);
  });

  it('two loops share the batches', async () => {
    const { read } = pipe(4);
    const counts = [0, 0];
    const consume = async (index: number) => {
      for await (const _ of epoll) {
        counts[index]!++;
        read();
        if (counts[0]! + counts[1]! >= 4) epoll.close();
      }
    };
    await Promise.all([consume(0), consume(1)]);
    expect(counts).toEqual([2, 2]);
  });

  it('throws what the kernel reports', async () => {
    using failing = new Epoll({ kernel: { ...kernel, epollWait: () => -9 } });
    pipe(1);
    failing.register(epoll, EPOLLIN);
    const iterate = async () => {
      for await (const _ of failing) expect.unreachable();
    };
    await expect(iterate()).rejects.toMatchObject({ code: 'EBADF' });
  });
});
