import { AssertionError } from 'node:assert';
import { expect, test } from 'vitest';
import { type BatchWritable, WriteBatch } from '../../../src/net/write-batch.js';
import { EAGAIN, EPIPE } from '../../../src/sys/errno.js';
import { FakeKernel } from '../../support/fake-kernel.js';

const BATCH = 4;
const LONGEST_BYTES = 4096;

/** A batch of sockets, of which each notes what is said of its part. */
function batch(count: number, room = 65_536) {
  const kernel = new FakeKernel();
  const sender = new WriteBatch(kernel, BATCH);
  const story: string[] = [];
  const all = Array.from({ length: count }, (_, i) => {
    const { fd, peer } = kernel.connected(room);
    const one: BatchWritable = {
      fd,
      onWritten: (bytes, start, end, result) =>
        story.push(`${i}: ${result} of ${bytes.toString('latin1', start, end)}`),
    };
    return { one, peer };
  });
  const say = (i: number, text: string): boolean => {
    sender.current = all[i]!.one;
    const bytes = Buffer.from(`<${text}>`);
    return sender.append(all[i]!.one, bytes, 1, bytes.length - 1);
  };
  const flush = (): unknown[] => {
    const thrown: unknown[] = [];
    sender.current = null;
    sender.flush(thrown);
    return thrown;
  };
  return { kernel, sender, story, all, say, flush };
}

test('everybody’s answers go out when the batch is over, those of one in a single piece', () => {
  const { kernel, story, say, flush } = batch(3);
  say(0, 'first');
  say(1, 'one, ');
  say(1, 'two');
  say(2, 'third');
  expect([kernel.sends.length, story.length]).toEqual([0, 0]);
  expect(flush()).toEqual([]);
  expect(kernel.sends.map(([length]) => length)).toEqual([5, 8, 5]);
  expect(story).toEqual(['0: 5 of first', '1: 8 of one, two', '2: 5 of third']);
});

test('a flush of nothing is no call, and the next batch begins anew', () => {
  const { kernel, story, say, flush } = batch(1);
  flush();
  say(0, 'a');
  flush();
  flush();
  say(0, 'b');
  flush();
  expect(kernel.sends).toHaveLength(2);
  expect(story).toEqual(['0: 1 of a', '0: 1 of b']);
});

test('only whose turn it is, and only what is short, is taken', () => {
  const { sender, all, say, story, flush } = batch(2);
  expect(say(0, 'x'.repeat(LONGEST_BYTES))).toBe(true);
  expect(say(0, 'x'.repeat(LONGEST_BYTES + 1))).toBe(false);
  expect(sender.append(all[1]!.one, Buffer.from('y'), 0, 1)).toBe(false);
  sender.current = null;
  expect(sender.append(all[0]!.one, Buffer.from('y'), 0, 1)).toBe(false);
  flush();
  expect(story).toHaveLength(1);
});

test('when it is full it takes no more, and says so before', () => {
  const { sender, say } = batch(1);
  let taken = 0;
  while (!sender.isFull) taken += say(0, 'x'.repeat(LONGEST_BYTES)) ? 1 : 0;
  expect(taken).toBeGreaterThan(BATCH);
  while (say(0, 'x'.repeat(LONGEST_BYTES))) taken++;
  expect(say(0, 'x')).toBe(false);
  expect(taken).toBeGreaterThan(2 * BATCH);
});

test('what is withdrawn is given back and not sent', () => {
  const { kernel, sender, all, say, story, flush } = batch(3);
  say(0, 'first');
  say(1, 'second');
  say(2, 'third');
  expect(sender.remove(all[1]!.one).toString()).toBe('second');
  expect(sender.remove(all[0]!.one).toString()).toBe('first');
  flush();
  expect(story).toEqual(['2: 5 of third']);
  expect(kernel.sends.filter(([length]) => length === 5 || length === 6)).toHaveLength(3); // two of them to nobody
  expect(() => sender.remove(all[2]!.one)).toThrow(AssertionError);
});

test('each is told what the kernel has said, and what one throws costs the others nothing', () => {
  const { kernel, all, say, story, flush } = batch(4, 3);
  kernel.fault('send', EAGAIN, EPIPE);
  all[2]!.one.onWritten = () => {
    throw new Error('of the third');
  };
  for (let i = 0; i < 4; i++) say(i, 'word');
  expect(flush()).toEqual([new Error('of the third')]);
  expect(story).toEqual([`0: ${EAGAIN} of word`, `1: ${EPIPE} of word`, '3: 3 of word']);
});

test('more senders than a batch has are a programmer’s mistake', () => {
  const { say } = batch(BATCH + 1);
  for (let i = 0; i < BATCH; i++) say(i, 'x');
  expect(() => say(BATCH, 'x')).toThrow(AssertionError);
});
