import { AssertionError } from 'node:assert';
import { expect, test } from 'vitest';
import { type BatchWritable, WriteBatch } from '../../../src/net/write-batch.js';
import { EAGAIN, EPIPE } from '../../../src/sys/errno.js';
import { FakeKernel } from '../../support/fake-kernel.js';

const BATCH = 4;
const LONGEST_BYTES = 4096;

/** A batch of connections, each of which records the result of its part. */
function batch(count: number, sendBufferBytes = 65_536) {
  const kernel = new FakeKernel();
  const writeBatch = new WriteBatch(kernel, BATCH);
  const results: string[] = [];
  const all = Array.from({ length: count }, (_, i) => {
    const { fd, peer } = kernel.connected(sendBufferBytes);
    const one: BatchWritable = {
      fd,
      onWritten: (bytes, start, end, result) =>
        results.push(`${i}: ${result} of ${bytes.toString('latin1', start, end)}`),
    };
    return { one, peer };
  });
  const append = (i: number, text: string): boolean => {
    writeBatch.current = all[i]!.one;
    const bytes = Buffer.from(`<${text}>`);
    return writeBatch.append(all[i]!.one, bytes, 1, bytes.length - 1);
  };
  const flush = (): unknown[] => {
    const thrown: unknown[] = [];
    writeBatch.current = null;
    writeBatch.flush(thrown);
    return thrown;
  };
  return { kernel, writeBatch, results, all, append, flush };
}

test('flush sends the responses of each connection with one send', () => {
  const { kernel, results, append, flush } = batch(3);
  append(0, 'first');
  append(1, 'one, ');
  append(1, 'two');
  append(2, 'third');
  expect([kernel.sends.length, results.length]).toEqual([0, 0]);
  expect(flush()).toEqual([]);
  expect(kernel.sends.map(([length]) => length)).toEqual([5, 8, 5]);
  expect(results).toEqual(['0: 5 of first', '1: 8 of one, two', '2: 5 of third']);
});

test('an empty flush makes no call, and the next batch starts empty', () => {
  const { kernel, results, append, flush } = batch(1);
  flush();
  append(0, 'a');
  flush();
  flush();
  append(0, 'b');
  flush();
  expect(kernel.sends).toHaveLength(2);
  expect(results).toEqual(['0: 1 of a', '0: 1 of b']);
});

test('append accepts only short bytes of the current connection', () => {
  const { writeBatch, all, append, results, flush } = batch(2);
  expect(append(0, 'x'.repeat(LONGEST_BYTES))).toBe(true);
  expect(append(0, 'x'.repeat(LONGEST_BYTES + 1))).toBe(false);
  expect(writeBatch.append(all[1]!.one, Buffer.from('y'), 0, 1)).toBe(false);
  writeBatch.current = null;
  expect(writeBatch.append(all[0]!.one, Buffer.from('y'), 0, 1)).toBe(false);
  flush();
  expect(results).toHaveLength(1);
});

test('isFull becomes true before append fails', () => {
  const { writeBatch, append } = batch(1);
  let taken = 0;
  while (!writeBatch.isFull) taken += append(0, 'x'.repeat(LONGEST_BYTES)) ? 1 : 0;
  expect(taken).toBeGreaterThan(BATCH);
  while (append(0, 'x'.repeat(LONGEST_BYTES))) taken++;
  expect(append(0, 'x')).toBe(false);
  expect(taken).toBeGreaterThan(2 * BATCH);
});

test('remove returns the bytes, which are not sent', () => {
  const { kernel, writeBatch, all, append, results, flush } = batch(3);
  append(0, 'first');
  append(1, 'second');
  append(2, 'third');
  expect(writeBatch.remove(all[1]!.one).toString()).toBe('second');
  expect(writeBatch.remove(all[0]!.one).toString()).toBe('first');
  flush();
  expect(results).toEqual(['2: 5 of third']);
  // Two of them are to descriptor -1.
  expect(kernel.sends.filter(([length]) => length === 5 || length === 6)).toHaveLength(3);
  expect(() => writeBatch.remove(all[2]!.one)).toThrow(AssertionError);
});

test('each connection gets its result, also after another one throws', () => {
  const { kernel, all, append, results, flush } = batch(4, 3);
  kernel.fault('send', EAGAIN, EPIPE);
  all[2]!.one.onWritten = () => {
    throw new Error('of the third');
  };
  for (let i = 0; i < 4; i++) append(i, 'word');
  expect(flush()).toEqual([new Error('of the third')]);
  expect(results).toEqual([`0: ${EAGAIN} of word`, `1: ${EPIPE} of word`, '3: 3 of word']);
});

test('more connections than the capacity are an assertion error', () => {
  const { append } = batch(BATCH + 1);
  for (let i = 0; i < BATCH; i++) append(i, 'x');
  expect(() => append(BATCH, 'x')).toThrow(AssertionError);
});
