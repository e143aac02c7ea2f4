import { open } from 'node:fs/promises';
import { Socket } from 'node:net';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { assertFd, fdOf, type HasFd } from '../../../src/sys/fd.js';

const fail = () => {
  throw new Error('of the argument');
};

/** [value, class of the error, what its text names] */
const NOT_DESCRIPTORS: [value: unknown, type: ErrorConstructor, culprit: string][] = [
  [-1, RangeError, '-1'],
  [2 ** 31, RangeError, '2147483648'],
  [1.5, TypeError, '1.5'],
  [Number.NaN, TypeError, 'NaN'],
  [Number.POSITIVE_INFINITY, TypeError, 'Infinity'],
  ['3', TypeError, "'3'"],
  [undefined, TypeError, 'undefined'],
  [null, TypeError, 'null'],
  [{}, TypeError, '{}'],
  [Object.create(null), TypeError, 'null prototype'],
  [Symbol('three'), TypeError, 'Symbol(three)'],
  [3n, TypeError, '3n'],
  [[3], TypeError, '[ 3 ]'],
  ['x'.repeat(5000), TypeError, 'more characters'],
  [new Socket(), TypeError, 'Socket'],
  [{ [inspect.custom]: () => fail() }, TypeError, 'inspect.custom'],
];

describe.each([
  ['assertFd', assertFd],
  ['fdOf', fdOf],
])('%s', (_, check: (value: never, name?: string) => unknown) => {
  it.each([0, 1, 2 ** 31 - 1])('accepts %i', (fd) => void check(fd as never));

  // Not by `%o`, which would call the inspect method of the value.
  it.each(NOT_DESCRIPTORS.map((row, at) => [at, ...row] as const))('rejects row %i', (_, value, type, culprit) => {
    const act = () => check(value as never, 'epfd');
    expect(act).toThrow(type);
    expect(act).toThrow(/^epfd .{1,200}$/);
    expect(act).toThrow(culprit);
    expect(act).toThrow(expect.objectContaining({ code: 'ERR_EPOLLET_ARGUMENT' }));
  });
});

class Python {
  constructor(private readonly of: number) {}

  fileno(): number {
    return this.of;
  }
}

describe('fdOf of an object', () => {
  it.each<[string, HasFd, number]>([
    ['a number', 5, 5],
    ['fd', { fd: 5 }, 5],
    ['fd that is inherited', Object.create({ fd: 5 }), 5],
    ['fileno', { fileno: () => 5 }, 5],
    ['fileno that uses this', new Python(5), 5],
    ['fd and fileno', { fd: 5, fileno: () => 6 }, 5],
    ['a function with an fd', Object.assign(() => {}, { fd: 5 }), 5],
  ])('%s', (_, value, fd) => expect(fdOf(value)).toBe(fd));

  it.each<[string, unknown, ErrorConstructor, RegExp]>([
    ['a closed one', { fd: -1 }, RangeError, /^epfd is an object whose descriptor is closed: its fd is -1$/],
    ['fd of null, as of a stream that is not open', { fd: null }, TypeError, /^epfd must be a file descriptor, or an/],
    ['fd of a string', { fd: '5' }, TypeError, /^epfd must be a file descriptor, or an object/],
    ['fd of NaN', { fd: Number.NaN }, TypeError, /^the fd of epfd must be an integer, .* not NaN$/],
    ['fd beyond a C int', { fd: 2 ** 31 }, RangeError, /^the fd of epfd must be .* not 2147483648$/],
    ['fileno that returns nothing', { fileno() {} }, TypeError, /^fileno\(\) of epfd must be .* not undefined$/],
    ['fileno of a closed object', { fileno: () => -1 }, RangeError, /^fileno\(\) of epfd must be .* not -1$/],
    ['fileno that is not a function', { fileno: 5 }, TypeError, /^epfd must be a file descriptor, or an object/],
  ])('rejects %s', (_, value, type, text) => {
    expect(() => fdOf(value as HasFd, 'epfd')).toThrow(type);
    expect(() => fdOf(value as HasFd, 'epfd')).toThrow(text);
  });

  it('rethrows what fileno throws', () => {
    const fileno = () => {
      throw new Error('of fileno');
    };
    expect(() => fdOf({ fileno })).toThrow('of fileno');
  });

  it('a FileHandle, until it is closed', async () => {
    const handle = await open('/dev/null');
    const { fd } = handle;
    expect(fdOf(handle)).toBe(fd);
    await handle.close();
    expect(() => fdOf(handle)).toThrow('closed');
  });
});
