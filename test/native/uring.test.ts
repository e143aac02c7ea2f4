import { describe, expect, it } from 'vitest';
import { unavailable } from '../../src/models/shared/ring-support.js';
import { uring } from '../../src/sys/binding.js';
import { EBADF, EINVAL, EOPNOTSUPP } from '../../src/sys/errno.js';
import { testDescriptors } from '../support/descriptors.js';
import { permits } from '../support/needs.js';

const test = testDescriptors();
const PAGE = 4096;
/** IORING_OFF_SQES */
const SUBMISSIONS = 0x10000000;

const setup = (entries = 1, params = new Uint32Array(30)) =>
  test.own('io_uring_setup', uring.ioUringSetup(entries, params));

function map(fd: number, offset: number, length: number): ArrayBuffer {
  const mapping = uring.ioUringMap(fd, offset, length);
  if (typeof mapping === 'number') throw new Error(`ioUringMap returned ${mapping}`);
  return mapping;
}

describe('memory', () => {
  it('is zeroed and aligned; once unmapped its views are empty', () => {
    const mapping = map(-1, 0, PAGE + 1);
    const bytes = new Uint8Array(mapping);
    expect([bytes.length, uring.addressOf(bytes, 0, PAGE) % PAGE, bytes.every((byte) => byte === 0)]).toEqual([
      PAGE + 1,
      0,
      true,
    ]);
    expect(uring.addressOf(bytes.subarray(3), 4, 1)).toBe(uring.addressOf(bytes, 0, 0) + 7);
    expect(uring.ioUringUnmap(mapping)).toBe(0);
    expect([mapping.byteLength, bytes.length]).toEqual([0, 0]);
  });

  it('errors', () => {
    expect(uring.ioUringMap(-1, 0, 0)).toBe(EINVAL);
    const [reader] = test.pipe();
    expect(uring.ioUringMap(reader, 0, PAGE)).toBe(EOPNOTSUPP);
    const unmapped = map(-1, 0, 1);
    uring.ioUringUnmap(unmapped);
    for (const wrong of [unmapped, new ArrayBuffer(8), new Uint8Array(8), {}, undefined])
      expect(() => uring.ioUringUnmap(wrong as ArrayBuffer)).toThrow('mapping must be what ioUringMap returned');
    expect(() => uring.addressOf(new ArrayBuffer(1) as never, 0, 1)).toThrow('bytes must be a Uint8Array');
  });
});

it('errors without a ring', () => {
  expect(uring.ioUringEnter(-1, 0, 0)).toBe(EBADF);
  const [reader] = test.pipe();
  expect(uring.ioUringEnter(reader, 0, 0)).toBe(EOPNOTSUPP);
  expect(uring.ioUringRegisterBuffers(reader, 0, 1, 0)).toBe(EOPNOTSUPP);
  expect(() => uring.ioUringSetup(1, new Uint32Array(29))).toThrow('params.length must be from 30');
});

const reason = unavailable();
if (permits(reason === null, 'io_uring', reason ?? '')) {
  describe('a ring', () => {
    it('setup fills in the numbers of entries, powers of two', () => {
      const params = new Uint32Array(30);
      setup(3, params);
      expect([...params.subarray(0, 2)]).toEqual([4, 8]);
      expect(uring.ioUringSetup(0, new Uint32Array(30))).toBe(EINVAL);
      expect(uring.ioUringSetup(1, params.fill(2 ** 31, 2, 3))).toBe(EINVAL);
    });

    it('a submission completes with what was written to it', () => {
      const params = new Uint32Array(30);
      const fd = setup(1, params);
      const [at, completionsAt] = [10, 25].map((index) => params[index]!) as [number, number];
      const rings = map(fd, 0, completionsAt + 32);
      const submissions = new Uint32Array(map(fd, SUBMISSIONS, 64));
      const tail = new Uint32Array(rings, params[11], 1);
      const completed = new Uint32Array(rings, params[21], 1);
      // IORING_OP_NOP is 0.
      submissions.set([7, 8], 8);
      expect([...new Uint32Array(rings, at, 1)]).toEqual([0]);
      Atomics.store(tail, 0, 1);
      expect(uring.ioUringEnter(fd, 1, -1)).toBe(1);
      expect(Atomics.load(completed, 0)).toBe(1);
      expect([...new Int32Array(rings, completionsAt, 4)]).toEqual([7, 8, 0, 0]);
      // It has one already.
      expect(uring.ioUringEnter(fd, 0, -1)).toBe(0);
      Atomics.store(new Uint32Array(rings, params[20], 1), 0, 1);
      expect(uring.ioUringEnter(fd, 0, 1)).toBe(0);
      // The memory outlives the descriptor.
      test.close(fd);
      expect(submissions[8]).toBe(7);
      expect(uring.ioUringUnmap(rings)).toBe(0);
    });

    it('takes buffers of a group once', () => {
      const fd = setup();
      const list = map(-1, 0, PAGE);
      const address = uring.addressOf(new Uint8Array(list), 0, 0);
      expect(uring.ioUringRegisterBuffers(fd, address, 8, 1)).toBe(0);
      expect(uring.ioUringRegisterBuffers(fd, address, 8, 1)).toBeLessThan(0);
      expect(uring.ioUringRegisterBuffers(fd, address, 7, 2)).toBe(EINVAL);
      expect(uring.ioUringRegisterBuffers(fd, address + 8, 8, 3)).toBe(EINVAL);
    });
  });
}
