import { execFile, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { BlockingDriver, NestedDriver, NOTHING, READABLE, Reactor, WRITABLE } from '../../../src/reactor/index.js';
import { kernel } from '../../../src/sys/binding.js';
import { ENOMEM } from '../../../src/sys/errno.js';
import { testDescriptors } from '../../support/descriptors.js';
import { FakeKernel } from '../../support/fake-kernel.js';
import { eventually, sleep } from '../../support/raw-client.js';

const run = promisify(execFile);
const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
const test = testDescriptors();
const scratch = new Uint8Array(64);
const byte = new Uint8Array(1);

const until = (condition: () => boolean, patienceMs = 5000): Promise<void> =>
  eventually(condition, `${condition}`, patienceMs);

describe('NestedDriver', () => {
  let reactor: Reactor;
  let driver: NestedDriver;
  beforeEach(() => {
    reactor = new Reactor();
    driver = new NestedDriver(reactor);
  });
  afterEach(() => {
    driver.stop();
    reactor.close();
  });

  /** A ball that two sockets throw to each other as fast as turns come. */
  function pingPong() {
    const pair = test.pair();
    const game = { throws: 0 };
    for (const fd of pair) {
      const handler = {
        onReady() {
          kernel.recv(fd, scratch, 0, 1, 0);
          kernel.send(fd, byte, 0, 1, 0);
          game.throws++;
        },
      };
      reactor.register(fd, handler, READABLE);
    }
    kernel.send(pair[0], byte, 0, 1, 0);
    return game;
  }

  it('timers, promises, immediates, signals and child processes go on while events flow', async () => {
    const game = pingPong();
    const seen = new Set<string>();
    const onSignal = () => seen.add('signal');
    process.on('SIGUSR2', onSignal);
    onTestFinished(() => void process.off('SIGUSR2', onSignal));
    setTimeout(() => seen.add('timer'), 10);
    setImmediate(() => seen.add('immediate'));
    process.nextTick(() => seen.add('tick'));
    Promise.resolve().then(() => seen.add('promise'));
    spawn('true').on('close', () => seen.add('child'));
    process.kill(process.pid, 'SIGUSR2');
    await until(() => seen.size === 6);
    const before = game.throws;
    await until(() => game.throws > before + 100);
    expect([...seen].sort()).toEqual(['child', 'immediate', 'promise', 'signal', 'tick', 'timer']);
  });

  it('promises of a handler run when the callback is over, not with the next event', async () => {
    const [reader, writer] = test.pair();
    let resolved = false;
    reactor.register(
      reader,
      {
        onReady() {
          kernel.recv(reader, scratch, 0, 1, 0);
          Promise.resolve().then(() => {
            resolved = true;
          });
        },
      },
      READABLE,
    );
    kernel.send(writer, byte, 0, 1, 0);
    await until(() => resolved);
  });

  it('an interest that changes outside a turn gets a turn', async () => {
    const [reader] = test.pair();
    const told: number[] = [];
    const token = reactor.register(
      reader,
      {
        onReady(readiness) {
          told.push(readiness);
          reactor.modify(token, NOTHING);
        },
      },
      READABLE,
    );
    await sleep(20);
    reactor.modify(token, WRITABLE);
    await until(() => told.length > 0);
    expect(told).toEqual([WRITABLE]);
  });

  it('a revisit outside a turn gets a turn, and who goes on revisiting leaves time for the others', async () => {
    const [reader] = test.pair();
    let told = 0;
    const token = reactor.register(
      reader,
      {
        onReady() {
          if (++told < 1000) reactor.revisit(token);
        },
      },
      READABLE,
    );
    await sleep(20);
    reactor.revisit(token);
    let immediates = 0;
    const count = () => {
      if (told < 1000) {
        immediates++;
        setImmediate(count);
      }
    };
    setImmediate(count);
    await until(() => told === 1000);
    expect(immediates).toBeGreaterThan(50);
  });

  it.each([
    ['at once', 0],
    ['once everything is quiet', 40],
  ])('deadlines come without any readiness, set %s', async (_, quietMs) => {
    const [reader] = test.pair();
    const expired: number[] = [];
    const token = reactor.register(
      reader,
      { onReady() {}, onDeadline: () => void expired.push(kernel.monotonicMs()) },
      READABLE,
    );
    if (quietMs > 0) await sleep(quietMs);
    const startMs = kernel.monotonicMs();
    reactor.setDeadline(token, startMs + 60_000);
    reactor.setDeadline(token, startMs + 30);
    await until(() => expired.length > 0, 2000);
    expect(expired[0]! - startMs).toBeGreaterThanOrEqual(30);
    expect(expired[0]! - startMs).toBeLessThan(500);
    await sleep(20);
    expect(expired).toHaveLength(1);
  });

  it('a deadline that repeats itself goes on', async () => {
    const [reader] = test.pair();
    let expired = 0;
    const token = reactor.register(
      reader,
      {
        onReady() {},
        onDeadline() {
          if (++expired < 5) reactor.setDeadline(token, reactor.nowMs + 5);
        },
      },
      READABLE,
    );
    reactor.setDeadline(token, kernel.monotonicMs() + 5);
    await until(() => expired === 5);
  });

  it('stands still when there is nothing to do', async () => {
    const [reader] = test.pair();
    const token = reactor.register(reader, { onReady() {} }, READABLE);
    reactor.setDeadline(token, kernel.monotonicMs() + 10_000);
    await sleep(50);
    const { turns } = reactor.stats;
    await sleep(150);
    expect(reactor.stats.turns - turns).toBeLessThan(3);
  });

  /** A handler that does this is told of something, and stays ready without being told again. */
  async function toldOnce(act: () => void): Promise<void> {
    const [reader, writer] = test.pair();
    let told = 0;
    const handler = {
      onReady() {
        told++;
        act();
      },
    };
    reactor.register(reader, handler, READABLE);
    kernel.send(writer, byte, 0, 1, 0);
    await until(() => told > 0);
    await sleep(30);
    expect(told).toBe(1);
  }

  it('stop inside a turn ends the turns; twice is fine; the reactor stays open', async () => {
    await toldOnce(() => {
      driver.stop();
      driver.stop();
    });
    expect(reactor.turn(0)).toBe(1);
  });

  it('stop and close inside a turn', async () => {
    await toldOnce(() => {
      driver.stop();
      reactor.close();
    });
  });

  it('another one may follow', async () => {
    driver.stop();
    driver = new NestedDriver(reactor);
    const game = pingPong();
    await until(() => game.throws > 10);
  });

  it.each([
    ['unref', 'told 1'],
    ['throw', 'told 3, caught handler 1 and handler 2'],
  ])('in a process of its own: %s', async (name, expected) => {
    const { stdout } = await run(process.execPath, [fixture(`${name}.mjs`)], { timeout: 10_000 });
    expect(stdout).toBe(expected);
  });

  it('in a process of its own: ref keeps it', async () => {
    const child = run(process.execPath, [fixture('unref.mjs'), 'ref'], { timeout: 700 });
    await expect(child).rejects.toMatchObject({ killed: true, signal: 'SIGTERM' });
  });
});

describe('NestedDriver on a simulated kernel', () => {
  it('throws what libuv refuses', () => {
    const simulated = new FakeKernel();
    const reactor = new Reactor({ kernel: simulated });
    simulated.fault('loopStart', ENOMEM);
    expect(() => new NestedDriver(reactor)).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
    reactor.close();
  });

  it('leaves at the first empty wait, and after a bounded number of turns', () => {
    const simulated = new FakeKernel();
    const reactor = new Reactor({ kernel: simulated });
    const driver = new NestedDriver(reactor);
    const { fd, peer } = simulated.connected();
    let reads = 0;
    const handler = {
      onReady() {
        simulated.recv(fd, scratch, 0, 1, 0);
        reads++;
      },
    };
    reactor.register(fd, handler, READABLE);
    const turnsOfOneCallback = () => {
      const before = reactor.stats.turns;
      simulated.runLoop();
      return reactor.stats.turns - before;
    };
    peer.send('x');
    expect(turnsOfOneCallback()).toBe(2);
    peer.send('x'.repeat(50));
    expect(turnsOfOneCallback()).toBe(8);
    expect(reads).toBe(9);
    simulated.recv(fd, scratch, 0, 64, 0);
    driver.stop();
    reactor.close();
  });

  it('does not spin while the kernel refuses to arm', async () => {
    const simulated = new FakeKernel();
    const reactor = new Reactor({ kernel: simulated });
    const driver = new NestedDriver(reactor);
    const { fd } = simulated.connected();
    const token = reactor.register(fd, { onReady() {} }, READABLE);
    simulated.fault('epollCtl', ...Array<number>(1000).fill(ENOMEM));
    reactor.modify(token, WRITABLE);
    await sleep(60);
    expect(reactor.stats.turns).toBeLessThan(10);
    driver.stop();
    reactor.close();
  });
});

describe('BlockingDriver', () => {
  it('stops from a handler, and closes what is its own', () => {
    const reactor = new Reactor();
    const driver = new BlockingDriver(reactor);
    const [reader, writer] = test.pair();
    let told = 0;
    const handler = {
      onReady() {
        kernel.recv(reader, scratch, 0, 1, 0);
        if (++told === 3) driver.stop();
      },
    };
    const token = reactor.register(reader, handler, READABLE);
    kernel.send(writer, new Uint8Array(5), 0, 5, 0);
    driver.run();
    expect(told).toBe(3);
    expect(driver.stopFd).toBe(-1);
    reactor.unregister(token);
    expect(reactor.stats.registered).toBe(0);
    reactor.close();
  });

  it('stops from a deadline', () => {
    const reactor = new Reactor();
    const driver = new BlockingDriver(reactor);
    const [reader] = test.pair();
    const token = reactor.register(reader, { onReady() {}, onDeadline: () => driver.stop() }, READABLE);
    reactor.setDeadline(token, kernel.monotonicMs() + 20);
    driver.run();
    reactor.close();
  });

  it('stops from another thread', async () => {
    const reactor = new Reactor();
    const driver = new BlockingDriver(reactor);
    const worker = new Worker(fixture('notify.mjs'), { workerData: { fd: driver.stopFd, times: 1, delayMs: 30 } });
    await new Promise((resolve) => worker.once('message', resolve));
    driver.run();
    reactor.close();
    await worker.terminate();
  });

  it('what a handler throws ends the run, and leaves nothing open', () => {
    const reactor = new Reactor();
    const driver = new BlockingDriver(reactor);
    const [reader, writer] = test.pair();
    const handler = {
      onReady() {
        throw new Error('of the handler');
      },
    };
    reactor.register(reader, handler, READABLE);
    kernel.send(writer, byte, 0, 1, 0);
    expect(() => driver.run()).toThrow('of the handler');
    expect(driver.stopFd).toBe(-1);
    reactor.close();
  });
});
