import { expect, it } from 'vitest';
import { assertFd } from '../../../src/sys/fd.js';

it.each([0, 1, 2 ** 31 - 1])('accepts %i', (fd) => assertFd(fd));

it.each([
  [-1, RangeError, '-1'],
  [2 ** 31, RangeError, '2147483648'],
  [1.5, TypeError, '1.5'],
  [Number.NaN, TypeError, 'NaN'],
  [Number.POSITIVE_INFINITY, TypeError, 'Infinity'],
  ['3', TypeError, '3'],
  [undefined, TypeError, 'undefined'],
  [null, TypeError, 'null'],
  [{}, TypeError, 'object'],
])('rejects %s', (fd, type, culprit) => {
  expect(() => assertFd(fd as number, 'epfd')).toThrow(type);
  expect(() => assertFd(fd as number, 'epfd')).toThrow(/^epfd /);
  expect(() => assertFd(fd as number, 'epfd')).toThrow(culprit);
});
