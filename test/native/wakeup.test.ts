import { expect, it } from 'vitest';
import { constants, kernel } from '../../src/sys/binding.js';
import { EAGAIN, EINVAL } from '../../src/sys/errno.js';
import { testDescriptors } from '../support/descriptors.js';

const { EFD_NONBLOCK, EFD_SEMAPHORE } = constants;
const test = testDescriptors();

it.each([
  ['adds the values of its writes', 0, 0, [1, 2, 3], [6, EAGAIN]],
  ['starts with its initial value', 7, 0, [], [7, EAGAIN]],
  ['adds 2^32-1 at once', 2 ** 32 - 1, 0, [2 ** 32 - 1], [2 ** 33 - 2, EAGAIN]],
  ['with EFD_SEMAPHORE returns 1 per read', 2, EFD_SEMAPHORE, [1], [1, 1, 1, EAGAIN]],
])('an eventfd %s', (_, initial, flags, writes, reads) => {
  const fd = test.own('eventfd', kernel.eventfd(initial, EFD_NONBLOCK | flags));
  for (const value of writes) expect(kernel.eventfdWrite(fd, value)).toBe(0);
  expect(reads.map(() => kernel.eventfdRead(fd))).toEqual(reads);
});

it('a write to a full counter is EAGAIN, and a read returns 2^53-1', () => {
  const fd = test.own('eventfd', kernel.eventfd(0, EFD_NONBLOCK));
  const most = new Uint8Array(new BigUint64Array([2n ** 64n - 2n]).buffer);
  expect(kernel.write(fd, most, 0, 8)).toBe(8);
  expect(kernel.eventfdWrite(fd, 1)).toBe(EAGAIN);
  expect(kernel.eventfdRead(fd)).toBe(2 ** 53 - 1);
  expect(kernel.eventfdRead(fd)).toBe(EAGAIN);
});

it('invalid arguments throw', () => {
  for (const value of [0, -1, 2 ** 32]) {
    expect(() => kernel.eventfdWrite(0, value)).toThrow('value must be from 1 to 4294967295');
    if (value !== 0) expect(() => kernel.eventfd(value, 0)).toThrow('initialValue must be from 0 to 4294967295');
  }
  expect(() => kernel.eventfdWrite(0, 1.5)).toThrow(TypeError);
  const [reader] = test.pipe();
  expect(kernel.eventfd(0, 0x4000_0000)).toBe(EINVAL);
  expect(kernel.eventfdRead(reader)).toBe(EAGAIN);
});
