import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Reactor, Wakeup } from '../../../src/reactor/index.js';
import { kernel as realKernel } from '../../../src/sys/binding.js';
import { EAGAIN, EBADF, EMFILE, ENOMEM } from '../../../src/sys/errno.js';
import { FakeKernel } from '../../support/fake-kernel.js';

describe('on a simulated kernel', () => {
  let kernel: FakeKernel;
  let reactor: Reactor;
  let calls = 0;
  beforeEach(() => {
    kernel = new FakeKernel();
    reactor = new Reactor({ kernel });
    calls = 0;
  });
  afterEach(() => {
    reactor.close();
    expect(kernel.open).toEqual([]);
    expect(kernel.violations).toEqual([]);
  });
  const wakeup = () => new Wakeup(reactor, () => void calls++);

  it('many notifications before a turn are one call', () => {
    const one = wakeup();
    for (let i = 0; i < 100; i++) one.notify();
    reactor.turn(-1);
    expect(calls).toBe(1);
    expect(reactor.turn(0)).toBe(0);
    one.notify();
    reactor.turn(-1);
    expect(calls).toBe(2);
    one.close();
  });

  it('a notification inside onWakeup is the next turn’s', () => {
    const one: Wakeup = new Wakeup(reactor, () => {
      if (++calls < 3) one.notify();
    });
    one.notify();
    while (reactor.turn(0) > 0);
    expect(calls).toBe(3);
    one.close();
  });

  it('close is idempotent, also inside onWakeup and after the reactor’s close', () => {
    const one: Wakeup = new Wakeup(reactor, () => one.close());
    one.notify();
    reactor.turn(-1);
    one.close();
    expect(one.fd).toBe(-1);
    const other = wakeup();
    reactor.close();
    other.close();
    other.close();
  });

  it('notify with a full counter wakes as well', () => {
    const one = wakeup();
    kernel.fault('eventfdWrite', EAGAIN);
    expect(() => one.notify()).not.toThrow();
    kernel.fault('eventfdWrite', EBADF);
    expect(() => one.notify()).toThrow(expect.objectContaining({ code: 'EBADF' }));
    one.close();
  });

  it('a failing eventfd or register leaves nothing open', () => {
    kernel.fault('eventfd', EMFILE);
    expect(wakeup).toThrow(expect.objectContaining({ code: 'EMFILE', syscall: 'eventfd' }));
    kernel.fault('epollCtl', ENOMEM);
    expect(wakeup).toThrow(expect.objectContaining({ code: 'ENOMEM', syscall: 'epoll_ctl' }));
    expect(kernel.open).toEqual([reactor.fd]);
  });
});

it('another thread wakes a reactor that waits without a timeout', async () => {
  const reactor = new Reactor();
  let calls = 0;
  const wakeup = new Wakeup(reactor, () => void calls++);
  const worker = new Worker(new URL('./fixtures/notify.mjs', import.meta.url), {
    workerData: { fd: wakeup.fd, times: 3, delayMs: 30 },
  });
  // The worker starts while this thread still has its loop; what follows blocks it.
  await new Promise((resolve) => worker.once('message', resolve));
  const startMs = realKernel.monotonicMs();
  reactor.turn(-1);
  expect(realKernel.monotonicMs() - startMs).toBeLessThan(5000);
  expect(calls).toBe(1);
  wakeup.close();
  reactor.close();
  await worker.terminate();
});
