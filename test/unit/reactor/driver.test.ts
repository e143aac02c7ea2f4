import { execFile, spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  BlockingDriver,
  EnclosingDriver,
  NestedDriver,
  NOTHING,
  READABLE,
  Reactor,
  WRITABLE,
} from '../../../src/reactor/index.js';
import { kernel } from '../../../src/sys/binding.js';
import { LOOP_GOES_ON } from '../../../src/sys/calls/loop.js';
import { ELOOP, ENOMEM } from '../../../src/sys/errno.js';
import { testDescriptors } from '../../support/descriptors.js';
import { FakeKernel } from '../../support/fake-kernel.js';
import { eventually, sleep } from '../../support/raw-client.js';

const run = promisify(execFile);
const fixture = (name: string) => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
const test = testDescriptors();
const scratch = new Uint8Array(64);
const byte = new Uint8Array(1);

const until = (condition: () => boolean, timeoutMs = 5000): Promise<void> =>
  eventually(condition, `${condition}`, timeoutMs);

describe.each([NestedDriver, EnclosingDriver])('$name', (LoopDriver) => {
  let reactor: Reactor;
  let driver: NestedDriver | EnclosingDriver;
  beforeEach(() => {
    reactor = new Reactor();
    driver = new LoopDriver(reactor);
  });
  afterEach(() => {
    driver.stop();
    reactor.close();
  });

  /** Two sockets that send a byte back and forth as fast as turns come. */
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

  it('timers, promises, immediates, signals and child processes work under constant events', async () => {
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

  it('promises of a handler run after the callback, not with the next event', async () => {
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

  it('a change of interest outside a turn causes a turn', async () => {
    const [reader] = test.pair();
    const calls: number[] = [];
    const token = reactor.register(
      reader,
      {
        onReady(readiness) {
          calls.push(readiness);
          reactor.modify(token, NOTHING);
        },
      },
      READABLE,
    );
    await sleep(20);
    reactor.modify(token, WRITABLE);
    await until(() => calls.length > 0);
    expect(calls).toEqual([WRITABLE]);
  });

  it('a revisit outside a turn causes a turn, and endless revisits leave time for timers', async () => {
    const [reader] = test.pair();
    let calls = 0;
    const token = reactor.register(
      reader,
      {
        onReady() {
          if (++calls < 1000) reactor.revisit(token);
        },
      },
      READABLE,
    );
    await sleep(20);
    reactor.revisit(token);
    let immediates = 0;
    const count = () => {
      if (calls < 1000) {
        immediates++;
        setImmediate(count);
      }
    };
    setImmediate(count);
    await until(() => calls === 1000);
    expect(immediates).toBeGreaterThan(50);
  });

  it.each([
    ['at once', 0],
    ['once everything is quiet', 40],
  ])('deadlines expire without readiness, set %s', async (_, quietMs) => {
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
    expect(expired[0]! - startMs).toBeLessThan(1500);
    await sleep(20);
    expect(expired).toHaveLength(1);
  });

  it('a deadline that sets itself again keeps expiring', async () => {
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

  it('takes no turns when there is nothing to do', async () => {
    const [reader] = test.pair();
    const token = reactor.register(reader, { onReady() {} }, READABLE);
    reactor.setDeadline(token, kernel.monotonicMs() + 10_000);
    await sleep(50);
    const { turns } = reactor.stats;
    await sleep(150);
    expect(reactor.stats.turns - turns).toBeLessThan(3);
  });

  /** Calls `act` in a handler that stays ready, and checks that it is not called again. */
  async function calledOnce(act: () => void): Promise<void> {
    const [reader, writer] = test.pair();
    let calls = 0;
    const handler = {
      onReady() {
        calls++;
        act();
      },
    };
    reactor.register(reader, handler, READABLE);
    kernel.send(writer, byte, 0, 1, 0);
    await until(() => calls > 0);
    await sleep(30);
    expect(calls).toBe(1);
  }

  it('stop inside a turn ends the turns, is idempotent, and leaves the reactor open', async () => {
    await calledOnce(() => {
      driver.stop();
      driver.stop();
    });
    expect(reactor.turn(0)).toBe(1);
  });

  it('stop and close inside a turn', async () => {
    await calledOnce(() => {
      driver.stop();
      reactor.close();
    });
  });

  it('a second driver can take over the reactor', async () => {
    driver.stop();
    driver = new LoopDriver(reactor);
    const game = pingPong();
    await until(() => game.throws > 10);
  });

  it('several reactors of a thread get their turns, and one that stops does not end the others', async () => {
    const others = [new Reactor(), new Reactor()].map((other) => {
      onTestFinished(() => other.close());
      return { other, calls: [] as number[], driver: new LoopDriver(other) };
    });
    const writers = others.map(({ other, calls, driver: own }, i) => {
      const [reader, writer] = test.pair();
      const onReady = () => {
        calls.push(kernel.recv(reader, scratch, 0, 64, 0));
        if (i === 0) own.stop();
      };
      other.register(reader, { onReady }, READABLE);
      return writer;
    });
    const game = pingPong();
    for (const writer of writers) kernel.send(writer, byte, 0, 1, 0);
    await until(() => others.every(({ calls }) => calls.length === 1));
    for (const writer of writers) kernel.send(writer, byte, 0, 1, 0);
    await until(() => others[1]!.calls.length === 2);
    const before = game.throws;
    driver.stop();
    await sleep(20);
    expect(game.throws).toBeLessThanOrEqual(before + 1);
    expect(others[0]!.calls).toHaveLength(1);
    kernel.send(writers[1]!, byte, 0, 1, 0);
    await until(() => others[1]!.calls.length === 3);
  });

  it('what libuv starts to watch in a handler is watched', async () => {
    const [reader, writer] = test.pair();
    const seen: string[] = [];
    const onReady = () => {
      kernel.recv(reader, scratch, 0, 64, 0);
      execFile('echo', ['of a child'], (_, stdout) => seen.push(stdout));
      readFile('package.json').then(() => seen.push('file'));
      createConnection({ port: 1, host: '127.0.0.1' }).on('error', () => seen.push('refused'));
    };
    reactor.register(reader, { onReady }, READABLE);
    kernel.send(writer, byte, 0, 1, 0);
    await until(() => seen.length === 3);
    expect(seen.sort()).toEqual(['file', 'of a child\n', 'refused']);
  });

  it.each([
    ['unref', 'calls 1'],
    ['throw', 'calls 3, caught handler 1 and handler 2'],
  ])('in a child process: %s', async (name, expected) => {
    const { stdout } = await run(process.execPath, [fixture(`${name}.mjs`), LoopDriver.name], { timeout: 10_000 });
    expect(stdout).toBe(expected);
  });

  it('in a child process: ref keeps it alive', async () => {
    const child = run(process.execPath, [fixture('unref.mjs'), LoopDriver.name, 'ref'], { timeout: 700 });
    await expect(child).rejects.toMatchObject({ killed: true, signal: 'SIGTERM' });
  });
});

describe('NestedDriver on a simulated kernel', () => {
  it('throws the errno of loopStart', () => {
    const simulated = new FakeKernel();
    const reactor = new Reactor({ kernel: simulated });
    simulated.fault('loopStart', ENOMEM);
    expect(() => new NestedDriver(reactor)).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
    reactor.close();
  });

  it('returns at the first empty wait, or after the limit of turns', () => {
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

  it('does not spin while epoll_ctl fails', async () => {
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

describe('EnclosingDriver on a simulated kernel', () => {
  it('throws the errno of loopEnclose', () => {
    const simulated = new FakeKernel();
    const reactor = new Reactor({ kernel: simulated });
    simulated.fault('loopEnclose', ELOOP);
    expect(() => new EnclosingDriver(reactor)).toThrow(expect.objectContaining({ code: 'ELOOP' }));
    reactor.close();
  });

  it('a handler whose events queue no tasks stays in JavaScript until libuv has something to do', () => {
    const simulated = new FakeKernel();
    const reactor = new Reactor({ kernel: simulated });
    const driver = new EnclosingDriver(reactor);
    const { fd, peer } = simulated.connected();
    let waits = 0;
    simulated.loopWait = () => {
      waits++;
      if (waits === 3) return LOOP_GOES_ON;
      peer.send('x');
      return simulated.epollWait(reactor.fd, reactor.events, 1, 0);
    };
    let reads = 0;
    let isTaskless = true;
    const onReady = () => {
      simulated.recv(fd, scratch, 0, 64, 0);
      reads++;
      if (isTaskless) reactor.noteTaskless();
    };
    reactor.register(fd, { onReady }, READABLE);
    peer.send('x');
    simulated.runLoop();
    expect([reads, waits]).toEqual([3, 3]);
    isTaskless = false;
    peer.send('x');
    simulated.runLoop();
    expect([reads, waits]).toEqual([4, 3]);
    driver.stop();
    reactor.close();
  });

  it('does not spin while epoll_ctl fails', () => {
    const simulated = new FakeKernel();
    const reactor = new Reactor({ kernel: simulated });
    const driver = new EnclosingDriver(reactor);
    const { fd } = simulated.connected();
    const token = reactor.register(fd, { onReady() {} }, READABLE);
    simulated.fault('epollCtl', ...Array<number>(1000).fill(ENOMEM));
    reactor.modify(token, WRITABLE);
    for (let i = 0; i < 100; i++) simulated.runLoop();
    expect(reactor.stats.turns).toBeLessThan(10);
    driver.stop();
    reactor.close();
  });
});

describe('BlockingDriver', () => {
  it('stop from a handler ends the run and closes its eventfd', () => {
    const reactor = new Reactor();
    const driver = new BlockingDriver(reactor);
    const [reader, writer] = test.pair();
    let calls = 0;
    const handler = {
      onReady() {
        kernel.recv(reader, scratch, 0, 1, 0);
        if (++calls === 3) driver.stop();
      },
    };
    const token = reactor.register(reader, handler, READABLE);
    kernel.send(writer, new Uint8Array(5), 0, 5, 0);
    driver.run();
    expect(calls).toBe(3);
    expect(driver.stopFd).toBe(-1);
    reactor.unregister(token);
    expect(reactor.stats.registered).toBe(0);
    reactor.close();
  });

  it('stop from a deadline ends the run', () => {
    const reactor = new Reactor();
    const driver = new BlockingDriver(reactor);
    const [reader] = test.pair();
    const token = reactor.register(reader, { onReady() {}, onDeadline: () => driver.stop() }, READABLE);
    reactor.setDeadline(token, kernel.monotonicMs() + 20);
    driver.run();
    reactor.close();
  });

  it('another thread stops it through the eventfd', async () => {
    const reactor = new Reactor();
    const driver = new BlockingDriver(reactor);
    const worker = new Worker(fixture('notify.mjs'), { workerData: { fd: driver.stopFd, times: 1, delayMs: 30 } });
    await new Promise((resolve) => worker.once('message', resolve));
    driver.run();
    reactor.close();
    await worker.terminate();
  });

  it('an exception of a handler ends the run, and leaves nothing open', () => {
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
