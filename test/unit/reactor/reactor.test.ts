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
import { constants, kernel as realKernel } from '../../../src/sys/binding.js';
import { EAGAIN, EEXIST, EMFILE, ENOMEM, ENOSPC } from '../../../src/sys/errno.js';
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

/** The number of epoll_ctl calls that `act` causes. */
function controls(act: () => void): number {
  const before = kernel.counts().epollCtl ?? 0;
  act();
  return (kernel.counts().epollCtl ?? 0) - before;
}

/** A registered stream that records its readiness. */
function joined(interest: Interest, trigger: Trigger = 'level', act?: (readiness: number) => void) {
  const { fd, peer } = kernel.connected();
  const reports: number[] = [];
  const handler = {
    onReady(readiness: number) {
      reports.push(readiness);
      act?.(readiness);
    },
  };
  return { fd, peer, reports, token: reactor.register(fd, handler, interest, { trigger }) };
}

describe('a new reactor', () => {
  it('throws the errno of epoll_create1', () => {
    kernel.fault('epollCreate1', EMFILE);
    expect(() => new Reactor({ kernel })).toThrow(
      expect.objectContaining({ code: 'EMFILE', syscall: 'epoll_create1' }),
    );
  });
});

describe('arming', () => {
  it.each(TRIGGERS)('%s: only an interest that differs costs a call', (trigger) => {
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

  it.each(['level', 'oneshot'] as const)(
    '%s: with NOTHING the descriptor leaves the set, and not even EPOLLHUP is reported',
    (trigger) => {
      const one = joined(READABLE, trigger);
      reactor.modify(one.token, NOTHING);
      expect(controls(() => reactor.turn(0))).toBe(1);
      one.peer.reset();
      expect(reactor.turn(0)).toBe(0);
      reactor.modify(one.token, READABLE);
      expect(controls(() => reactor.turn(0))).toBe(1);
      expect(one.reports).toEqual([READABLE | ENDED]);
    },
  );

  it('edge: one ADD serves every interest', () => {
    const one = joined(NOTHING, 'edge', () => reactor.modify(one.token, one.reports.length % 2 ? WRITABLE : READABLE));
    for (const interest of [READABLE, WRITABLE, NOTHING, BOTH, NOTHING, READABLE]) {
      reactor.modify(one.token, interest);
      one.peer.send('x');
      reactor.turn(0);
      drain(one.fd);
      reactor.turn(0);
    }
    expect(kernel.counts().epollCtl).toBe(1);
    expect(one.reports.length).toBeGreaterThan(0);
  });

  it('oneshot: armed again once per event, whatever the handler sets', () => {
    const one = joined(READABLE, 'oneshot', () => {
      drain(one.fd);
      reactor.modify(one.token, WRITABLE);
      reactor.modify(one.token, READABLE);
    });
    for (let i = 1; i <= 5; i++) {
      one.peer.send('x');
      expect(controls(() => reactor.turn(0))).toBe(i === 1 ? 0 : 1);
      expect(one.reports).toHaveLength(i);
    }
  });

  it('oneshot: NOTHING after an event costs no call, and the next interest one MOD', () => {
    const one = joined(READABLE, 'oneshot', () => reactor.modify(one.token, NOTHING));
    one.peer.send('x');
    reactor.turn(0);
    expect(controls(() => reactor.turn(0))).toBe(0);
    expect(one.reports).toEqual([READABLE]);
    reactor.modify(one.token, READABLE);
    expect(controls(() => reactor.turn(0))).toBe(1);
    expect(one.reports).toEqual([READABLE, READABLE]);
    expect(controls(() => reactor.unregister(one.token))).toBe(1);
    expect(() => joined(READABLE)).not.toThrow();
  });

  it('exclusive: pausing is DEL, resuming ADD, a change both, and never MOD', () => {
    const { fd, peer } = kernel.connected();
    const reports: number[] = [];
    const token = reactor.register(fd, { onReady: (readiness) => reports.push(readiness) }, READABLE, {
      exclusive: true,
    });
    reactor.modify(token, NOTHING);
    expect(controls(() => reactor.turn(0))).toBe(1);
    peer.send('x');
    reactor.turn(0);
    expect(reports).toEqual([]);
    reactor.modify(token, READABLE);
    expect(controls(() => reactor.turn(0))).toBe(1);
    expect(reports).toEqual([READABLE]);
    reactor.modify(token, BOTH);
    expect(controls(() => reactor.turn(0))).toBe(2);
    expect(reports.at(-1)).toBe(BOTH);
  });

  it('exclusive: one of two reactors is woken', () => {
    const other = new Reactor({ kernel });
    const fd = kernel.socket(2, 1, 0);
    kernel.bind(fd, '127.0.0.1', 0);
    kernel.listen(fd, 1);
    let reports = 0;
    const handler = { onReady: () => void reports++ };
    reactor.register(fd, handler, READABLE, { exclusive: true });
    other.register(fd, handler, READABLE, { exclusive: true });
    kernel.connectPeer(fd);
    reactor.turn(0);
    other.turn(0);
    expect(reports).toBe(1);
    other.close();
  });

  it('a registered descriptor has its token', () => {
    const fd = kernel.eventfd(0, 0);
    expect(reactor.tokenOf(fd)).toBe(-1);
    const token = reactor.register(fd, { onReady() {} }, READABLE);
    expect(reactor.tokenOf(fd)).toBe(token);
    reactor.unregister(token);
    expect([reactor.tokenOf(fd), reactor.tokenOf(-1), reactor.tokenOf(1 << 30)]).toEqual([-1, -1, -1]);
    kernel.close(fd);
  });

  it('unregister is one DEL, forget no call', () => {
    const [one, other] = [joined(READABLE), joined(READABLE)];
    expect(controls(() => reactor.unregister(one.token))).toBe(1);
    expect(controls(() => reactor.forget(other.token))).toBe(0);
    expect(reactor.stats.registered).toBe(0);
    const idle = joined(NOTHING);
    expect(controls(() => reactor.unregister(idle.token))).toBe(0);
  });

  it('a changed token that is removed is not armed', () => {
    const one = joined(READABLE);
    reactor.modify(one.token, WRITABLE);
    reactor.unregister(one.token);
    expect(controls(() => reactor.turn(0))).toBe(0);
  });
});

describe('errors of system calls', () => {
  it.each([
    [ENOMEM, 'ENOMEM'],
    [ENOSPC, 'ENOSPC'],
  ])('register throws %i and leaves no slot in use', (errno, code) => {
    const { fd, peer } = kernel.connected();
    kernel.fault('epollCtl', errno);
    const register = () => reactor.register(fd, { onReady() {} }, READABLE);
    expect(register).toThrow(expect.objectContaining({ code, errno, syscall: 'epoll_ctl' }));
    expect(reactor.stats.registered).toBe(0);
    peer.send('x');
    expect(reactor.turn(0)).toBe(0);
    register();
    expect(reactor.turn(0)).toBe(1);
  });

  it.each([
    [READABLE, 'level'],
    [NOTHING, 'level'],
    [NOTHING, 'edge'],
    [NOTHING, 'oneshot'],
  ] as const)('register with interest %i, %s, throws for an unpollable or closed descriptor', (interest, trigger) => {
    const register = (fd: number) => () => reactor.register(fd, { onReady() {} }, interest, { trigger });
    const file = kernel.file(byte);
    expect(register(file)).toThrow(
      `EPERM: operation not permitted, epoll_ctl EPOLL_CTL_ADD fd ${file}: a regular file or directory cannot be polled`,
    );
    expect(register(99)).toThrow(expect.objectContaining({ code: 'EBADF', syscall: 'epoll_ctl' }));
    expect(register(99)).toThrow('EBADF: bad file descriptor, epoll_ctl EPOLL_CTL_ADD fd 99');
    expect(reactor.stats.registered).toBe(0);
  });

  it.each([READABLE, NOTHING] as const)('a descriptor has one token, with interest %i too', (interest) => {
    const one = joined(interest);
    const again = () => reactor.register(one.fd, { onReady() {} }, READABLE);
    expect(again).toThrow(expect.objectContaining({ code: 'EEXIST', errno: EEXIST, syscall: 'epoll_ctl' }));
    expect(again).toThrow(
      `EEXIST: file already exists, epoll_ctl EPOLL_CTL_ADD fd ${one.fd}: it has a token here: modify that`,
    );
    reactor.modify(one.token, READABLE);
    one.peer.send('x');
    reactor.turn(0);
    expect(one.reports).toEqual([READABLE]);
    reactor.unregister(one.token);
    expect(again).not.toThrow();
    expect(reactor.stats.registered).toBe(1);
  });

  it('a descriptor in the set without a token of this reactor is EEXIST', () => {
    const { fd } = kernel.connected();
    kernel.epollCtl(reactor.fd, constants.EPOLL_CTL_ADD, fd, 0, 0, 0);
    expect(() => reactor.register(fd, { onReady() {} }, READABLE)).toThrow(
      /^EEXIST: .* epoll_ctl EPOLL_CTL_ADD fd \d+/,
    );
  });

  it('a descriptor that is closed while registered, whose number is used again, is EEXIST until it is forgotten', () => {
    const one = joined(READABLE);
    kernel.close(one.fd);
    const { fd, peer } = kernel.connected();
    expect(fd).toBe(one.fd);
    let reports = 0;
    const register = () => reactor.register(fd, { onReady: () => void reports++ }, READABLE);
    expect(register).toThrow(/forget it if its descriptor is closed/);
    reactor.forget(one.token);
    register();
    peer.send('x');
    reactor.turn(0);
    expect([reports, one.reports]).toEqual([1, []]);
  });

  /** [trigger, whether the number is used again, code] */
  const closedOnes: [Trigger, boolean, string][] = [
    ['level', false, 'EBADF'],
    ['level', true, 'ENOENT'],
    ['edge', false, 'EBADF'],
    ['oneshot', true, 'ENOENT'],
  ];
  const closed = (trigger: Trigger, isReused: boolean) => {
    const one = joined(READABLE, trigger);
    kernel.close(one.fd);
    if (isReused) kernel.connected();
    return one;
  };

  it.each(closedOnes)(
    '%s: unregister after the close, number in use %s: %s, and no token',
    (trigger, isReused, code) => {
      const one = closed(trigger, isReused);
      expect(() => reactor.unregister(one.token)).toThrow(
        expect.objectContaining({
          code,
          message: expect.stringMatching(/EPOLL_CTL_DEL fd \d+: it was closed while registered: unregister its token/),
        }),
      );
      expect(reactor.stats.registered).toBe(0);
      expect(() => reactor.unregister(one.token)).toThrow(AssertionError);
    },
  );

  it.each(closedOnes.filter(([trigger]) => trigger !== 'edge'))(
    '%s: the next turn throws what modify after the close causes, number in use %s: %s, once',
    (trigger, isReused, code) => {
      const other = joined(READABLE);
      const one = closed(trigger, isReused);
      other.peer.send('x');
      reactor.modify(one.token, WRITABLE);
      expect(() => reactor.turn(0)).toThrow(
        expect.objectContaining({ code, message: expect.stringMatching(/EPOLL_CTL_MOD fd \d+: it was closed/) }),
      );
      expect(other.reports).toEqual([READABLE]);
      expect(reactor.nextDeadlineMs()).toBe(NEVER);
      expect(controls(() => reactor.turn(0))).toBe(0);
      expect(controls(() => reactor.unregister(one.token))).toBe(0);
    },
  );

  it.each([
    ['level', WRITABLE, 1],
    ['oneshot', READABLE, 2],
  ] as const)('%s: a failed MOD is retried after a while, not all the time', (trigger, interest, tries) => {
    const one = joined(READABLE, trigger, () => drain(one.fd));
    one.peer.send('x');
    reactor.turn(0);
    kernel.fault('epollCtl', ...Array<number>(tries).fill(ENOMEM));
    reactor.modify(one.token, interest);
    if (trigger === 'oneshot') one.peer.send('y');
    let turns = 0;
    const startMs = kernel.nowMs;
    const calls = controls(() => {
      while (one.reports.length < 2 && turns++ < 50) reactor.turn(1000);
    });
    expect(one.reports).toEqual([READABLE, interest]);
    expect(calls).toBe(tries + 1);
    expect(turns).toBeLessThan(4 * tries + 4);
    expect(kernel.nowMs - startMs).toBeLessThan(250 * tries);
  });

  it('a failed epoll_ctl causes no work, but sets the next deadline', () => {
    const one = joined(READABLE);
    kernel.fault('epollCtl', ENOMEM);
    reactor.modify(one.token, WRITABLE);
    reactor.turn(0);
    expect(reactor.hasWork).toBe(false);
    expect(reactor.nextDeadlineMs()).toBe(kernel.nowMs + 100);
    kernel.advance(100);
    reactor.turn(0);
    reactor.turn(0);
    expect(one.reports).toEqual([WRITABLE]);
    expect(reactor.nextDeadlineMs()).toBe(NEVER);
  });

  it('a retry does not affect the next user of the slot', () => {
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
    expect(other.reports).toEqual([READABLE]);
  });

  it('exclusive: an ADD that fails after the DEL is retried', () => {
    const { fd, peer } = kernel.connected();
    let reports = 0;
    const token = reactor.register(fd, { onReady: () => void reports++ }, READABLE, { exclusive: true });
    kernel.fault('epollCtl', null, ENOMEM);
    reactor.modify(token, BOTH);
    peer.send('x');
    reactor.turn(0);
    expect(reports).toBe(0);
    reactor.turn(1000);
    reactor.turn(1000);
    expect(reports).toBe(1);
  });

  it('epoll_wait: a signal is an empty turn, an error is thrown, and turns continue', () => {
    const one = joined(READABLE);
    one.peer.send('x');
    kernel.fault('epollWait', 0, EAGAIN);
    expect(reactor.turn(0)).toBe(0);
    expect(() => reactor.turn(0)).toThrow(expect.objectContaining({ syscall: 'epoll_wait' }));
    expect(reactor.turn(0)).toBe(1);
  });
});

describe('one batch', () => {
  /** Two streams that are ready in one batch; the first one called runs `act`. */
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

  it('the event of a handler that was unregistered in the batch is stale', () => {
    const [one, other] = two((next) => reactor.unregister(next.token));
    reactor.turn(0);
    expect([one.reports.length, other.reports.length]).toEqual([1, 0]);
    expect(reactor.stats.stale).toBe(1);
  });

  it('a descriptor that is reused in the batch does not get the old event', () => {
    const late: number[] = [];
    const [one, other] = two((next) => {
      reactor.forget(next.token);
      kernel.close(next.fd);
      const { fd } = kernel.connected();
      expect(fd).toBe(next.fd);
      reactor.register(fd, { onReady: (readiness) => late.push(readiness) }, READABLE);
    });
    reactor.turn(0);
    expect([one.reports, other.reports, late]).toEqual([[READABLE], [], []]);
    expect(reactor.stats).toMatchObject({ events: 2, stale: 1, registered: 2 });
  });

  it('readiness of a handler whose interest was removed is stored until it is wanted', () => {
    const [, other] = two((next) => reactor.modify(next.token, NOTHING));
    reactor.turn(0);
    expect(other.reports).toEqual([]);
    expect(reactor.stats.spurious).toBe(1);
    reactor.modify(other.token, READABLE);
    reactor.turn(0);
    expect(other.reports[0]).toBe(READABLE);
  });

  it('a descriptor registered by a handler is reported in the next turn', () => {
    let inner: ReturnType<typeof joined> | undefined;
    const outer = joined(READABLE, 'level', () => {
      drain(outer.fd);
      inner ??= joined(READABLE);
      inner.peer.send('x');
    });
    outer.peer.send('x');
    reactor.turn(0);
    expect(inner!.reports).toEqual([]);
    reactor.turn(0);
    expect(inner!.reports).toEqual([READABLE]);
  });

  it('a handler may unregister itself and register again', () => {
    const reports: number[] = [];
    const { fd, peer } = kernel.connected();
    let token: Token;
    const handler = {
      onReady(readiness: number) {
        reports.push(readiness);
        reactor.unregister(token);
        token = reactor.register(fd, handler, READABLE);
      },
    };
    token = reactor.register(fd, handler, READABLE);
    peer.send('x');
    reactor.turn(0);
    reactor.turn(0);
    expect(reports).toEqual([READABLE, READABLE]);
  });

  it('an exception of a handler does not affect the others', () => {
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
    expect(all.map((each) => each.reports.length)).toEqual([1, 1, 1, 1, 1]);
    expect(() => reactor.turn(0)).not.toThrow();
  });

  it('onTurn runs once before the handlers, and its exception loses no event', () => {
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
    expect(one.reports).toHaveLength(2);
  });

  it.each([1, 2, 7])('has at most maxEvents (%i), and every descriptor is reported in the end', (maxEvents) => {
    reactor.close();
    reactor = new Reactor({ kernel, maxEvents });
    const all = Array.from({ length: 7 }, () => joined(READABLE));
    for (const each of all) each.peer.send('x');
    for (let turns = 0; turns < Math.ceil(7 / maxEvents); turns++) {
      expect(reactor.turn(0)).toBeLessThanOrEqual(maxEvents);
    }
    expect(all.every((each) => each.reports.length >= 1)).toBe(true);
  });
});

describe('revisit', () => {
  it.each(TRIGGERS)('%s: the handler is called again without a wait, once', (trigger) => {
    const one = joined(READABLE, trigger, () => {
      if (one.reports.length === 1) {
        drain(one.fd);
        reactor.revisit(one.token);
      }
    });
    one.peer.send('x');
    reactor.turn(1000);
    expect(one.reports).toEqual([READABLE, READABLE]);
    expect(reactor.stats.revisits).toBe(1);
    const beforeMs = kernel.nowMs;
    reactor.turn(50);
    expect(one.reports).toHaveLength(2);
    expect(kernel.nowMs).toBe(beforeMs + 50);
  });

  it('a revisit from a revisit is the next turn’s, which does not wait', () => {
    const one = joined(READABLE, 'edge', () => {
      if (one.reports.length < 5) reactor.revisit(one.token);
    });
    one.peer.send('x');
    const beforeMs = kernel.nowMs;
    for (const expected of [2, 3, 4, 5]) {
      reactor.turn(1000);
      expect(one.reports).toHaveLength(expected);
    }
    expect(kernel.nowMs).toBe(beforeMs);
    expect(reactor.hasWork).toBe(false);
  });

  it('is stored until the interest includes it', () => {
    const one = joined(WRITABLE, 'edge');
    reactor.turn(0);
    reactor.revisit(one.token, READABLE);
    expect(reactor.hasWork).toBe(false);
    reactor.turn(10);
    expect(one.reports).toEqual([WRITABLE]);
    reactor.modify(one.token, READABLE);
    expect(reactor.hasWork).toBe(true);
    reactor.turn(1000);
    expect(one.reports).toEqual([WRITABLE, READABLE]);
  });

  it('edge readiness without an interest is delivered once it is wanted, with ENDED', () => {
    const one = joined(WRITABLE, 'edge');
    reactor.turn(0);
    one.peer.send('x');
    one.peer.shutdown();
    reactor.turn(0);
    reactor.modify(one.token, READABLE);
    reactor.turn(0);
    expect(one.reports.at(-1)).toBe(READABLE | ENDED);
  });

  it('an event that comes first replaces it', () => {
    const one = joined(READABLE, 'level');
    reactor.revisit(one.token);
    one.peer.send('x');
    reactor.turn(1000);
    expect(one.reports).toEqual([READABLE]);
  });

  it('is dropped with its token, also when the slot is reused', () => {
    const one = joined(READABLE, 'edge');
    reactor.revisit(one.token);
    reactor.unregister(one.token);
    const other = joined(READABLE, 'edge');
    reactor.turn(0);
    expect([one.reports, other.reports]).toEqual([[], []]);
    reactor.revisit(other.token);
    reactor.revisit(other.token);
    reactor.turn(0);
    expect(other.reports).toEqual([READABLE]);
  });
});

describe('deadlines', () => {
  const timed = () => {
    const { fd } = kernel.connected();
    const expired: number[] = [];
    const handler = { onReady() {}, onDeadline: () => void expired.push(kernel.nowMs) };
    return { fd, expired, handler, token: reactor.register(fd, handler, READABLE) };
  };

  it('limit the wait, and expire in their turn', () => {
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

  it('end with their token, and do not affect the next user of the slot', () => {
    const one = timed();
    reactor.setDeadline(one.token, kernel.nowMs + 10);
    reactor.unregister(one.token);
    const other = timed();
    kernel.advance(100);
    reactor.turn(0);
    expect([one.expired, other.expired]).toEqual([[], []]);
  });

  it('are cleared by another handler that expires before', () => {
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

  it('in the past that are set while expiring are the next turn’s', () => {
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

  it('may have no onDeadline, and an exception does not affect the others', () => {
    const withoutDeadline = joined(READABLE);
    const [one, other] = [timed(), timed()];
    one.handler.onDeadline = () => {
      throw new Error('too late');
    };
    for (const { token } of [withoutDeadline, one, other]) reactor.setDeadline(token, kernel.nowMs);
    expect(() => reactor.turn(0)).toThrow('too late');
    expect(other.expired).toHaveLength(1);
  });

  it('with a fraction of a millisecond are waited for without spinning', () => {
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

  it('far in the future fit into the int of epoll_wait', () => {
    const one = timed();
    const startMs = kernel.nowMs;
    reactor.setDeadline(one.token, startMs + 2 ** 40);
    expect(reactor.turn(-1)).toBe(0);
    expect(kernel.nowMs).toBe(startMs + 0x7fffffff);
  });
});

describe('assertions', () => {
  it('reject a turn inside a turn, and turns continue', () => {
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

  it('reject a token that is not registered', () => {
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

  it('reject a closed reactor, except to remove a token; close is idempotent', () => {
    const one = joined(READABLE);
    reactor.close();
    reactor.close();
    expect(reactor.fd).toBe(-1);
    const closed = expect.objectContaining({ code: 'ERR_EPOLLET_CLOSED', message: 'This Reactor is closed.' });
    for (const act of [
      () => reactor.turn(0),
      () => reactor.register(one.fd, { onReady() {} }, READABLE),
      () => reactor.modify(one.token, WRITABLE),
      () => reactor.revisit(one.token),
      () => reactor.setDeadline(one.token, 1),
    ])
      expect(act).toThrow(closed);
    expect(() => reactor.unregister(one.token)).not.toThrow();
    expect(() => reactor.forget(one.token)).not.toThrow();
    expect(reactor.stats).toMatchObject({ registered: 0, epollCtlCalls: 1 });
    expect(kernel.open).toEqual([one.fd]);
  });
});

describe('work from outside a turn', () => {
  it.each<[string, (token: Token) => void, number]>([
    ['modify', (token) => reactor.modify(token, WRITABLE), 1],
    ['modify to what it is', (token) => reactor.modify(token, READABLE), 0],
    ['modify twice', (token) => [WRITABLE, BOTH].forEach((each) => void reactor.modify(token, each)), 1],
    ['revisit', (token) => reactor.revisit(token), 1],
    ['revisit that is not wanted', (token) => reactor.revisit(token, WRITABLE), 0],
    ['the next deadline', (token) => reactor.setDeadline(token, kernel.nowMs + 5), 1],
    ['unregister', (token) => reactor.unregister(token), 0],
  ])('%s', (_, act, calls) => {
    const one = joined(READABLE);
    let reports = 0;
    reactor.onWork = () => void reports++;
    act(one.token);
    expect(reports).toBe(calls);
  });

  it('inside a turn onWork is not called', () => {
    let reports = 0;
    reactor.onWork = () => void reports++;
    const one = joined(READABLE, 'level', () => {
      reactor.modify(one.token, WRITABLE);
      reactor.revisit(one.token, WRITABLE);
      reactor.setDeadline(one.token, kernel.nowMs + 1);
    });
    one.peer.send('x');
    reactor.turn(0);
    expect(reports).toBe(0);
  });
});

it('stats count what the reactor does', () => {
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

it('under random calls every readiness is delivered to the right handler', () => {
  const next = seeded();
  const alive = new Map<number, { token: Token; peer: { send(data: string): number }; owed: number; got: number }>();
  const join = () => {
    const { fd, peer } = kernel.connected();
    const trigger = TRIGGERS[below(next, 3)]!;
    const handler = {
      onReady() {
        if (alive.get(fd) !== entry) throw new Error('reported after it was unregistered');
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
  // Handlers leave and join at the end too: what counts is that no registered handler has undelivered readiness.
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
    /** [trigger, bytes that arrive, calls in three turns of a handler that reads one byte at a time] */
    it.each([
      ['level', false, 3],
      ['edge', false, 1],
      ['edge', true, 3],
      ['oneshot', false, 3],
    ] as const)('%s, revisit %s: three bytes, one read a turn', (trigger, revisits, times) => {
      const [reader, writer] = open();
      let reports = 0;
      const token = real.register(
        reader,
        {
          onReady() {
            reports++;
            realKernel.read(reader, byte, 0, 1);
            if (revisits && reports < 3) real.revisit(token);
          },
        },
        READABLE,
        { trigger },
      );
      realKernel.write(writer, new Uint8Array(3), 0, 3);
      for (let turns = 0; turns < 4; turns++) real.turn(0);
      expect(reports).toBe(times);
      real.unregister(token);
    });

    it.each(TRIGGERS)('%s: a closed writer is reported as ENDED', (trigger) => {
      const [reader, writer] = open();
      const reports: number[] = [];
      const token = real.register(reader, { onReady: (readiness) => reports.push(readiness) }, READABLE, { trigger });
      test.close(writer);
      real.turn(100);
      expect(reports[0]! & READABLE).toBe(READABLE);
      expect(reports[0]! & ENDED).toBe(ENDED);
      real.modify(token, NOTHING);
      expect(real.turn(0) + real.turn(0)).toBe(0);
      real.unregister(token);
    });
  });

  it('an event for a descriptor that is reused within one batch is stale', () => {
    const pairs = [test.pair(), test.pair()];
    const reports: string[] = [];
    const tokens: Token[] = [];
    pairs.forEach(([reader], i) => {
      const handler = {
        onReady() {
          reports.push(`first ${i}`);
          real.modify(tokens[i]!, NOTHING);
          const other = 1 - i;
          if (reports.length > 1) return;
          const gone = pairs[other]![0];
          real.forget(tokens[other]!);
          test.close(gone);
          const [late] = test.pair();
          expect(late).toBe(gone);
          real.register(late, { onReady: () => reports.push('late') }, READABLE);
        },
      };
      tokens.push(real.register(reader, handler, READABLE));
    });
    for (const [, writer] of pairs) realKernel.write(writer, byte, 0, 1);
    real.turn(100);
    real.turn(0);
    expect(reports).toHaveLength(1);
    expect(real.stats.stale).toBe(1);
  });

  it('turn waits for the timeout, and for a deadline', () => {
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
