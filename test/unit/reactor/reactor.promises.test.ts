import { AssertionError } from 'node:assert';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BlockingDriver,
  NEVER,
  NestedDriver,
  READABLE,
  Reactor,
  type Token,
  Wakeup,
  WRITABLE,
} from '../../../src/reactor/index.js';
import { kernel as realKernel } from '../../../src/sys/binding.js';
import type { Kernel } from '../../../src/sys/kernel.js';
import { testDescriptors } from '../../support/descriptors.js';
import { FakeKernel } from '../../support/fake-kernel.js';

const test = testDescriptors();
const byte = new Uint8Array(1);

let kernel: FakeKernel;
let reactor: Reactor;
/** The names of what was called, in order. */
let order: string[];

beforeEach(() => {
  kernel = new FakeKernel();
  reactor = new Reactor({ kernel });
  order = [];
});

afterEach(() => {
  reactor.close();
  expect(kernel.violations).toEqual([]);
});

interface Joined {
  fd: number;
  token: Token;
  peer: { send(data: string): number };
}

type Act = (all: Joined[], at: number) => void;

/** Level-triggered streams named a, b and c, all ready; a calls `act` when it is ready, or when its deadline passes. */
function three(when: 'ready' | 'deadline', act: Act): Joined[] {
  const all = ['a', 'b', 'c'].map((name, at): Joined => {
    const { fd, peer } = kernel.connected();
    const call = (what: 'ready' | 'deadline') => {
      order.push(what === 'ready' ? name : `${name} deadline`);
      kernel.recv(fd, byte, 0, 1, 0);
      if (at === 0 && what === when) act(all, at);
    };
    const handler = { onReady: () => call('ready'), onDeadline: () => call('deadline') };
    return { fd, peer, token: reactor.register(fd, handler, READABLE) };
  });
  if (when === 'ready') for (const { peer } of all) peer.send('x');
  else for (const [at, { token }] of all.entries()) reactor.setDeadline(token, kernel.nowMs - 3 + at);
  return all;
}

const attempt = (act: () => unknown) => {
  try {
    act();
  } catch (error) {
    order.push(`${(error as { code?: string }).code}`);
  }
};

const unregisterAll: Act = (all) => {
  for (const { token } of all) reactor.unregister(token);
};

/** [what a does in its handler, what is called in two turns if it does so in onReady, and if in onDeadline] */
const PROMISES: [string, Act, ready: string, deadline: string][] = [
  ['nothing', () => {}, 'a b c', 'a b c'],
  ['a turn', () => attempt(() => reactor.turn(0)), 'a ERR_EPOLLET_ASSERTION b c', 'a ERR_EPOLLET_ASSERTION b c'],
  [
    'an invalid turn',
    () => attempt(() => reactor.turn(-7)),
    'a ERR_EPOLLET_ARGUMENT b c',
    'a ERR_EPOLLET_ARGUMENT b c',
  ],
  ['unregister another', (all) => reactor.unregister(all[1]!.token), 'a c', 'a c'],
  ['forget another', (all) => reactor.forget(all[1]!.token), 'a c', 'a c'],
  ['unregister itself', (all) => reactor.unregister(all[0]!.token), 'a b c', 'a b c'],
  ['unregister all', unregisterAll, 'a', 'a'],
  [
    'unregister twice',
    (all) => {
      reactor.unregister(all[0]!.token);
      attempt(() => reactor.unregister(all[0]!.token));
    },
    'a ERR_EPOLLET_ASSERTION b c',
    'a ERR_EPOLLET_ASSERTION b c',
  ],
  ['close the reactor', () => reactor.close(), 'a', 'a'],
  [
    'close the reactor, then use it',
    (all) => {
      reactor.close();
      attempt(() => reactor.turn(0));
      attempt(() => reactor.register(all[0]!.fd, { onReady() {} }, READABLE));
      attempt(() => reactor.modify(all[0]!.token, WRITABLE));
      attempt(() => reactor.setDeadline(all[0]!.token, NEVER));
      unregisterAll(all, 0);
    },
    `a${' ERR_EPOLLET_CLOSED'.repeat(4)}`,
    `a${' ERR_EPOLLET_CLOSED'.repeat(4)}`,
  ],
  [
    'notifyAtBatchEnd',
    () => reactor.notifyAtBatchEnd({ onBatchEnd: () => order.push('end') }),
    'a b c end',
    'a b c end',
  ],
  [
    'notifyAtBatchEnd, and close the reactor',
    () => {
      reactor.notifyAtBatchEnd({ onBatchEnd: () => order.push('end') });
      reactor.close();
    },
    'a end',
    'a end',
  ],
  ['a revisit', (all) => order.length < 2 && reactor.revisit(all[0]!.token), 'a b c a', 'a b c a ready'],
  ['a deadline now', (all) => order.length < 2 && reactor.setDeadline(all[0]!.token, 0), 'a b c a deadline', 'a b c a'],
];

describe.each(['ready', 'deadline'] as const)('in a handler, %s', (when) => {
  it.each(PROMISES)('%s', (_, act, ready, deadline) => {
    three(when, act);
    for (let turns = 0; turns < 2 && reactor.fd >= 0; turns++) {
      reactor.turn(0);
      kernel.advance(10);
    }
    const called = order.join(' ');
    if (when === 'ready') expect(called).toBe(ready);
    else if (deadline === 'a b c a ready') expect(called).toBe('a deadline b deadline c deadline a');
    else expect(called.replaceAll(' deadline', '')).toBe(deadline);
  });

  it('what one throws is thrown by the turn, after the others; the next turn works', () => {
    three(when, () => {
      throw new Error('of a');
    });
    expect(() => reactor.turn(0)).toThrow('of a');
    expect(order.map((name) => name[0])).toEqual(['a', 'b', 'c']);
    expect(() => reactor.turn(0)).not.toThrow();
  });
});

/** [what throws, how it is made to, and undone] */
const THROWN: [string, (kernel: Kernel & Record<string, unknown>) => void][] = [
  [
    'epollWait',
    (of) => {
      of.epollWait = () => {
        throw new Error('simulated');
      };
    },
  ],
  [
    'monotonicMs',
    (of) => {
      of.monotonicMs = () => {
        throw new Error('simulated');
      };
    },
  ],
  [
    'epollCtl',
    (of) => {
      of.epollCtl = () => {
        throw new Error('simulated');
      };
    },
  ],
  [
    'onTurn',
    () => {
      reactor.onTurn = () => {
        throw new Error('simulated');
      };
    },
  ],
];

it.each(THROWN)('%s throws in a turn: so does the turn, and the next one works and loses nothing', (name, fail) => {
  const working = { ...realKernel, epollWait: realKernel.epollWait } as Kernel & Record<string, unknown>;
  reactor.close();
  reactor = new Reactor({ kernel: working });
  const [one, peer] = test.pair();
  const [other] = test.pair();
  const reports: string[] = [];
  const trigger = name === 'monotonicMs' ? 'level' : 'oneshot'; // it throws when the events are taken already
  const token = reactor.register(one, { onReady: () => void reports.push('one') }, READABLE, { trigger });
  const second = reactor.register(other, { onReady: () => void reports.push('other') }, READABLE);
  realKernel.send(peer, byte, 0, 1, 0);
  reactor.modify(second, WRITABLE);
  reactor.modify(token, WRITABLE);
  fail(working);
  expect(() => reactor.turn(0)).toThrow(name === 'epollCtl' ? AggregateError : 'simulated');
  Object.assign(working, realKernel);
  reactor.onTurn = null;
  const endMs = realKernel.monotonicMs() + 5000; // a failed epoll_ctl is retried after a while
  while (new Set(reports).size < 2 && realKernel.monotonicMs() < endMs) reactor.turn(50);
  expect(new Set(reports)).toEqual(new Set(['one', 'other']));
});

it('several errors of one turn are one AggregateError, and none is left for the next', () => {
  three('ready', () => {
    throw new Error('of a');
  });
  reactor.onTurn = () => {
    throw new Error('of the hook');
  };
  kernel.fault('epollWait', -9);
  expect(() => reactor.turn(0)).toThrow(expect.objectContaining({ errors: [expect.anything(), expect.anything()] }));
  reactor.onTurn = null;
  expect(() => reactor.turn(0)).toThrow(/^of a$/);
  expect(reactor.turn(0)).toBe(0);
});

it('an error of epoll_wait names the descriptor', () => {
  kernel.fault('epollWait', -9);
  expect(() => reactor.turn(0)).toThrow(`EBADF: bad file descriptor, epoll_wait epfd ${reactor.fd}`);
});

it('onWork that throws does not lose the readiness', () => {
  const [one] = three('ready', () => {});
  for (let i = 0; i < 2; i++) reactor.turn(0);
  order = [];
  reactor.modify(one!.token, WRITABLE);
  reactor.turn(0);
  order = [];
  reactor.revisit(one!.token, READABLE);
  reactor.onWork = () => {
    throw new Error('of onWork');
  };
  expect(() => reactor.modify(one!.token, READABLE)).toThrow('of onWork');
  reactor.onWork = null;
  reactor.turn(0);
  expect(order).toEqual(['a']);
});

describe('drivers', () => {
  const SECOND = /^this reactor has a driver already: stop that one before making another$/;
  const makers: [string, () => NestedDriver | BlockingDriver][] = [
    ['NestedDriver', () => new NestedDriver(reactor)],
    ['BlockingDriver', () => new BlockingDriver(reactor)],
  ];
  const pairs = makers.flatMap(([one, first]) => makers.map(([other, second]) => [one, other, first, second] as const));

  it.each(pairs)('%s: a second one, %s, is an error until it is stopped', (_, __, first, second) => {
    const one = first();
    const { onWork } = reactor;
    const open = kernel.open;
    expect(second).toThrow(AssertionError);
    expect(second).toThrow(SECOND);
    expect([reactor.driver, reactor.onWork, kernel.open]).toEqual([one, onWork, open]);
    one.stop();
    expect(reactor.driver).toBe(null);
    const other = second();
    one.stop(); // idempotent: it must not disturb the other one
    expect(reactor.driver).toBe(other);
    if (other instanceof NestedDriver) expect(reactor.onWork).not.toBe(null);
    else expect(other.stopFd).toBeGreaterThan(0);
    other.stop();
    expect([reactor.onWork, reactor.stats.registered]).toEqual([null, 0]);
    expect(kernel.open).toEqual([reactor.fd]);
  });

  it.each(makers)('%s on a closed reactor is an error', (_, make) => {
    reactor.close();
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_EPOLLET_CLOSED', message: 'This Reactor is closed.' }));
    expect(() => new Wakeup(reactor, () => {})).toThrow('This Reactor is closed.');
    expect(kernel.open).toEqual([]);
  });

  it.each(makers)('%s is stopped by the close of its reactor', (_, make) => {
    make();
    reactor.close();
    expect(reactor.driver).toBe(null);
    expect(kernel.open).toEqual([]);
    expect(() => kernel.runLoop()).not.toThrow();
  });

  it('an onWork of the program stays when the driver stops', () => {
    const driver = new NestedDriver(reactor);
    const onWork = () => {};
    reactor.onWork = onWork;
    driver.stop();
    expect(reactor.onWork).toBe(onWork);
  });

  it('a failed loopStart leaves the reactor without a driver', () => {
    kernel.fault('loopStart', -17);
    expect(() => new NestedDriver(reactor)).toThrow(`epoll_ctl epfd ${reactor.fd} in libuv's loop`);
    expect([reactor.driver, reactor.onWork]).toEqual([null, null]);
    new NestedDriver(reactor).stop();
  });

  it('a blocking run inside a run is an assertion error, and the outer one goes on', () => {
    const driver = new BlockingDriver(reactor);
    three('ready', () => attempt(() => driver.run()));
    kernel.after(10, () => kernel.eventfdWrite(driver.stopFd, 1));
    driver.run();
    expect(order.join(' ')).toBe('a ERR_EPOLLET_ASSERTION b c');
  });

  it('a blocking run after stop returns at once, and after an exception is an error', () => {
    const stopped = new BlockingDriver(reactor);
    stopped.stop();
    expect(stopped.stopFd).toBe(-1);
    stopped.run();
    stopped.run();
    const driver = new BlockingDriver(reactor);
    three('ready', () => {
      throw new Error('of a');
    });
    expect(() => driver.run()).toThrow('of a');
    expect(() => driver.run()).toThrow(expect.objectContaining({ code: 'ERR_EPOLLET_CLOSED' }));
    driver.stop();
    expect(() => driver.run()).not.toThrow();
  });

  it('close of the reactor in a handler ends a blocking run', () => {
    const driver = new BlockingDriver(reactor);
    three('ready', () => reactor.close());
    driver.run();
    expect(order).toEqual(['a']);
    expect(driver.stopFd).toBe(-1);
  });
});

describe('Wakeup', () => {
  it('notify after close is an error', () => {
    const wakeup = new Wakeup(reactor, () => {});
    wakeup.close();
    const closed = expect.objectContaining({ code: 'ERR_EPOLLET_CLOSED', message: 'This Wakeup is closed.' });
    expect(() => wakeup.notify()).toThrow(closed);
  });

  it('what onWakeup throws is thrown by the turn, once', () => {
    const wakeup = new Wakeup(reactor, () => {
      throw new Error('of onWakeup');
    });
    wakeup.notify();
    expect(() => reactor.turn(0)).toThrow('of onWakeup');
    expect(reactor.turn(0)).toBe(0);
    wakeup.close();
  });

  it('a descriptor that another has closed is an error of close, which does not close it again', () => {
    const wakeup = new Wakeup(reactor, () => {});
    const { fd } = wakeup;
    kernel.close(fd);
    expect(kernel.connected().fd).toBe(fd);
    expect(() => wakeup.close()).toThrow(/^ENOENT: .*EPOLL_CTL_DEL fd \d+: it was closed while registered/);
    expect(() => wakeup.close()).not.toThrow();
    expect(kernel.open).toContain(fd);
  });
});

it('using closes a reactor, a driver and a Wakeup', () => {
  {
    using own = new Reactor({ kernel });
    using wakeup = new Wakeup(own, () => {});
    using driver = new NestedDriver(own);
    expect([own.fd, wakeup.fd, own.driver === driver]).toEqual([own.fd, wakeup.fd, true]);
  }
  expect(kernel.open).toEqual([reactor.fd]);
});
