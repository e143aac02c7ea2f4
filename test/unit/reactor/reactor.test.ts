import { AssertionError } from 'node:assert';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BOTH,
  ENDED,
  type Interest,
  NEVER,
  NOTHING,
  READABLE,
  Reactor,
  type Token,
  type Trigger,
  WRITABLE,
} from '../../../src/reactor/index.js';
import { TRIGGERS } from '../../../src/reactor/interest.js';
import { kernel as realKernel } from '../../../src/sys/binding.js';
import { EAGAIN, EMFILE, ENOMEM, ENOSPC } from '../../../src/sys/errno.js';
import { testDescriptors } from '../../support/descriptors.js';
import { FakeKernel } from '../../support/fake-kernel.js';
import { below, seeded } from '../../support/random.js';

let kernel: FakeKernel;
let reactor: Reactor;

beforeEach(() => {
  kernel = new FakeKernel();
  reactor = new Reactor({ kernel });
});

afterEach(() => {
  reactor.close();
  expect(kernel.violations).toEqual([]);
});

const byte = new Uint8Array(1);
const scratch = new Uint8Array(65536);
const drain = (fd: number) => {
  while (kernel.recv(fd, scratch, 0, scratch.length, 0) > 0);
};

/** How many epoll_ctl calls happen meanwhile. */
function controls(act: () => void): number {
  const before = kernel.counts().epollCtl ?? 0;
  act();
  return (kernel.counts().epollCtl ?? 0) - before;
}

/** A registered stream that notes what it is told. */
function joined(interest: Interest, trigger: Trigger = 'level', act?: (readiness: number) => void) {
  const { fd, peer } = kernel.connected();
  const told: number[] = [];
  const handler = {
    onReady(readiness: number) {
      told.push(readiness);
      act?.(readiness);
    },
  };
  return { fd, peer, told, token: reactor.register(fd, handler, interest, { trigger }) };
}

describe('a new reactor', () => {
  it.each([0, -1, 1.5, 65537, Number.NaN])('refuses maxEvents %d', (maxEvents) => {
    expect(() => new Reactor({ kernel, maxEvents })).toThrow(RangeError);
  });

  it('throws what epoll_create1 refuses', () => {
    kernel.fault('epollCreate1', EMFILE);
    expect(() => new Reactor({ kernel })).toThrow(
      expect.objectContaining({ code: 'EMFILE', syscall: 'epoll_create1' }),
    );
  });
});

describe('arming', () => {
  it.each(TRIGGERS)('%s: only what differs costs a call', (trigger) => {
    const one = joined(READABLE, trigger);
    expect(kernel.counts().epollCtl).toBe(1);
    const calls = controls(() => {
      reactor.modify(one.token, BOTH);
      reactor.modify(one.token, WRITABLE);
      reactor.modify(one.token, READABLE);
      reactor.turn(0);
    });
    expect(calls).toBe(0);
    expect(controls(() => reactor.modify(one.token, BOTH))).toBe(0);
    expect(controls(() => reactor.turn(0))).toBe(trigger === 'edge' ? 0 : 1);
  });

  it.each(['level', 'oneshot'] as const)('%s: NOTHING leaves the set, so that not even HUP is told', (trigger) => {
    const one = joined(READABLE, trigger);
    reactor.modify(one.token, NOTHING);
    expect(controls(() => reactor.turn(0))).toBe(1);
    one.peer.reset();
    expect(reactor.turn(0)).toBe(0);
    reactor.modify(one.token, READABLE);
    expect(controls(() => reactor.turn(0))).toBe(1);
    expect(one.told).toEqual([READABLE | ENDED]);
  });

  it('edge: one ADD is all, whatever is wanted', () => {
    const one = joined(NOTHING, 'edge', () => reactor.modify(one.token, one.told.length % 2 ? WRITABLE : READABLE));
    for (const interest of [READABLE, WRITABLE, NOTHING, BOTH, NOTHING, READABLE] as Interest[]) {
      reactor.modify(one.token, interest);
      one.peer.send('x');
      reactor.turn(0);
      drain(one.fd);
      reactor.turn(0);
    }
    expect(kernel.counts().epollCtl).toBe(1);
    expect(one.told.length).toBeGreaterThan(0);
  });

  it('oneshot: armed again once an event, whatever its handler asks', () => {
    const one = joined(READABLE, 'oneshot', () => {
      drain(one.fd);
      reactor.modify(one.token, WRITABLE);
      reactor.modify(one.token, READABLE);
    });
    for (let i = 1; i <= 5; i++) {
      one.peer.send('x');
      expect(controls(() => reactor.turn(0))).toBe(i === 1 ? 0 : 1);
      expect(one.told).toHaveLength(i);
    }
  });

  it('oneshot: who wants nothing after an event costs no call, and returns by MOD', () => {
    const one = joined(READABLE, 'oneshot', () => reactor.modify(one.token, NOTHING));
    one.peer.send('x');
    reactor.turn(0);
    expect(controls(() => reactor.turn(0))).toBe(0);
    expect(one.told).toEqual([READABLE]);
    reactor.modify(one.token, READABLE);
    expect(controls(() => reactor.turn(0))).toBe(1);
    expect(one.told).toEqual([READABLE, READABLE]);
    expect(controls(() => reactor.unregister(one.token))).toBe(1);
    expect(() => joined(READABLE)).not.toThrow();
  });

  it('exclusive: pausing is DEL, going on ADD, changing both; never MOD', () => {
    const { fd, peer } = kernel.connected();
    const told: number[] = [];
    const token = reactor.register(fd, { onReady: (readiness) => told.push(readiness) }, READABLE, { exclusive: true });
    reactor.modify(token, NOTHING);
    expect(controls(() => reactor.turn(0))).toBe(1);
    peer.send('x');
    reactor.turn(0);
    expect(told).toEqual([]);
    reactor.modify(token, READABLE);
    expect(controls(() => reactor.turn(0))).toBe(1);
    expect(told).toEqual([READABLE]);
    reactor.modify(token, BOTH);
    expect(controls(() => reactor.turn(0))).toBe(2);
    expect(told.at(-1)).toBe(BOTH);
  });

  it('exclusive and oneshot are refused before the kernel does', () => {
    const { fd } = kernel.connected();
    const register = () => reactor.register(fd, { onReady() {} }, READABLE, { trigger: 'oneshot', exclusive: true });
    expect(register).toThrow(AssertionError);
    expect(reactor.stats.registered).toBe(0);
  });

  it('exclusive: of two reactors one is told', () => {
    const other = new Reactor({ kernel });
    const fd = kernel.socket(2, 1, 0);
    kernel.bind(fd, '127.0.0.1', 0);
    kernel.listen(fd, 1);
    let told = 0;
    const handler = { onReady: () => void told++ };
    reactor.register(fd, handler, READABLE, { exclusive: true });
    other.register(fd, handler, READABLE, { exclusive: true });
    kernel.connectPeer(fd);
    reactor.turn(0);
    other.turn(0);
    expect(told).toBe(1);
    other.close();
  });

  it('unregister is one DEL, forget no call', () => {
    const [one, other] = [joined(READABLE), joined(READABLE)];
    expect(controls(() => reactor.unregister(one.token))).toBe(1);
    expect(controls(() => reactor.forget(other.token))).toBe(0);
    expect(reactor.stats.registered).toBe(0);
    const idle = joined(NOTHING);
    expect(controls(() => reactor.unregister(idle.token))).toBe(0);
  });

  it('what is dirty and goes is armed no more', () => {
    const one = joined(READABLE);
    reactor.modify(one.token, WRITABLE);
    reactor.unregister(one.token);
    expect(controls(() => reactor.turn(0))).toBe(0);
  });
});

describe('refusals', () => {
  it.each([
    [ENOMEM, 'ENOMEM'],
    [ENOSPC, 'ENOSPC'],
  ])('register throws %i and leaves nothing behind', (refusal, code) => {
    const { fd, peer } = kernel.connected();
    kernel.fault('epollCtl', refusal);
    const register = () => reactor.register(fd, { onReady() {} }, READABLE);
    expect(register).toThrow(expect.objectContaining({ code, errno: refusal, syscall: 'epoll_ctl' }));
    expect(reactor.stats.registered).toBe(0);
    peer.send('x');
    expect(reactor.turn(0)).toBe(0);
    register();
    expect(reactor.turn(0)).toBe(1);
  });

  it('register names what is registered, no socket, or closed', () => {
    const one = joined(READABLE);
    const again = (fd: number) => () => reactor.register(fd, { onReady() {} }, READABLE);
    expect(again(one.fd)).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect(again(kernel.file(byte))).toThrow(expect.objectContaining({ code: 'EPERM' }));
    expect(again(99)).toThrow(expect.objectContaining({ code: 'EBADF' }));
    expect(reactor.stats.registered).toBe(1);
  });

  it.each([
    ['level', WRITABLE, 1],
    ['oneshot', READABLE, 2],
  ] as const)('%s: a refused MOD is tried again after a while, not all the time', (trigger, interest, tries) => {
    const one = joined(READABLE, trigger, () => drain(one.fd));
    one.peer.send('x');
    reactor.turn(0);
    kernel.fault('epollCtl', ...Array<number>(tries).fill(ENOMEM));
    reactor.modify(one.token, interest);
    if (trigger === 'oneshot') one.peer.send('y');
    let turns = 0;
    const startMs = kernel.nowMs;
    const calls = controls(() => {
      while (one.told.length < 2 && turns++ < 50) reactor.turn(1000);
    });
    expect(one.told).toEqual([READABLE, interest]);
    expect(calls).toBe(tries + 1);
    expect(turns).toBeLessThan(4 * tries + 4);
    expect(kernel.nowMs - startMs).toBeLessThan(250 * tries);
  });

  it('whoever drives is not asked to hurry for a refused one, but told when', () => {
    const one = joined(READABLE);
    kernel.fault('epollCtl', ENOMEM);
    reactor.modify(one.token, WRITABLE);
    reactor.turn(0);
    expect(reactor.hasWork).toBe(false);
    expect(reactor.nextDeadlineMs()).toBe(kernel.nowMs + 100);
    kernel.advance(100);
    reactor.turn(0);
    reactor.turn(0);
    expect(one.told).toEqual([WRITABLE]);
    expect(reactor.nextDeadlineMs()).toBe(NEVER);
  });

  it('a slot that was refused and has got another owner is not mixed up', () => {
    const one = joined(READABLE);
    kernel.fault('epollCtl', ENOMEM);
    reactor.modify(one.token, WRITABLE);
    reactor.turn(0);
    reactor.unregister(one.token);
    const other = joined(READABLE);
    kernel.advance(200);
    expect(
      controls(() => {
        reactor.turn(0);
        reactor.turn(0);
      }),
    ).toBe(0);
    other.peer.send('x');
    reactor.turn(0);
    expect(other.told).toEqual([READABLE]);
  });

  it('exclusive: a refused ADD after the DEL is tried again', () => {
    const { fd, peer } = kernel.connected();
    let told = 0;
    const token = reactor.register(fd, { onReady: () => void told++ }, READABLE, { exclusive: true });
    kernel.fault('epollCtl', null, ENOMEM);
    reactor.modify(token, BOTH);
    peer.send('x');
    reactor.turn(0);
    expect(told).toBe(0);
    reactor.turn(1000);
    reactor.turn(1000);
    expect(told).toBe(1);
  });

  it('epoll_wait: a signal is an empty turn, an error is thrown, and turns go on', () => {
    const one = joined(READABLE);
    one.peer.send('x');
    kernel.fault('epollWait', 0, EAGAIN);
    expect(reactor.turn(0)).toBe(0);
    expect(() => reactor.turn(0)).toThrow(expect.objectContaining({ syscall: 'epoll_wait' }));
    expect(reactor.turn(0)).toBe(1);
  });
});

describe('one batch', () => {
  /** Two that are ready in one batch; the first told runs `act`. */
  function two(act: (other: ReturnType<typeof joined>) => void) {
    let acted = false;
    const handle = (which: 0 | 1) => () => {
      if (acted) return;
      acted = true;
      act(pair[which === 0 ? 1 : 0]!);
    };
    const pair = [joined(READABLE, 'level', handle(0)), joined(READABLE, 'level', handle(1))];
    for (const each of pair) each.peer.send('x');
    return pair as [ReturnType<typeof joined>, ReturnType<typeof joined>];
  }

  it('a handler that unregisters the next one: its event is stale', () => {
    const [one, other] = two((next) => reactor.unregister(next.token));
    reactor.turn(0);
    expect([one.told.length, other.told.length]).toEqual([1, 0]);
    expect(reactor.stats.stale).toBe(1);
  });

  it('a descriptor that is closed and comes back under its number is another one', () => {
    const late: number[] = [];
    const [one, other] = two((next) => {
      reactor.forget(next.token);
      kernel.close(next.fd);
      const { fd } = kernel.connected();
      expect(fd).toBe(next.fd);
      reactor.register(fd, { onReady: (readiness) => late.push(readiness) }, READABLE);
    });
    reactor.turn(0);
    expect([one.told, other.told, late]).toEqual([[READABLE], [], []]);
    expect(reactor.stats).toMatchObject({ events: 2, stale: 1, registered: 2 });
  });

  it('a handler that stops asking for another: kept until wanted again', () => {
    const [, other] = two((next) => reactor.modify(next.token, NOTHING));
    reactor.turn(0);
    expect(other.told).toEqual([]);
    expect(reactor.stats.spurious).toBe(1);
    reactor.modify(other.token, READABLE);
    reactor.turn(0);
    expect(other.told[0]).toBe(READABLE);
  });

  it('whoever joins inside a handler is told in the next turn', () => {
    let inner: ReturnType<typeof joined> | undefined;
    const outer = joined(READABLE, 'level', () => {
      drain(outer.fd);
      inner ??= joined(READABLE);
      inner.peer.send('x');
    });
    outer.peer.send('x');
    reactor.turn(0);
    expect(inner!.told).toEqual([]);
    reactor.turn(0);
    expect(inner!.told).toEqual([READABLE]);
  });

  it('may unregister itself and join again', () => {
    const told: number[] = [];
    const { fd, peer } = kernel.connected();
    let token: Token;
    const handler = {
      onReady(readiness: number) {
        told.push(readiness);
        reactor.unregister(token);
        token = reactor.register(fd, handler, READABLE);
      },
    };
    token = reactor.register(fd, handler, READABLE);
    peer.send('x');
    reactor.turn(0);
    reactor.turn(0);
    expect(told).toEqual([READABLE, READABLE]);
  });

  it('what a handler throws does not keep the others from being told', () => {
    const all = Array.from({ length: 5 }, (_, i) =>
      joined(READABLE, 'edge', () => {
        if (i === 1 || i === 3) throw new Error(`handler ${i}`);
      }),
    );
    for (const each of all) each.peer.send('x');
    let thrown: unknown;
    try {
      reactor.turn(0);
    } catch (error) {
      thrown = error;
    }
    expect((thrown as AggregateError).errors.map(({ message }) => message)).toEqual(['handler 1', 'handler 3']);
    expect(all.map((each) => each.told.length)).toEqual([1, 1, 1, 1, 1]);
    expect(() => reactor.turn(0)).not.toThrow();
  });

  it('onTurn runs once before the handlers; what it throws loses nothing', () => {
    const order: string[] = [];
    const one = joined(READABLE, 'edge', () => order.push('handler'));
    reactor.onTurn = () => order.push('turn');
    one.peer.send('x');
    reactor.turn(0);
    expect(order).toEqual(['turn', 'handler']);
    reactor.onTurn = () => {
      throw new Error('of the hook');
    };
    one.peer.send('y');
    expect(() => reactor.turn(0)).toThrow('of the hook');
    reactor.onTurn = null;
    reactor.turn(0);
    expect(one.told).toHaveLength(2);
  });

  it.each([1, 2, 7])('brings at most maxEvents (%i), and everybody in the end', (maxEvents) => {
    reactor.close();
    reactor = new Reactor({ kernel, maxEvents });
    const all = Array.from({ length: 7 }, () => joined(READABLE));
    for (const each of all) each.peer.send('x');
    for (let turns = 0; turns < Math.ceil(7 / maxEvents); turns++) {
      expect(reactor.turn(0)).toBeLessThanOrEqual(maxEvents);
    }
    expect(all.every((each) => each.told.length >= 1)).toBe(true);
  });
});

describe('revisit', () => {
  it.each(TRIGGERS)('%s: told again without a wait, once', (trigger) => {
    const one = joined(READABLE, trigger, () => {
      if (one.told.length === 1) {
        drain(one.fd);
        reactor.revisit(one.token);
      }
    });
    one.peer.send('x');
    reactor.turn(1000);
    expect(one.told).toEqual([READABLE, READABLE]);
    expect(reactor.stats.revisits).toBe(1);
    const beforeMs = kernel.nowMs;
    reactor.turn(50);
    expect(one.told).toHaveLength(2);
    expect(kernel.nowMs).toBe(beforeMs + 50);
  });

  it('who revisits in a revisit waits for the next turn, which does not wait', () => {
    const one = joined(READABLE, 'edge', () => {
      if (one.told.length < 5) reactor.revisit(one.token);
    });
    one.peer.send('x');
    const beforeMs = kernel.nowMs;
    for (const expected of [2, 3, 4, 5]) {
      reactor.turn(1000);
      expect(one.told).toHaveLength(expected);
    }
    expect(kernel.nowMs).toBe(beforeMs);
    expect(reactor.hasWork).toBe(false);
  });

  it('is kept until it is wanted', () => {
    const one = joined(WRITABLE, 'edge');
    reactor.turn(0);
    reactor.revisit(one.token, READABLE);
    expect(reactor.hasWork).toBe(false);
    reactor.turn(10);
    expect(one.told).toEqual([WRITABLE]);
    reactor.modify(one.token, READABLE);
    expect(reactor.hasWork).toBe(true);
    reactor.turn(1000);
    expect(one.told).toEqual([WRITABLE, READABLE]);
  });

  it('what edge told nobody is told once it is wanted, and the end with it', () => {
    const one = joined(WRITABLE, 'edge');
    reactor.turn(0);
    one.peer.send('x');
    one.peer.shutdown();
    reactor.turn(0);
    reactor.modify(one.token, READABLE);
    reactor.turn(0);
    expect(one.told.at(-1)).toBe(READABLE | ENDED);
  });

  it('an event that comes first takes its place', () => {
    const one = joined(READABLE, 'level');
    reactor.revisit(one.token);
    one.peer.send('x');
    reactor.turn(1000);
    expect(one.told).toEqual([READABLE]);
  });

  it('of one who has gone is dropped, also when the slot has another', () => {
    const one = joined(READABLE, 'edge');
    reactor.revisit(one.token);
    reactor.unregister(one.token);
    const other = joined(READABLE, 'edge');
    reactor.turn(0);
    expect([one.told, other.told]).toEqual([[], []]);
    reactor.revisit(other.token);
    reactor.revisit(other.token);
    reactor.turn(0);
    expect(other.told).toEqual([READABLE]);
  });
});

describe('deadlines', () => {
  const timed = () => {
    const { fd } = kernel.connected();
    const expired: number[] = [];
    const handler = { onReady() {}, onDeadline: () => void expired.push(kernel.nowMs) };
    return { fd, expired, handler, token: reactor.register(fd, handler, READABLE) };
  };

  it('bound the wait, and are told in their turn', () => {
    const one = timed();
    reactor.setDeadline(one.token, kernel.nowMs + 30);
    const startMs = kernel.nowMs;
    expect(reactor.turn(10)).toBe(0);
    expect(reactor.turn(-1)).toBe(1);
    expect(one.expired).toEqual([startMs + 30]);
    expect(reactor.stats.expired).toBe(1);
    expect(reactor.nextDeadlineMs()).toBe(NEVER);
  });

  it.each([
    ['replaced by a later one', 80],
    ['replaced by an earlier one', 5],
  ])('%s', (_, delayMs) => {
    const one = timed();
    const startMs = kernel.nowMs;
    reactor.setDeadline(one.token, startMs + 30);
    reactor.setDeadline(one.token, startMs + delayMs);
    while (one.expired.length === 0) reactor.turn(-1);
    expect(one.expired).toEqual([startMs + delayMs]);
  });

  it('end with their token, and are not the next owner of the slot', () => {
    const one = timed();
    reactor.setDeadline(one.token, kernel.nowMs + 10);
    reactor.unregister(one.token);
    const other = timed();
    kernel.advance(100);
    reactor.turn(0);
    expect([one.expired, other.expired]).toEqual([[], []]);
  });

  it('one who clears or unregisters another in time spares it', () => {
    const [one, other, third] = [timed(), timed(), timed()];
    for (const [i, each] of [one, other, third].entries()) reactor.setDeadline(each.token, kernel.nowMs + 1 + i);
    one.handler.onDeadline = () => {
      reactor.setDeadline(other.token, NEVER);
      reactor.unregister(third.token);
    };
    kernel.advance(50);
    reactor.turn(0);
    expect([other.expired, third.expired]).toEqual([[], []]);
  });

  it('one that is past when it is set again by its own handler is the next turn’s', () => {
    const one = timed();
    let calls = 0;
    one.handler.onDeadline = () => {
      if (++calls > 100) throw new Error('no end');
      reactor.setDeadline(one.token, reactor.nowMs);
    };
    reactor.setDeadline(one.token, kernel.nowMs);
    reactor.turn(0);
    expect(calls).toBe(1);
    reactor.turn(100);
    expect(calls).toBe(2);
  });

  it('a handler without onDeadline is no harm, one that throws spares the others', () => {
    const silent = joined(READABLE);
    const [one, other] = [timed(), timed()];
    one.handler.onDeadline = () => {
      throw new Error('too late');
    };
    for (const { token } of [silent, one, other]) reactor.setDeadline(token, kernel.nowMs);
    expect(() => reactor.turn(0)).toThrow('too late');
    expect(other.expired).toHaveLength(1);
  });

  it('a fraction of a millisecond is waited for, not spun for', () => {
    const one = timed();
    reactor.setDeadline(one.token, kernel.nowMs + 0.25);
    let turns = 0;
    while (one.expired.length === 0) {
      reactor.turn(-1);
      turns++;
    }
    expect(turns).toBe(1);
    expect(() => reactor.turn(0.5)).not.toThrow();
  });

  it('far away ones fit into the int that epoll_wait takes', () => {
    const one = timed();
    const startMs = kernel.nowMs;
    reactor.setDeadline(one.token, startMs + 2 ** 40);
    expect(reactor.turn(-1)).toBe(0);
    expect(kernel.nowMs).toBe(startMs + 0x7fffffff);
  });
});

describe('misuse', () => {
  it('a turn inside a turn is an assertion, and does not end the turns', () => {
    let caught: unknown;
    const one = joined(READABLE, 'level', () => {
      try {
        reactor.turn(0);
      } catch (error) {
        caught = error;
      }
      drain(one.fd);
    });
    one.peer.send('x');
    reactor.turn(0);
    expect(caught).toBeInstanceOf(AssertionError);
    one.peer.send('x');
    expect(reactor.turn(0)).toBe(1);
  });

  it('a token that is gone', () => {
    const one = joined(READABLE);
    reactor.unregister(one.token);
    for (const act of [
      () => reactor.modify(one.token, READABLE),
      () => reactor.unregister(one.token),
      () => reactor.forget(one.token),
      () => reactor.revisit(one.token),
      () => reactor.setDeadline(one.token, 1),
    ])
      expect(act).toThrow(AssertionError);
  });

  it('a closed reactor; to close it twice is fine', () => {
    const one = joined(READABLE);
    reactor.close();
    reactor.close();
    expect(reactor.fd).toBe(-1);
    expect(() => reactor.turn(0)).toThrow(AssertionError);
    expect(() => reactor.register(one.fd, { onReady() {} }, READABLE)).toThrow(AssertionError);
    expect(() => reactor.unregister(one.token)).not.toThrow();
    expect(kernel.open).toEqual([one.fd]);
  });
});

describe('work from outside a turn', () => {
  it.each<[string, (token: Token) => void, number]>([
    ['modify', (token) => reactor.modify(token, WRITABLE), 1],
    ['modify to what it is', (token) => reactor.modify(token, READABLE), 0],
    ['modify twice', (token) => [WRITABLE, BOTH].forEach((each) => void reactor.modify(token, each as Interest)), 1],
    ['revisit', (token) => reactor.revisit(token), 1],
    ['revisit that is not wanted', (token) => reactor.revisit(token, WRITABLE), 0],
    ['the next deadline', (token) => reactor.setDeadline(token, kernel.nowMs + 5), 1],
    ['unregister', (token) => reactor.unregister(token), 0],
  ])('%s', (_, act, calls) => {
    const one = joined(READABLE);
    let told = 0;
    reactor.onWork = () => void told++;
    act(one.token);
    expect(told).toBe(calls);
  });

  it('inside a turn nobody needs to be told', () => {
    let told = 0;
    reactor.onWork = () => void told++;
    const one = joined(READABLE, 'level', () => {
      reactor.modify(one.token, WRITABLE);
      reactor.revisit(one.token, WRITABLE);
      reactor.setDeadline(one.token, kernel.nowMs + 1);
    });
    one.peer.send('x');
    reactor.turn(0);
    expect(told).toBe(0);
  });
});

it('counts what it does', () => {
  const one = joined(READABLE, 'oneshot', () => drain(one.fd));
  one.peer.send('x');
  reactor.turn(0);
  reactor.turn(0);
  reactor.setDeadline(one.token, kernel.nowMs);
  reactor.turn(0);
  expect(reactor.stats).toEqual({
    turns: 3,
    events: 1,
    stale: 0,
    spurious: 0,
    revisits: 0,
    expired: 1,
    epollCtlCalls: 2,
    registered: 1,
  });
});

it('who comes and goes at random is told the truth, and nobody is forgotten', () => {
  const next = seeded();
  const alive = new Map<number, { token: Token; peer: { send(data: string): number }; owed: number; got: number }>();
  const join = () => {
    const { fd, peer } = kernel.connected();
    const trigger = TRIGGERS[below(next, 3)]!;
    const handler = {
      onReady() {
        if (alive.get(fd) !== entry) throw new Error('told after it has gone');
        const got = kernel.recv(fd, scratch, 0, 1 + below(next, 3), 0);
        if (got > 0) {
          entry.got += got;
          reactor.revisit(entry.token);
        }
        if (next() < 0.1) leave(fd);
        const keys = [...alive.keys()];
        if (next() < 0.1 && keys.length > 0) leave(keys[below(next, keys.length)]!);
        if (next() < 0.2) join();
      },
    };
    const entry = { token: reactor.register(fd, handler, READABLE, { trigger }), peer, owed: 0, got: 0 };
    alive.set(fd, entry);
  };
  const leave = (fd: number) => {
    const entry = alive.get(fd)!;
    alive.delete(fd);
    if (next() < 0.5) reactor.unregister(entry.token);
    else reactor.forget(entry.token);
    kernel.close(fd);
  };
  for (let step = 0; step < 3000; step++) {
    if (alive.size < 20) join();
    const entries = [...alive.values()];
    const lucky = entries[below(next, entries.length)]!;
    lucky.owed += lucky.peer.send('x'.repeat(1 + below(next, 5)));
    if (next() < 0.5) reactor.turn(0);
  }
  for (let turns = 0; turns < 200; turns++) reactor.turn(0);
  // Handlers go on leaving and joining at the end too: what counts is that nobody who stays is owed anything.
  for (const entry of alive.values()) expect(entry.got).toBe(entry.owed);
  expect(reactor.stats.registered).toBe(alive.size);
  expect(reactor.stats.stale).toBeGreaterThan(0);
  expect(kernel.open).toHaveLength(alive.size + 1);
});

describe('on the real kernel', () => {
  const test = testDescriptors();
  let real: Reactor;
  beforeEach(() => {
    real = new Reactor();
  });
  afterEach(() => real.close());

  const kinds = { pipe: () => test.pipe(), socketpair: () => test.pair() };

  describe.each(Object.entries(kinds))('a %s', (_, open) => {
    /** What arrives, and how often three turns tell of it when the handler reads only one byte a time. */
    it.each([
      ['level', false, 3],
      ['edge', false, 1],
      ['edge', true, 3],
      ['oneshot', false, 3],
    ] as const)('%s, revisit %s: three bytes, one read a turn', (trigger, revisits, times) => {
      const [reader, writer] = open();
      let told = 0;
      const token = real.register(
        reader,
        {
          onReady() {
            told++;
            realKernel.read(reader, byte, 0, 1);
            if (revisits && told < 3) real.revisit(token);
          },
        },
        READABLE,
        { trigger },
      );
      realKernel.write(writer, new Uint8Array(3), 0, 3);
      for (let turns = 0; turns < 4; turns++) real.turn(0);
      expect(told).toBe(times);
      real.unregister(token);
    });

    it.each(TRIGGERS)('%s: the end of the writer is told as an end', (trigger) => {
      const [reader, writer] = open();
      const told: number[] = [];
      const token = real.register(reader, { onReady: (readiness) => told.push(readiness) }, READABLE, { trigger });
      test.close(writer);
      real.turn(100);
      expect(told[0]! & READABLE).toBe(READABLE);
      expect(told[0]! & ENDED).toBe(ENDED);
      real.modify(token, NOTHING);
      expect(real.turn(0) + real.turn(0)).toBe(0);
      real.unregister(token);
    });
  });

  it('a number that comes back within one batch is stale', () => {
    const pairs = [test.pair(), test.pair()];
    const told: string[] = [];
    const tokens: Token[] = [];
    pairs.forEach(([reader], i) => {
      const handler = {
        onReady() {
          told.push(`first ${i}`);
          real.modify(tokens[i]!, NOTHING);
          const other = 1 - i;
          if (told.length > 1) return;
          const gone = pairs[other]![0];
          real.forget(tokens[other]!);
          test.close(gone);
          const [late] = test.pair();
          expect(late).toBe(gone);
          real.register(late, { onReady: () => told.push('late') }, READABLE);
        },
      };
      tokens.push(real.register(reader, handler, READABLE));
    });
    for (const [, writer] of pairs) realKernel.write(writer, byte, 0, 1);
    real.turn(100);
    real.turn(0);
    expect(told).toHaveLength(1);
    expect(real.stats.stale).toBe(1);
  });

  it('waits as long as it may, and for a deadline', () => {
    const [reader] = test.pipe();
    let expired = 0;
    const token = real.register(reader, { onReady() {}, onDeadline: () => void expired++ }, READABLE);
    const startMs = realKernel.monotonicMs();
    real.turn(20);
    expect(realKernel.monotonicMs() - startMs).toBeGreaterThan(18);
    real.setDeadline(token, realKernel.monotonicMs() + 20);
    real.turn(-1);
    expect(expired).toBe(1);
  });
});
