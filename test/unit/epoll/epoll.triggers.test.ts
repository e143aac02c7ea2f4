import { afterEach, describe, expect, it } from 'vitest';
import { Epoll } from '../../../src/epoll/epoll.js';
import { kernel } from '../../../src/sys/binding.js';
import { EAGAIN } from '../../../src/sys/errno.js';
import { EPOLLET, EPOLLEXCLUSIVE, EPOLLIN, EPOLLONESHOT, EPOLLOUT, EPOLLRDHUP } from '../../../src/sys/events.js';
import { testDescriptors } from '../../support/descriptors.js';

const test = testDescriptors();
let epoll: Epoll;
afterEach(() => epoll.close());

const bytes = new Uint8Array(64);
const message = new TextEncoder().encode('message.');

/** [step, then the count of events under level, edge, oneshot] */
const expectations: [string, number, number, number][] = [
  ['wait with nothing', 0, 0, 0],
  ['write two', 1, 1, 1],
  ['wait again', 1, 0, 0],
  ['read one', 1, 0, 0],
  ['modify', 1, 1, 1],
  ['wait again', 1, 0, 0],
  ['write one', 1, 1, 0],
  ['drain', 0, 0, 0],
  ['modify', 0, 0, 0],
  ['write one', 1, 1, 1],
  ['drain', 0, 0, 0],
  ['write one', 1, 1, 0],
];

const kinds = {
  socketpair: () => test.pair(),
  pipe: () => test.pipe(),
};

describe.each(Object.entries(kinds))('on a %s', (_, open) => {
  it.each([
    ['level', 0, 1],
    ['edge', EPOLLET, 2],
    ['oneshot', EPOLLONESHOT, 3],
    ['edge and oneshot', EPOLLET | EPOLLONESHOT, 3],
  ] as const)('%s', (_, trigger, column) => {
    epoll = new Epoll();
    const [reader, writer] = open();
    const mask = EPOLLIN | trigger;
    const steps: Record<string, () => void> = {
      'wait with nothing': () => {},
      'wait again': () => {},
      'write one': () => kernel.write(writer, message, 0, message.length),
      'write two': () => {
        kernel.write(writer, message, 0, message.length);
        kernel.write(writer, message, 0, message.length);
      },
      'read one': () => kernel.read(reader, bytes, 0, message.length),
      drain: () => {
        while (kernel.read(reader, bytes, 0, bytes.length) !== EAGAIN);
      },
      modify: () => epoll.modify(reader, mask),
    };
    epoll.register(reader, mask);
    const reported = expectations.map(([step]) => {
      steps[step]!();
      return [step, epoll.poll(0).length];
    });
    expect(reported).toEqual(expectations.map((row) => [row[0], row[column]]));
  });
});

describe('EPOLLOUT', () => {
  it.each([
    ['level', 0, [1, 1, 0, 1]],
    ['edge', EPOLLET, [1, 0, 0, 1]],
    ['oneshot', EPOLLONESHOT, [1, 0, 0, 0]],
  ])('%s: at first, again, with a full buffer, after it is read', (_, trigger, expected) => {
    epoll = new Epoll();
    const [reader, writer] = test.pair();
    epoll.register(writer, EPOLLOUT | trigger);
    const block = new Uint8Array(65_536);
    const reported = [epoll.poll(0).length, epoll.poll(0).length];
    while (kernel.send(writer, block, 0, block.length, 0) !== EAGAIN);
    reported.push(epoll.poll(0).length);
    while (kernel.recv(reader, block, 0, block.length, 0) !== EAGAIN);
    reported.push(epoll.poll(0).length);
    expect(reported).toEqual(expected);
  });
});

it('edge reports both ready directions when one of them changes', () => {
  epoll = new Epoll();
  const [reader, writer] = test.pair();
  epoll.register(reader, EPOLLIN | EPOLLOUT | EPOLLET);
  expect(epoll.poll(0).map((event) => event.events)).toEqual([EPOLLOUT]);
  kernel.send(writer, message, 0, 8, 0);
  expect(epoll.poll(0).map((event) => event.events)).toEqual([EPOLLIN | EPOLLOUT]);
  expect(epoll.poll(0)).toEqual([]);
});

describe('EPOLLEXCLUSIVE', () => {
  it.each([
    ['alone', EPOLLIN, null],
    ['with EPOLLOUT', EPOLLIN | EPOLLOUT, null],
    ['with EPOLLET', EPOLLIN | EPOLLET, null],
    ['with EPOLLONESHOT', EPOLLIN | EPOLLONESHOT, 'EINVAL'],
    ['with EPOLLRDHUP', EPOLLIN | EPOLLRDHUP, 'EINVAL'],
  ])('%s', (_, mask, code) => {
    epoll = new Epoll();
    const [reader, writer] = test.pair();
    const register = () => epoll.register(reader, mask | EPOLLEXCLUSIVE);
    if (code) {
      expect(register).toThrow(expect.objectContaining({ code, syscall: 'epoll_ctl' }));
    } else {
      register();
      kernel.send(writer, message, 0, 8, 0);
      expect(epoll.poll(0)).toHaveLength(1);
    }
  });

  it('EPOLL_CTL_MOD with it or after it is EINVAL', () => {
    epoll = new Epoll();
    const [one, other] = test.pair();
    const EINVAL = expect.objectContaining({ code: 'EINVAL' });
    epoll.register(one, EPOLLIN);
    expect(() => epoll.modify(one, EPOLLIN | EPOLLEXCLUSIVE)).toThrow(EINVAL);
    epoll.register(other, EPOLLIN | EPOLLEXCLUSIVE);
    expect(() => epoll.modify(other, EPOLLIN)).toThrow(EINVAL);
  });

  it('is EINVAL for an epoll set', () => {
    epoll = new Epoll();
    const inner = test.own('epoll_create1', kernel.epollCreate1(0));
    expect(() => epoll.register(inner, EPOLLIN | EPOLLEXCLUSIVE)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });
});
