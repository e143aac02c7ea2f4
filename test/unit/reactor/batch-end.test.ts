import { AssertionError } from 'node:assert';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bringForward } from '../../../src/reactor/batch-end.js';
import { NOTHING, READABLE, Reactor, type Token } from '../../../src/reactor/index.js';
import { TRIGGERS } from '../../../src/reactor/interest.js';
import { ENOMEM } from '../../../src/sys/errno.js';
import { FakeKernel } from '../../support/fake-kernel.js';

let kernel: FakeKernel;
let reactor: Reactor;
/** The names of the called handlers, and what else a test records, in order. */
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

const scratch = new Uint8Array(64);

/** A stream whose handler reads what arrives, records its name, and calls `act`. */
function join(name: string, options: Parameters<Reactor['register']>[3] = {}, act?: (token: Token) => void) {
  const { fd, peer } = kernel.connected();
  const token: Token = reactor.register(
    fd,
    {
      onReady() {
        order.push(name);
        kernel.recv(fd, scratch, 0, scratch.length, 0);
        act?.(token);
      },
    },
    READABLE,
    options,
  );
  return { fd, peer, token };
}

/** Makes all of them ready, in this order, and takes one turn. Returns the names of the called handlers, in order. */
function called(...all: ReturnType<typeof join>[]): string {
  order = [];
  for (const { peer } of all) peer.send('x');
  reactor.turn(0);
  return order.join(' ');
}

describe('bringForward', () => {
  const event = (slot: number): number[] => [100 + slot, slot, 200 + slot];

  it.each<[string, slots: number[], first: number[], expected: number[]]>([
    ['the first', [7, 8, 9], [7], [7, 8, 9]],
    ['the second', [7, 8, 9], [8], [8, 7, 9]],
    ['the last', [7, 8, 9], [9], [9, 8, 7]],
    ['one that is not there', [7, 8, 9], [5], [7, 8, 9]],
    ['the only one', [7], [7], [7]],
    ['of none', [], [7], []],
    ['no slot', [7, 8, 9], [], [7, 8, 9]],
    ['two', [7, 8, 9], [9, 8], [9, 8, 7]],
    ['two that stand in the other order', [7, 8, 9], [8, 7], [8, 7, 9]],
    ['two of which one is not there', [7, 8, 9], [5, 9], [9, 8, 7]],
  ])('%s', (_, slots, first, expected) => {
    const events = new Uint32Array([...slots, 99].flatMap(event)); // one more, left from another batch
    bringForward(events, slots.length, first);
    expect([...events]).toEqual([...expected, 99].flatMap(event));
  });

  it('ignores events of an earlier batch', () => {
    const events = new Uint32Array([7, 8, 9].flatMap(event));
    bringForward(events, 2, [9]);
    expect([...events]).toEqual([7, 8, 9].flatMap(event));
  });
});

describe('a handler registered as first', () => {
  it.each(TRIGGERS)('%s: is called before all others of its turn, whenever it became ready', (trigger) => {
    const others = ['a', 'b', 'c', 'd'].map((name) => join(name));
    const first = join('first', { first: true, trigger });
    for (let at = 0; at <= others.length; at++) {
      const names = called(...others.slice(0, at), first, ...others.slice(at)).split(' ');
      expect(names[0]).toBe('first');
      expect(names.sort()).toEqual(['a', 'b', 'c', 'd', 'first']);
    }
    expect(reactor.stats).toMatchObject({ stale: 0, spurious: 0 });
  });

  it('does not affect the others when it is not ready', () => {
    const [a, b] = [join('a'), join('b')];
    join('first', { first: true });
    expect(called(a, b)).toBe('a b');
  });

  it('may unregister a handler that comes after it', () => {
    const a = join('a');
    const first = join('first', { first: true }, () => reactor.unregister(a.token));
    expect(called(a, first)).toBe('first');
    expect(reactor.stats.stale).toBe(1);
  });

  it('is not called without an interest', () => {
    const a = join('a');
    const first = join('first', { first: true });
    reactor.modify(first.token, NOTHING);
    expect(called(a, first)).toBe('a');
    reactor.modify(first.token, READABLE);
    expect(called(a)).toBe('first a');
  });

  it('may be several, which are called in the order of registration', () => {
    const a = join('a');
    const [first, second] = [join('first', { first: true }), join('second', { first: true })];
    expect(called(a, second, first)).toBe('first second a');
    expect(called(second, a)).toBe('second a');
    reactor.unregister(first.token);
    expect(called(a, second)).toBe('second a');
  });

  it.each(['unregister', 'forget'] as const)(
    'loses its order by %s, and the next user of the slot does not inherit it',
    (leave) => {
      const a = join('a');
      const first = join('first', { first: true });
      reactor[leave](first.token);
      kernel.close(first.fd);
      const heir = join('heir');
      expect(called(a, heir)).toBe('a heir');
      const next = join('next', { first: true });
      expect(called(a, heir, next).split(' ')[0]).toBe('next');
    },
  );

  it('loses its order when epoll_ctl fails', () => {
    const { fd } = kernel.connected();
    const register = () => reactor.register(fd, { onReady() {} }, READABLE, { first: true });
    kernel.fault('epollCtl', ENOMEM);
    expect(register).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
    const [a, heir] = [join('a'), join('heir')];
    expect(called(a, heir)).toBe('a heir');
    expect(register).not.toThrow();
  });
});

describe('a batch-end handler', () => {
  const batchEnd = (name: string, act?: () => void) => ({
    onBatchEnd() {
      order.push(name);
      act?.();
    },
  });

  it('is called once after all events, in the order of the requests', () => {
    const a = join('a', {}, () => reactor.notifyAtBatchEnd(batchEnd('A')));
    const b = join('b', {}, () => reactor.notifyAtBatchEnd(batchEnd('B')));
    const c = join('c');
    expect(called(a, b, c)).toBe('a b c A B');
    expect(called(c)).toBe('c');
    expect(called()).toBe('');
  });

  it('may add others, which are called too', () => {
    const late = batchEnd('late', () => reactor.notifyAtBatchEnd(batchEnd('later')));
    const a = join('a', {}, () => reactor.notifyAtBatchEnd(batchEnd('A', () => reactor.notifyAtBatchEnd(late))));
    expect(called(a)).toBe('a A late later');
  });

  it('is called before deadlines and revisits, and again after the revisits', () => {
    let revisits = 1;
    const a = join('a', {}, (token) => {
      reactor.notifyAtBatchEnd(batchEnd(`A${revisits}`));
      if (revisits-- > 0) reactor.revisit(token);
    });
    const timed = { onReady() {}, onDeadline: () => void order.push('deadline') };
    const { fd } = kernel.connected();
    reactor.setDeadline(reactor.register(fd, timed, READABLE), kernel.nowMs);
    expect(called(a)).toBe('a A1 a A0 deadline');
  });

  it('that throws does not affect the others or the turn', () => {
    const broken = batchEnd('broken', () => {
      throw new Error('of a batch-end handler');
    });
    const a = join('a', {}, () => {
      reactor.notifyAtBatchEnd(broken);
      reactor.notifyAtBatchEnd(batchEnd('A'));
      throw new Error('of a handler');
    });
    a.peer.send('x');
    let thrown: unknown;
    try {
      reactor.turn(0);
    } catch (error) {
      thrown = error;
    }
    expect((thrown as AggregateError).errors.map(({ message }) => message)).toEqual([
      'of a handler',
      'of a batch-end handler',
    ]);
    expect(order).toEqual(['a', 'broken', 'A']);
    expect(called()).toBe('');
  });

  it('can be added only inside a turn', () => {
    expect(() => reactor.notifyAtBatchEnd(batchEnd('A'))).toThrow(AssertionError);
  });
});
