import './prepared.js';
import { describe, expect, test, vi } from 'vitest';
import { BodyQueue } from '../../../src/fetch/body-queue.js';

const HIGH = 1000;
const later = () => new Promise(setImmediate);

function feedOf(...chunks: (string | Uint8Array)[]) {
  const wanted = vi.fn();
  const feed = new BodyQueue(HIGH, wanted);
  for (const chunk of chunks) feed.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return { feed, wanted };
}

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder('latin1');
  let text = '';
  for await (const chunk of stream) text += decoder.decode(chunk);
  return text;
}

/** The two ways in which a feed is read. */
const readers: [name: string, read: (feed: BodyQueue) => Promise<string>][] = [
  ['as a whole', async (feed) => (await feed.all()).toString('latin1')],
  ['as a stream', (feed) => textOf(feed.stream())],
];

describe.each(readers)('%s', (_, read) => {
  test.each<[name: string, chunks: string[]]>([
    ['nothing', []],
    ['empty chunks', ['', '']],
    ['a chunk', ['Hello']],
    ['chunks', ['He', '', 'l', 'lo']],
    ['a large one', ['x'.repeat(100_000)]],
    ['large ones', ['x'.repeat(5000), 'y'.repeat(600), 'z'.repeat(70_000)]],
    [
      'small ones before and behind large ones',
      ['a', 'b', 'x'.repeat(512), 'c', 'd', 'y'.repeat(511), 'e', 'f'.repeat(4000), 'g', 'h'],
    ],
    ['many small ones', Array.from({ length: 20_000 }, (_, i) => String.fromCharCode(32 + (i % 90)))],
    ['many of some bytes', Array.from({ length: 200 }, (_, i) => String.fromCharCode(32 + (i % 90)).repeat(i))],
  ])('%s, in whatever pace it comes', async (_, chunks) => {
    const whole = chunks.join('');
    const atOnce = feedOf(...chunks).feed;
    expect(atOnce.queuedBytes).toBe(whole.length);
    atOnce.end();
    expect(await read(atOnce)).toBe(whole);
    expect(atOnce.queuedBytes).toBe(0);

    for (const batch of [1, 3, 1000]) {
      const { feed } = feedOf();
      const reading = read(feed);
      const given = chunks.slice(0, 2000);
      for (let i = 0; i < given.length; i += batch) {
        for (const chunk of given.slice(i, i + batch)) feed.push(Buffer.from(chunk));
        if (i % 5 === 0) await later();
      }
      feed.end();
      expect(await reading).toBe(given.join(''));
    }
  });

  test('it asks for more when there is none, and only then', async () => {
    const { feed, wanted } = feedOf('a', 'b'.repeat(600), 'c');
    const reading = read(feed);
    expect(feed.isUsed).toBe(true);
    await later();
    expect(wanted).toHaveBeenCalledTimes(1);
    feed.push(Buffer.from('d'));
    await later();
    expect(wanted).toHaveBeenCalledTimes(2);
    feed.end();
    expect(await reading).toBe(`a${'b'.repeat(600)}cd`);
    expect(wanted).toHaveBeenCalledTimes(2);
  });

  test('it does not ask when all is there', async () => {
    const { feed, wanted } = feedOf('a');
    feed.end();
    await read(feed);
    expect(wanted).not.toHaveBeenCalled();
  });

  test.each(['before', 'while it waits', 'when some is read'])('it rejects when the body fails: %s', async (when) => {
    const error = new RangeError('no');
    const { feed } = feedOf('Hel');
    if (when === 'before') feed.fail(error);
    const reading = read(feed);
    reading.catch(() => {});
    if (when === 'when some is read') await later();
    feed.fail(error);
    feed.fail(new Error('later'));
    feed.push(Buffer.from('lo'));
    feed.end();
    await expect(reading).rejects.toBe(error);
    expect(feed.isClosed).toBe(true);
  });

  test('it does not mind a failure behind the end', async () => {
    const { feed } = feedOf('Hello');
    feed.end();
    feed.fail(new Error('no'));
    expect(feed.isClosed).toBe(false);
    expect(await read(feed)).toBe('Hello');
  });

  test('memory that others share stays theirs', async () => {
    const pooled = Buffer.from('shared');
    const neighbour = Buffer.from('neighbour');
    const { feed } = feedOf(pooled);
    feed.end();
    expect(await read(feed)).toBe('shared');
    expect(neighbour.toString()).toBe('neighbour');
    expect(pooled.buffer.byteLength).toBeGreaterThan(0);
    expect(Buffer.from('more').toString()).toBe('more');
  });

  test('what is cancelled while it is read', async () => {
    const { feed } = feedOf('Hel');
    const reading = read(feed);
    reading.catch(() => {});
    await later();
    feed.cancel();
    await expect(reading).rejects.toThrow('was cancelled');
  });
});

describe('room', () => {
  test('there is, up to the high-water mark', () => {
    const { feed } = feedOf();
    for (let bytes = 0; bytes < HIGH; bytes++) {
      expect(feed.isFull).toBe(false);
      feed.push(Buffer.from('x'));
    }
    expect(feed.isFull).toBe(true);
    expect(feed.queuedBytes).toBe(HIGH);
  });

  test('there is again when it is read, and then it asks', async () => {
    const { feed, wanted } = feedOf('x'.repeat(600), 'y'.repeat(600));
    const reader = feed.stream().getReader();
    await later();
    expect(feed.isFull).toBe(true); // a stream that nobody reads takes nothing
    await reader.read();
    expect([feed.isFull, feed.queuedBytes]).toEqual([false, 600]);
    await reader.read();
    await later();
    expect([feed.queuedBytes, wanted.mock.calls.length]).toEqual([0, 0]);
    const reading = reader.read();
    await later();
    expect(wanted).toHaveBeenCalledTimes(1);
    feed.push(Buffer.from('z'));
    expect(Buffer.from((await reading).value!).toString()).toBe('z');
  });

  test('small chunks become few', async () => {
    const { feed } = feedOf();
    for (let i = 0; i < 900; i++) feed.push(Buffer.from('x'));
    feed.end();
    let chunks = 0;
    for await (const _ of feed.stream()) chunks++;
    expect(chunks).toBe(1);
  });
});

describe('cancel', () => {
  test('lets go what is there, and says so', async () => {
    const { feed, wanted } = feedOf('Hello');
    feed.cancel();
    expect([feed.queuedBytes, feed.isClosed, feed.isUsed, feed.isFull]).toEqual([0, true, true, false]);
    expect(wanted).toHaveBeenCalledTimes(1);
    feed.push(Buffer.from('more'));
    expect(feed.queuedBytes).toBe(0);
  });

  test('of the stream is the feed’s', async () => {
    const { feed, wanted } = feedOf('Hello');
    const stream = feed.stream();
    await stream.cancel();
    expect([feed.queuedBytes, feed.isClosed]).toEqual([0, true]);
    expect(wanted).toHaveBeenCalledTimes(1);
    expect(await textOf(stream)).toBe('');
  });

  test('of the stream while it is read', async () => {
    const { feed } = feedOf();
    const reader = feed.stream().getReader();
    const reading = reader.read();
    await later();
    await reader.cancel();
    expect(await reading).toEqual({ done: true, value: undefined });
    feed.push(Buffer.from('more'));
    feed.end();
    await later();
    expect(feed.isClosed).toBe(true);
  });

  test('of a stream whose chunk is on its way', async () => {
    const { feed } = feedOf('Hello');
    const reader = feed.stream().getReader();
    const reading = reader.read();
    await reader.cancel();
    expect((await reading).done).toBe(true);
    await later();
  });
});

describe('a reader with its own buffer', () => {
  const read = async (reader: ReadableStreamBYOBReader, bytes: number) => {
    const { done, value } = await reader.read(new Uint8Array(bytes));
    return [done, value === undefined ? null : Buffer.from(value).toString()];
  };

  test('gets as much as fits, and the rest the next time', async () => {
    const { feed } = feedOf('Hello', ' ', 'world');
    feed.end();
    const reader = feed.stream().getReader({ mode: 'byob' });
    expect(await read(reader, 3)).toEqual([false, 'Hel']);
    expect(await read(reader, 100)).toEqual([false, 'lo world']);
    expect(await read(reader, 100)).toEqual([true, '']);
    expect(await read(reader, 100)).toEqual([true, '']);
  });

  test('waits, and is told the end', async () => {
    const { feed, wanted } = feedOf();
    const reader = feed.stream().getReader({ mode: 'byob' });
    const first = read(reader, 10);
    await later();
    expect(wanted).toHaveBeenCalledTimes(1);
    feed.push(Buffer.from('Hello'));
    expect(await first).toEqual([false, 'Hello']);
    const second = read(reader, 10);
    await later();
    feed.end();
    expect(await second).toEqual([true, '']);
  });

  test('is told a failure', async () => {
    const { feed } = feedOf();
    const reader = feed.stream().getReader({ mode: 'byob' });
    const reading = read(reader, 10);
    const error = new Error('no');
    feed.fail(error);
    await expect(reading).rejects.toBe(error);
  });

  test('may take turns with one that has none', async () => {
    const { feed } = feedOf('Hello');
    feed.end();
    const stream = feed.stream();
    const own = stream.getReader({ mode: 'byob' });
    expect(await read(own, 2)).toEqual([false, 'He']);
    own.releaseLock();
    expect(await textOf(stream)).toBe('llo');
  });
});
