import { AssertionError } from 'node:assert';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  BlockingDriver,
  BOTH,
  ENDED,
  NEVER,
  NestedDriver,
  NOTHING,
  PRIORITY,
  READABLE,
  Reactor,
  type RegisterOptions,
  type Token,
  Wakeup,
  WRITABLE,
} from '../../../src/reactor/index.js';
import { FakeKernel } from '../../support/fake-kernel.js';

let kernel: FakeKernel;
let reactor: Reactor;
let token: Token;
let fd: number;

const handler = { onReady() {} };

beforeEach(() => {
  kernel = new FakeKernel();
  reactor = new Reactor({ kernel });
  fd = kernel.connected().fd;
  token = reactor.register(fd, handler, READABLE);
});

afterEach(() => {
  reactor.close();
  expect(kernel.violations).toEqual([]);
});

const any = (value: unknown) => value as never;
const register = (...[target, by, interest, options]: unknown[]) =>
  reactor.register(any(target), any(by), any(interest), any(options));
const other = () => kernel.connected().fd;

/** [what is wrong, call, class of the error, its text] */
const ARGUMENTS: [string, () => unknown, ErrorConstructor, RegExp][] = [
  ['turn: nothing', () => reactor.turn(any(undefined)), TypeError, /^timeoutMs must be a number, not undefined$/],
  ['turn: NaN', () => reactor.turn(Number.NaN), RangeError, /^timeoutMs must be -1 \(no limit\) or from 0 .* not NaN$/],
  ['turn: text', () => reactor.turn(any('5')), TypeError, /^timeoutMs must be a number, not '5'$/],
  ['turn: -2', () => reactor.turn(-2), RangeError, /^timeoutMs .* not -2$/],
  ['turn: -0.5', () => reactor.turn(-0.5), RangeError, /^timeoutMs .* not -0\.5$/],
  ['turn: beyond an int', () => reactor.turn(2 ** 40), RangeError, /^timeoutMs .* not 1099511627776$/],
  ['turn: without limit by Infinity', () => reactor.turn(NEVER), RangeError, /^timeoutMs .* not Infinity$/],
  ['turn: a bigint', () => reactor.turn(any(0n)), TypeError, /^timeoutMs .* not 0n$/],

  ['register: NaN', () => register(Number.NaN, handler, READABLE), TypeError, /^fd must be an integer.* not NaN$/],
  ['register: nothing', () => register(), TypeError, /^fd must be a file descriptor, or an object.* not undefined$/],
  ['register: a number as text', () => register('3', handler, READABLE), TypeError, /^fd must be .* not '3'$/],
  ['register: -1', () => register(-1, handler, READABLE), RangeError, /^fd must be .* not -1$/],
  ['register: a closed object', () => register({ fd: -1 }, handler, READABLE), RangeError, /descriptor is closed/],
  [
    'register: the reactor itself',
    () => register(reactor, handler, READABLE),
    RangeError,
    /^fd \d+ is this Reactor itself/,
  ],
  [
    'register: no handler',
    () => register(other(), undefined, READABLE),
    TypeError,
    /^handler must be .* not undefined$/,
  ],
  ['register: null', () => register(other(), null, READABLE), TypeError, /^handler must be .* onReady, not null$/],
  [
    'register: a function',
    () => register(other(), () => {}, READABLE),
    TypeError,
    /^handler must be .* onReady, not \[Function/,
  ],
  [
    'register: no onReady',
    () => register(other(), { onready() {} }, READABLE),
    TypeError,
    /^handler must be .* onReady, not {/,
  ],
  [
    'register: onDeadline that is a number',
    () => register(other(), { onReady() {}, onDeadline: 5 }, READABLE),
    TypeError,
    /^onDeadline of a handler must be a function, not 5$/,
  ],
  [
    'register: no interest',
    () => register(other(), handler),
    TypeError,
    /^interest must be NOTHING, READABLE.* not undefined$/,
  ],
  ['register: interest as text', () => register(other(), handler, 'r'), TypeError, /^interest must be .* not 'r'$/],
  ['register: interest 1.5', () => register(other(), handler, 1.5), TypeError, /^interest must be .* not 1\.5$/],
  ['register: ENDED', () => register(other(), handler, READABLE | ENDED), RangeError, /^interest must be .* not 5$/],
  ['register: -1', () => register(other(), handler, -1), RangeError, /^interest must be .* not -1$/],
  [
    'register: 2^32 + 1',
    () => register(other(), handler, 2 ** 32 + 1),
    RangeError,
    /^interest must be .* not 4294967297$/,
  ],
  [
    'register: options null',
    () => register(other(), handler, READABLE, null),
    TypeError,
    /^options must be an object, not null$/,
  ],
  [
    'register: options as text',
    () => register(other(), handler, READABLE, 'edge'),
    TypeError,
    /^options must be .* not 'edge'$/,
  ],
  [
    'register: a misspelt option',
    () => register(other(), handler, READABLE, { triger: 'edge' }),
    TypeError,
    /^'triger' is not an option; the options are trigger, exclusive, first$/,
  ],
  [
    'register: a misspelt trigger',
    () => register(other(), handler, READABLE, { trigger: 'egde' }),
    TypeError,
    /^trigger must be 'level', 'edge' or 'oneshot', not 'egde'$/,
  ],
  [
    'register: trigger null',
    () => register(other(), handler, READABLE, { trigger: null }),
    TypeError,
    /^trigger must be .* not null$/,
  ],
  [
    'register: exclusive 1',
    () => register(other(), handler, READABLE, { exclusive: 1 }),
    TypeError,
    /^exclusive must be true or false, not 1$/,
  ],
  [
    'register: first as text',
    () => register(other(), handler, READABLE, { first: 'no' }),
    TypeError,
    /^first must be true or false, not 'no'$/,
  ],
  [
    'register: exclusive and oneshot',
    () => register(other(), handler, READABLE, { trigger: 'oneshot', exclusive: true }),
    TypeError,
    /^exclusive cannot be combined with oneshot, epoll_ctl\(2\): use level or edge$/,
  ],
  [
    'register: exclusive and PRIORITY',
    () => register(other(), handler, READABLE | PRIORITY, { exclusive: true }),
    TypeError,
    /^exclusive cannot be combined with PRIORITY/,
  ],

  ['modify: nothing', () => reactor.modify(token, any(undefined)), TypeError, /^interest must be .* not undefined$/],
  [
    'modify: a symbol',
    () => reactor.modify(token, any(Symbol('s'))),
    TypeError,
    /^interest must be .* not Symbol\(s\)$/,
  ],
  ['modify: a bigint', () => reactor.modify(token, any(1n)), TypeError, /^interest must be .* not 1n$/],
  ['modify: NaN', () => reactor.modify(token, any(Number.NaN)), TypeError, /^interest must be .* not NaN$/],
  ['modify: text', () => reactor.modify(token, any('2')), TypeError, /^interest must be .* not '2'$/],
  ['modify: null', () => reactor.modify(token, any(null)), TypeError, /^interest must be .* not null$/],
  ['modify: ENDED', () => reactor.modify(token, any(ENDED)), RangeError, /^interest must be .* not 4$/],
  ['modify: 16', () => reactor.modify(token, any(16)), RangeError, /^interest must be .* not 16$/],
  [
    'modify: PRIORITY of an exclusive one',
    () => reactor.modify(register(other(), handler, READABLE, { exclusive: true }), PRIORITY),
    TypeError,
    /^exclusive cannot be combined with PRIORITY/,
  ],

  [
    'revisit: a symbol',
    () => reactor.revisit(token, any(Symbol('s'))),
    TypeError,
    /^readiness must be .* not Symbol\(s\)$/,
  ],
  ['revisit: a bigint', () => reactor.revisit(token, any(1n)), TypeError, /^readiness must be .* not 1n$/],
  ['revisit: NaN', () => reactor.revisit(token, Number.NaN), TypeError, /^readiness must be READABLE.* not NaN$/],
  ['revisit: text', () => reactor.revisit(token, any('1')), TypeError, /^readiness must be .* not '1'$/],
  ['revisit: null', () => reactor.revisit(token, any(null)), TypeError, /^readiness must be .* not null$/],
  ['revisit: 16', () => reactor.revisit(token, 16), RangeError, /^readiness must be .* not 16$/],

  [
    'setDeadline: nothing',
    () => reactor.setDeadline(token, any(undefined)),
    TypeError,
    /^dueMs must be a time.* not undefined$/,
  ],
  [
    'setDeadline: a symbol',
    () => reactor.setDeadline(token, any(Symbol('s'))),
    TypeError,
    /^dueMs must be .* not Symbol\(s\)$/,
  ],
  ['setDeadline: a bigint', () => reactor.setDeadline(token, any(1n)), TypeError, /^dueMs must be .* not 1n$/],
  ['setDeadline: NaN', () => reactor.setDeadline(token, Number.NaN), TypeError, /^dueMs must be .* not NaN$/],
  ['setDeadline: text', () => reactor.setDeadline(token, any('5')), TypeError, /^dueMs must be .* not '5'$/],
  ['setDeadline: null', () => reactor.setDeadline(token, any(null)), TypeError, /^dueMs must be .* not null$/],
  ['setDeadline: a Date', () => reactor.setDeadline(token, any(new Date(5))), TypeError, /^dueMs must be .* not 1970-/],

  [
    'notifyAtBatchEnd: nothing',
    () => reactor.notifyAtBatchEnd(any(undefined)),
    TypeError,
    /^handler must be .* onBatchEnd, not/,
  ],
  [
    'notifyAtBatchEnd: a function',
    () => reactor.notifyAtBatchEnd(any(() => {})),
    TypeError,
    /^handler must be .* onBatchEnd/,
  ],

  ['Reactor: maxEvents 0', () => new Reactor({ kernel, maxEvents: 0 }), RangeError, /^maxEvents must be .* not 0$/],
  ['Reactor: maxEvents 65537', () => new Reactor({ kernel, maxEvents: 65537 }), RangeError, /^maxEvents .* not 65537$/],
  ['Reactor: maxEvents 1.5', () => new Reactor({ kernel, maxEvents: 1.5 }), RangeError, /^maxEvents .* not 1\.5$/],
  [
    'Reactor: maxEvents NaN',
    () => new Reactor({ kernel, maxEvents: Number.NaN }),
    RangeError,
    /^maxEvents .* not NaN$/,
  ],
  [
    'Reactor: maxEvents as text',
    () => new Reactor({ kernel, maxEvents: any('5') }),
    RangeError,
    /^maxEvents .* not '5'$/,
  ],
  ['Reactor: a kernel of nothing', () => new Reactor({ kernel: any({}) }), TypeError, /^kernel must have .* not {}$/],
  ['Reactor: kernel null', () => new Reactor({ kernel: any(null) }), TypeError, /^kernel must have .* not null$/],
  ['Reactor: a number', () => new Reactor(any(1024)), TypeError, /^options must be an object, not 1024$/],
  [
    'Reactor: a misspelt option',
    () => new Reactor(any({ maxEvent: 5 })),
    TypeError,
    /^'maxEvent' is not an option; .* kernel, maxEvents$/,
  ],

  [
    'NestedDriver: nothing',
    () => new NestedDriver(any(undefined)),
    TypeError,
    /^reactor must be a Reactor, not undefined$/,
  ],
  ['NestedDriver: a descriptor', () => new NestedDriver(any(5)), TypeError, /^reactor must be a Reactor, not 5$/],
  [
    'NestedDriver: an object',
    () => new NestedDriver(any({ fd: 5 })),
    TypeError,
    /^reactor must be a Reactor, not { fd: 5 }$/,
  ],
  ['BlockingDriver: nothing', () => new BlockingDriver(any(undefined)), TypeError, /^reactor must be a Reactor/],
  ['Wakeup: nothing', () => new Wakeup(any(undefined), () => {}), TypeError, /^reactor must be a Reactor/],
  [
    'Wakeup: no function',
    () => new Wakeup(reactor, any(undefined)),
    TypeError,
    /^onWakeup must be a function, not undefined$/,
  ],
  [
    'Wakeup: an object',
    () => new Wakeup(reactor, any({ onWakeup() {} })),
    TypeError,
    /^onWakeup must be a function, not {/,
  ],
];

it.each(ARGUMENTS)('%s', (_, act, type, text) => {
  expect(act).toThrow(type);
  expect(act).toThrow(text);
  expect(act).toThrow(expect.objectContaining({ code: 'ERR_EPOLLET_ARGUMENT' }));
});

it('nothing is changed by them, and turns go on', () => {
  let reports = 0;
  const { fd, peer } = kernel.connected();
  const watched = reactor.register(fd, { onReady: () => void reports++ }, READABLE);
  const before = reactor.stats;
  for (const [, act] of ARGUMENTS) {
    if (act.toString().includes('exclusive: true')) continue; // registers one that is valid
    expect(act).toThrow();
  }
  expect(reactor.stats).toEqual(before);
  expect(reactor.driver).toBe(null);
  expect(reactor.hasWork).toBe(false);
  expect(reactor.nextDeadlineMs()).toBe(NEVER);
  peer.send('x');
  expect(reactor.turn(0)).toBe(1);
  expect(reports).toBe(1);
  reactor.unregister(watched);
});

describe('tokens', () => {
  const calls: [string, (wrong: Token) => void][] = [
    ['modify', (wrong) => reactor.modify(wrong, BOTH)],
    ['unregister', (wrong) => reactor.unregister(wrong)],
    ['forget', (wrong) => reactor.forget(wrong)],
    ['revisit', (wrong) => reactor.revisit(wrong)],
    ['setDeadline', (wrong) => reactor.setDeadline(wrong, 5)],
  ];
  const notTokens = [
    undefined,
    null,
    true,
    false,
    '',
    '0',
    `${0}`,
    [],
    {},
    Number.NaN,
    -1,
    0.5,
    2 ** 53,
    0n,
    Symbol('0'),
  ];

  it.each(calls)('%s rejects what is not a token', (_, act) => {
    expect(token % 2 ** 32).toBe(0); // `null` and others are converted to this slot
    for (const wrong of [...notTokens, String(token), [token]]) {
      expect(() => act(any(wrong)), String(wrong)).toThrow(TypeError);
      expect(() => act(any(wrong))).toThrow(/^token must be a number that register has returned, not /);
      expect(() => act(any(wrong))).toThrow(expect.objectContaining({ code: 'ERR_EPOLLET_ARGUMENT' }));
    }
    expect(reactor.stats.registered).toBe(1);
  });

  it.each(calls)('%s rejects a token that was unregistered, and one of another reactor', (name, act) => {
    const text = `${name}: this token was unregistered before, or is one of another reactor`;
    const others = Array.from({ length: 50 }, () => new Reactor({ kernel }));
    for (const each of others) expect(() => act(each.register(other(), handler, READABLE))).toThrow(text);
    for (const each of others) each.close();
    const gone = reactor.register(other(), handler, READABLE);
    reactor.unregister(gone);
    expect(() => act(gone)).toThrow(AssertionError);
    expect(() => act(gone)).toThrow(text);
    expect(reactor.stats.registered).toBe(1);
  });
});

describe('what is accepted', () => {
  it.each<[string, () => unknown]>([
    ['a descriptor of an object', () => reactor.register({ fd: other() }, handler, READABLE)],
    ['fileno of an object', () => reactor.register({ fileno: other }, handler, READABLE)],
    ['another reactor', () => reactor.register(new Reactor({ kernel }), handler, READABLE)],
    ['onDeadline undefined', () => reactor.register(other(), any({ onReady() {}, onDeadline: undefined }), READABLE)],
    ['options undefined', () => reactor.register(other(), handler, NOTHING, undefined)],
    ['a deadline in the past', () => reactor.setDeadline(token, -5)],
    ['a deadline in the distant past', () => reactor.setDeadline(token, Number.NEGATIVE_INFINITY)],
    ['NEVER', () => reactor.setDeadline(token, NEVER)],
    ['a revisit for nothing', () => reactor.revisit(token, 0)],
    ['a revisit for ENDED', () => reactor.revisit(token, READABLE | ENDED | PRIORITY)],
    ['a fraction of a millisecond', () => reactor.turn(0.5)],
    ['the longest wait', () => reactor.turn(2 ** 31 - 1)],
    ['onTurn undefined', () => Object.assign(reactor, { onTurn: undefined })],
    ['every option undefined', () => new Reactor(any({ kernel, maxEvents: undefined })).close()],
  ])('%s', (_, act) => {
    expect(act).not.toThrow();
    expect(() => reactor.turn(0)).not.toThrow();
  });

  it.each([0, 1, 2, 3, 8, 9, 10, 11])('interest %i', (interest) => {
    for (const trigger of ['level', 'edge', 'oneshot'] as const) {
      const options: RegisterOptions = { trigger, exclusive: false, first: true };
      const one = reactor.register(other(), handler, interest, options);
      for (const next of [WRITABLE, interest]) reactor.modify(one, next);
    }
    expect(() => reactor.turn(0)).not.toThrow();
  });
});
