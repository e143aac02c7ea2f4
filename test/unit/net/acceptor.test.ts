import { createConnection, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AcceptorOptions, DescriptorReserve } from '../../../src/net/acceptor.js';
import { Acceptors } from '../../../src/net/acceptors.js';
import { Listener } from '../../../src/net/listener.js';
import { NestedDriver, Reactor } from '../../../src/reactor/index.js';
import { kernel as realKernel } from '../../../src/sys/binding.js';
import { EAGAIN, ECONNABORTED, EINTR, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EPROTO } from '../../../src/sys/errno.js';
import type { Kernel } from '../../../src/sys/kernel.js';
import { FakeKernel, type FakePeer } from '../../support/fake-kernel.js';
import { eventually, sleep } from '../../support/raw-client.js';

describe('on a simulated kernel', () => {
  let kernel: FakeKernel;
  let reactor: Reactor;
  let listener: Listener;
  let acceptors: Acceptors;
  let accepted: number[];
  let peers: FakePeer[];

  const start = (
    options: Partial<AcceptorOptions> = {},
    onAccept = (fd: number) => void accepted.push(fd),
    reserve?: DescriptorReserve,
  ) => {
    const all = { acceptsPerTurn: 64, maxConnections: 1000, ...options };
    acceptors = new Acceptors(reactor, all, onAccept, reserve);
    acceptors.add(listener);
  };
  const arrive = (count: number) => {
    for (let i = 0; i < count; i++) peers.push(kernel.connectPeer(listener.fd));
  };
  const disconnect = () => {
    kernel.close(accepted.shift()!);
    acceptors.onConnectionClosed();
  };
  const accepts = () => kernel.counts().accept4 ?? 0;
  /** Takes turns until nothing is ready, up to a limit. */
  const turns = () => {
    let count = 0;
    while (reactor.turn(0) > 0) if (++count > 100) throw new Error('the reactor spins');
    return count;
  };

  beforeEach(() => {
    kernel = new FakeKernel();
    reactor = new Reactor({ kernel });
    listener = Listener.open(kernel, { kind: 'tcp', host: '127.0.0.1', port: 0 });
    accepted = [];
    peers = [];
  });
  afterEach(() => {
    kernel.maxDescriptors = 1024;
    acceptors.close();
    acceptors.close();
    listener.close();
    for (const fd of accepted) kernel.close(fd);
    expect(reactor.stats.registered).toBe(0);
    reactor.close();
    expect(kernel.open).toEqual([]);
    expect(kernel.violations).toEqual([]);
  });

  it.each([
    [1, 64, 1],
    [5, 64, 1],
    [64, 64, 1],
    [65, 64, 2],
    [10, 1, 10],
    [10, 3, 4],
  ])(
    '%i waiting connections with a budget of %i take %i turns, and no accept4 fails',
    (waiting, acceptsPerTurn, expected) => {
      start({ acceptsPerTurn });
      arrive(waiting);
      kernel.calls.length = 0;
      expect(turns()).toBe(expected);
      expect(accepted).toHaveLength(waiting);
      expect(accepts()).toBe(waiting);
      expect([acceptors.accepted, acceptors.open, acceptors.pauses]).toEqual([waiting, waiting, 0]);
    },
  );

  it.each([EAGAIN, 0])('with an unknown queue length (%i) one connection is accepted per turn', (result) => {
    start();
    arrive(3);
    kernel.fault('tcpiUnacked', result, result, result);
    expect(turns()).toBe(3);
    expect(accepted).toHaveLength(3);
  });

  it('it pauses at maxConnections, and resumes when a connection closes', () => {
    start({ maxConnections: 2 });
    arrive(5);
    turns();
    expect([accepted.length, acceptors.pauses, accepts()]).toEqual([2, 1, 2]);
    kernel.calls.length = 0;
    for (let i = 0; i < 10; i++) reactor.turn(100);
    expect(kernel.counts()).toEqual({ epollWait: 10 });
    disconnect();
    turns();
    expect([acceptors.accepted, acceptors.open]).toEqual([3, 2]);
    disconnect();
    disconnect();
    turns();
    expect([acceptors.accepted, acceptors.open]).toEqual([5, 2]);
  });

  it('a connection that closes in onAccept does not count', () => {
    start({ maxConnections: 1 }, (fd) => {
      kernel.close(fd);
      acceptors.onConnectionClosed();
    });
    arrive(5);
    turns();
    expect([acceptors.accepted, acceptors.open]).toEqual([5, 0]);
  });

  it.each([EMFILE, ENFILE, ENOMEM, ENOBUFS])(
    'without descriptors or memory (%i) it pauses and retries until it succeeds',
    (errno) => {
      start();
      arrive(1);
      kernel.fault('accept4', ...Array<number>(3).fill(errno));
      const startMs = kernel.nowMs;
      let count = 0;
      while (accepted.length === 0 && count++ < 100) reactor.turn(1000);
      expect(kernel.nowMs - startMs).toBe(300);
      expect(accepts()).toBe(4);
      expect(acceptors.pauses).toBe(3);
      expect(reactor.stats.turns).toBeLessThanOrEqual(12);
    },
  );

  it.each<[what: string, errnos: number[], hasReserve: boolean, reclaims: number, pauses: number]>([
    ['in the process', [EMFILE], true, 1, 0],
    ['in the system', [ENFILE], true, 1, 0],
    ['and an empty reserve', [EMFILE], false, 1, 1],
    ['and the reclaimed ones taken by another thread', [EMFILE, EMFILE], true, 1, 1],
    ['but without memory', [ENOMEM], true, 0, 1],
  ])('without descriptors %s it reclaims from the reserve at most once', (_, errnos, hasReserve, reclaims, pauses) => {
    let calls = 0;
    start({}, undefined, {
      reclaim(): boolean {
        calls++;
        return hasReserve;
      },
    });
    arrive(2);
    kernel.fault('accept4', ...errnos);
    reactor.turn(0);
    expect([calls, acceptors.pauses, accepted.length]).toEqual([reclaims, pauses, pauses === 0 ? 2 : 0]);
    while (accepted.length < 2) reactor.turn(1000);
  });

  it('without descriptors it does not spin, and resumes when a connection closes', () => {
    start();
    arrive(3);
    kernel.maxDescriptors = kernel.open.length + 2;
    turns();
    expect(accepted).toHaveLength(2);
    expect(acceptors.pauses).toBe(1);
    kernel.calls.length = 0;
    const endMs = kernel.nowMs + 1000;
    while (kernel.nowMs < endMs) reactor.turn(endMs - kernel.nowMs);
    expect(accepts()).toBeLessThanOrEqual(10);
    expect(kernel.counts().epollWait).toBeLessThan(40);
    disconnect();
    turns();
    expect(acceptors.accepted).toBe(3);
  });

  it.each([ECONNABORTED, EPROTO, EPERM, EINTR])('an error of a connection (%i) is skipped', (errno) => {
    start();
    arrive(4);
    kernel.fault('accept4', errno, null, errno);
    turns();
    expect(accepted).toHaveLength(2);
    expect(acceptors.pauses).toBe(0);
  });

  it('close accepts the queued connections, then no more', () => {
    start({ acceptsPerTurn: 1 });
    arrive(7);
    acceptors.close();
    expect(accepted).toHaveLength(7);
    arrive(1);
    turns();
    expect(accepted).toHaveLength(7);
    acceptors.onConnectionClosed(); // late, without effect
  });

  it('close while paused accepts the queued connections above the limit, then no more', () => {
    start({ maxConnections: 1 });
    arrive(3);
    turns();
    acceptors.close();
    expect(accepted).toHaveLength(3);
    disconnect();
    turns();
    kernel.advance(1000);
    turns();
    expect(acceptors.accepted).toBe(3);
  });
});

describe('on the real kernel', () => {
  let reactor: Reactor;
  let listener: Listener;
  let acceptors: Acceptors;
  let driver: NestedDriver;
  const accepted: number[] = [];
  const clients: Socket[] = [];

  const start = (maxConnections = 1000, kernel: Kernel = realKernel) => {
    reactor = new Reactor({ kernel });
    listener = Listener.open(realKernel, { kind: 'tcp', host: '127.0.0.1', port: 0 });
    acceptors = new Acceptors(reactor, { acceptsPerTurn: 4, maxConnections }, (fd) => void accepted.push(fd));
    acceptors.add(listener);
    driver = new NestedDriver(reactor);
  };
  const connect = (count: number) => {
    for (let i = 0; i < count; i++) {
      const client = createConnection(listener.address.port, '127.0.0.1');
      client.on('error', () => {});
      client.write('x');
      clients.push(client);
    }
  };
  const until = (condition: () => boolean): Promise<void> => eventually(condition, `${condition}`, 5000);
  afterEach(() => {
    acceptors.close();
    listener.close();
    driver.stop();
    reactor.close();
    for (const fd of accepted.splice(0)) realKernel.close(fd);
    for (const client of clients.splice(0)) client.destroy();
  });

  it('accepts many connections', async () => {
    start();
    connect(50);
    await until(() => accepted.length === 50);
  });

  it('pauses at the limit, and resumes', async () => {
    start(2);
    connect(5);
    await until(() => accepted.length === 2 && acceptors.pauses === 1);
    await sleep(20);
    const { turns } = reactor.stats;
    await sleep(100);
    expect(reactor.stats.turns - turns).toBeLessThan(3);
    expect(listener.queueLength).toBe(3);
    for (let expected = 3; expected <= 5; expected++) {
      realKernel.close(accepted.shift()!);
      acceptors.onConnectionClosed();
      await until(() => acceptors.accepted === expected);
    }
  });

  it('without descriptors it retries a few times a second, and accepts when there are some again', async () => {
    let calls = 0;
    let fails = true;
    start(1000, {
      ...realKernel,
      accept4(fd, flags) {
        calls++;
        return fails ? EMFILE : realKernel.accept4(fd, flags);
      },
    });
    connect(3);
    await until(() => acceptors.pauses > 0);
    const before = { turns: reactor.stats.turns, calls };
    await sleep(300);
    expect(calls - before.calls).toBeGreaterThanOrEqual(1);
    expect(calls - before.calls).toBeLessThanOrEqual(4);
    expect(reactor.stats.turns - before.turns).toBeLessThan(30);
    fails = false;
    await until(() => accepted.length === 3);
  });
});
