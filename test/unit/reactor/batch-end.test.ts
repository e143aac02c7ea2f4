import { AssertionError } from 'node:assert';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bringForward } from '../../../src/reactor/batch-end.js';
import { NOTHING, READABLE, Reactor, type Token } from '../../../src/reactor/index.js';
import { TRIGGERS } from '../../../src/reactor/interest.js';
import { ENOMEM } from '../../../src/sys/errno.js';
import { FakeKernel } from '../../support/fake-kernel.js';

let kernel: FakeKernel;
let reactor: Reactor;
/** Who was told, by name, and whatever else a test notes, in order. */
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

/** A stream that reads what comes, and says so; `act` is what its handler does beside. */
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

/** All of them become ready, in this order, and are told in one turn. Who was told, in order. */
function told(...all: ReturnType<typeof join>[]): string {
  order = [];
  for (const { peer } of all) peer.send('x');
  reactor.turn(0);
  return order.join(' ');
}

describe('an event is brought forward', () => {
  const event = (slot: number): number[] => [100 + slot, slot, 200 + slot];

  it.each<[string, slots: number[], first: number[], expected: number[]]>([
    ['the first', [7, 8, 9], [7], [7, 8, 9]],
    ['the second', [7, 8, 9], [8], [8, 7, 9]],
    ['the last', [7, 8, 9], [9], [9, 8, 7]],
    ['one that is not there', [7, 8, 9], [5], [7, 8, 9]],
    ['the only one', [7], [7], [7]],
    ['of none', [], [7], []],
    ['nobody', [7, 8, 9], [], [7, 8, 9]],
    ['two', [7, 8, 9], [9, 8], [9, 8, 7]],
    ['two that stand in the other order', [7, 8, 9], [8, 7], [8, 7, 9]],
    ['two of which one is not there', [7, 8, 9], [5, 9], [9, 8, 7]],
  ])('%s', (_, slots, first, expected) => {
    const events = new Uint32Array([...slots, 99].flatMap(event)); // one more, left from another batch
    bringForward(events, slots.length, first);
    expect([...events]).toEqual([...expected, 99].flatMap(event));
  });

  it('and not one of a batch before', () => {
    const events = new Uint32Array([7, 8, 9].flatMap(event));
    bringForward(events, 2, [9]);
    expect([...events]).toEqual([7, 8, 9].flatMap(event));
  });
});

describe('who is first', () => {
  it.each(TRIGGERS)('%s: is told before all others of its turn, whenever it became ready', (trigger) => {
    const others = ['a', 'b', 'c', 'd'].map((name) => join(name));
    const first = join('first', { first: true, trigger });
    for (let at = 0; at <= others.length; at++) {
      const names = told(...others.slice(0, at), first, ...others.slice(at)).split(' ');
      expect(names[0]).toBe('first');
      expect(names.sort()).toEqual(['a', 'b', 'c', 'd', 'first']);
    }
    expect(reactor.stats).toMatchObject({ stale: 0, spurious: 0 });
  });

  it('keeps nobody from being told when it has no news', () => {
    const [a, b] = [join('a'), join('b')];
    join('first', { first: true });
    expect(told(a, b)).toBe('a b');
  });

  it('may send away who comes after it', () => {
    const a = join('a');
    const first = join('first', { first: true }, () => reactor.unregister(a.token));
    expect(told(a, first)).toBe('first');
    expect(reactor.stats.stale).toBe(1);
  });

  it('is not told what it does not want', () => {
    const a = join('a');
    const first = join('first', { first: true });
    reactor.modify(first.token, NOTHING);
    expect(told(a, first)).toBe('a');
    reactor.modify(first.token, READABLE);
    expect(told(a)).toBe('first a');
  });

  it('may be several, in the order in which they joined', () => {
    const a = join('a');
    const [first, second] = [join('first', { first: true }), join('second', { first: true })];
    expect(told(a, second, first)).toBe('first second a');
    expect(told(second, a)).toBe('second a');
    reactor.unregister(first.token);
    expect(told(a, second)).toBe('second a');
  });

  it.each(['unregister', 'forget'] as const)('is nobody after %s: neither who gets the slot nor another', (leave) => {
    const a = join('a');
    const first = join('first', { first: true });
    reactor[leave](first.token);
    kernel.close(first.fd);
    const heir = join('heir');
    expect(told(a, heir)).toBe('a heir');
    const next = join('next', { first: true });
    expect(told(a, heir, next).split(' ')[0]).toBe('next');
  });

  it('is nobody when the kernel refuses it', () => {
    const { fd } = kernel.connected();
    const register = () => reactor.register(fd, { onReady() {} }, READABLE, { first: true });
    kernel.fault('epollCtl', ENOMEM);
    expect(register).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
    const [a, heir] = [join('a'), join('heir')];
    expect(told(a, heir)).toBe('a heir');
    expect(register).not.toThrow();
  });
});

describe('who settles', () => {
  const settler = (name: string, act?: () => void) => ({
    onBatchEnd() {
      order.push(name);
      act?.();
    },
  });

  it('is called when everybody has been told, in the order of asking, once', () => {
    const a = join('a', {}, () => reactor.notifyAtBatchEnd(settler('A')));
    const b = join('b', {}, () => reactor.notifyAtBatchEnd(settler('B')));
    const c = join('c');
    expect(told(a, b, c)).toBe('a b c A B');
    expect(told(c)).toBe('c');
    expect(told()).toBe('');
  });

  it('may be joined by others while it settles, which settle too', () => {
    const late = settler('late', () => reactor.notifyAtBatchEnd(settler('later')));
    const a = join('a', {}, () => reactor.notifyAtBatchEnd(settler('A', () => reactor.notifyAtBatchEnd(late))));
    expect(told(a)).toBe('a A late later');
  });

  it('is called before deadlines expire and before anybody is told again, and after those too', () => {
    let revisits = 1;
    const a = join('a', {}, (token) => {
      reactor.notifyAtBatchEnd(settler(`A${revisits}`));
      if (revisits-- > 0) reactor.revisit(token);
    });
    const timed = { onReady() {}, onDeadline: () => void order.push('deadline') };
    const { fd } = kernel.connected();
    reactor.setDeadline(reactor.register(fd, timed, READABLE), kernel.nowMs);
    expect(told(a)).toBe('a A1 a A0 deadline');
  });

  it('that throws keeps neither the others from settling nor the turn from its end', () => {
    const broken = settler('broken', () => {
      throw new Error('of a settler');
    });
    const a = join('a', {}, () => {
      reactor.notifyAtBatchEnd(broken);
      reactor.notifyAtBatchEnd(settler('A'));
      throw new Error('of a handler');
    });
    a.peer.send('x');
    let thrown: unknown;
    try {
      reactor.turn(0);
    } catch (error) {
      thrown = error;
    }
    expect((thrown as AggregateError).errors.map(({ message }) => message)).toEqual(['of a handler', 'of a settler']);
    expect(order).toEqual(['a', 'broken', 'A']);
    expect(told()).toBe('');
  });

  it('can ask only inside a turn', () => {
    expect(() => reactor.notifyAtBatchEnd(settler('A'))).toThrow(AssertionError);
  });
});
