import './prepared.js';
import { describe, expect, test, vi } from 'vitest';
import { BodyQueue } from '../../../src/fetch/body-queue.js';

const HIGH = 1000;
const later = () => new Promise(setImmediate);

function queueOf(...chunks: (string | Uint8Array)[]) {
  const wanted = vi.fn();
  const queue = new BodyQueue(HIGH, wanted);
  for (const chunk of chunks) queue.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return { queue, wanted };
}

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder('latin1');
  let text = '';
  for await (const chunk of stream) text += decoder.decode(chunk);
  return text;
}

/** The two ways to read a queue. */
const readers: [name: string, read: (queue: BodyQueue) => Promise<string>][] = [
  ['as a whole', async (queue) => (await queue.all()).toString('latin1')],
  ['as a stream', (queue) => textOf(queue.stream())],
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
      'small ones before and after large ones',
      ['a', 'b', 'x'.repeat(512), 'c', 'd', 'y'.repeat(511), 'e', 'f'.repeat(4000), 'g', 'h'],
    ],
    ['many small ones', Array.from({ length: 20_000 }, (_, i) => String.fromCharCode(32 + (i % 90)))],
    ['many of some bytes', Array.from({ length: 200 }, (_, i) => String.fromCharCode(32 + (i % 90)).repeat(i))],
  ])('%s, at any pace', async (_, chunks) => {
    const whole = chunks.join('');
    const atOnce = queueOf(...chunks).queue;
    expect(atOnce.queuedBytes).toBe(whole.length);
    atOnce.end();
    expect(await read(atOnce)).toBe(whole);
    expect(atOnce.queuedBytes).toBe(0);

    for (const batch of [1, 3, 1000]) {
      const { queue } = queueOf();
      const reading = read(queue);
      const given = chunks.slice(0, 2000);
      for (let i = 0; i < given.length; i += batch) {
        for (const chunk of given.slice(i, i + batch)) queue.push(Buffer.from(chunk));
        if (i % 5 === 0) await later();
      }
      queue.end();
      expect(await reading).toBe(given.join(''));
    }
  });

  test('calls onWanted when it is empty, and only then', async () => {
    const { queue, wanted } = queueOf('a', 'b'.repeat(600), 'c');
    const reading = read(queue);
    expect(queue.isUsed).toBe(true);
    await later();
    expect(wanted).toHaveBeenCalledTimes(1);
    queue.push(Buffer.from('d'));
    await later();
    expect(wanted).toHaveBeenCalledTimes(2);
    queue.end();
    expect(await reading).toBe(`a${'b'.repeat(600)}cd`);
    expect(wanted).toHaveBeenCalledTimes(2);
  });

  test('does not call onWanted when the body is complete', async () => {
    const { queue, wanted } = queueOf('a');
    queue.end();
    await read(queue);
    expect(wanted).not.toHaveBeenCalled();
  });

  test.each(['before', 'while it waits', 'when some is read'])('rejects when the body fails %s', async (when) => {
    const error = new RangeError('no');
    const { queue } = queueOf('Hel');
    if (when === 'before') queue.fail(error);
    const reading = read(queue);
    reading.catch(() => {});
    if (when === 'when some is read') await later();
    queue.fail(error);
    queue.fail(new Error('later'));
    queue.push(Buffer.from('lo'));
    queue.end();
    await expect(reading).rejects.toBe(error);
    expect(queue.isClosed).toBe(true);
  });

  test('ignores a failure after the end', async () => {
    const { queue } = queueOf('Hello');
    queue.end();
    queue.fail(new Error('no'));
    expect(queue.isClosed).toBe(false);
    expect(await read(queue)).toBe('Hello');
  });

  test('leaves shared memory to its owner', async () => {
    const pooled = Buffer.from('shared');
    const neighbour = Buffer.from('neighbour');
    const { queue } = queueOf(pooled);
    queue.end();
    expect(await read(queue)).toBe('shared');
    expect(neighbour.toString()).toBe('neighbour');
    expect(pooled.buffer.byteLength).toBeGreaterThan(0);
    expect(Buffer.from('more').toString()).toBe('more');
  });

  test('rejects when it is cancelled while it is read', async () => {
    const { queue } = queueOf('Hel');
    const reading = read(queue);
    reading.catch(() => {});
    await later();
    queue.cancel();
    await expect(reading).rejects.toThrow('was cancelled');
  });
});

describe('isFull', () => {
  test('is set from the high-water mark on', () => {
    const { queue } = queueOf();
    for (let bytes = 0; bytes < HIGH; bytes++) {
      expect(queue.isFull).toBe(false);
      queue.push(Buffer.from('x'));
    }
    expect(queue.isFull).toBe(true);
    expect(queue.queuedBytes).toBe(HIGH);
  });

  test('is reset by reading, which then calls onWanted', async () => {
    const { queue, wanted } = queueOf('x'.repeat(600), 'y'.repeat(600));
    const reader = queue.stream().getReader();
    await later();
    expect(queue.isFull).toBe(true); // a stream without a reader pulls nothing
    await reader.read();
    expect([queue.isFull, queue.queuedBytes]).toEqual([false, 600]);
    await reader.read();
    await later();
    expect([queue.queuedBytes, wanted.mock.calls.length]).toEqual([0, 0]);
    const reading = reader.read();
    await later();
    expect(wanted).toHaveBeenCalledTimes(1);
    queue.push(Buffer.from('z'));
    expect(Buffer.from((await reading).value!).toString()).toBe('z');
  });

  test('small chunks are joined', async () => {
    const { queue } = queueOf();
    for (let i = 0; i < 900; i++) queue.push(Buffer.from('x'));
    queue.end();
    let chunks = 0;
    for await (const _ of queue.stream()) chunks++;
    expect(chunks).toBe(1);
  });
});

describe('cancel', () => {
  test('drops the queued chunks, and calls onWanted', async () => {
    const { queue, wanted } = queueOf('Hello');
    queue.cancel();
    expect([queue.queuedBytes, queue.isClosed, queue.isUsed, queue.isFull]).toEqual([0, true, true, false]);
    expect(wanted).toHaveBeenCalledTimes(1);
    queue.push(Buffer.from('more'));
    expect(queue.queuedBytes).toBe(0);
  });

  test('of the stream cancels the queue', async () => {
    const { queue, wanted } = queueOf('Hello');
    const stream = queue.stream();
    await stream.cancel();
    expect([queue.queuedBytes, queue.isClosed]).toEqual([0, true]);
    expect(wanted).toHaveBeenCalledTimes(1);
    expect(await textOf(stream)).toBe('');
  });

  test('of the stream while it is read', async () => {
    const { queue } = queueOf();
    const reader = queue.stream().getReader();
    const reading = reader.read();
    await later();
    await reader.cancel();
    expect(await reading).toEqual({ done: true, value: undefined });
    queue.push(Buffer.from('more'));
    queue.end();
    await later();
    expect(queue.isClosed).toBe(true);
  });

  test('of a stream whose chunk is on its way', async () => {
    const { queue } = queueOf('Hello');
    const reader = queue.stream().getReader();
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

  test('receives as much as fits, and the rest with the next read', async () => {
    const { queue } = queueOf('Hello', ' ', 'world');
    queue.end();
    const reader = queue.stream().getReader({ mode: 'byob' });
    expect(await read(reader, 3)).toEqual([false, 'Hel']);
    expect(await read(reader, 100)).toEqual([false, 'lo world']);
    expect(await read(reader, 100)).toEqual([true, '']);
    expect(await read(reader, 100)).toEqual([true, '']);
  });

  test('waits, and receives the end', async () => {
    const { queue, wanted } = queueOf();
    const reader = queue.stream().getReader({ mode: 'byob' });
    const first = read(reader, 10);
    await later();
    expect(wanted).toHaveBeenCalledTimes(1);
    queue.push(Buffer.from('Hello'));
    expect(await first).toEqual([false, 'Hello']);
    const second = read(reader, 10);
    await later();
    queue.end();
    expect(await second).toEqual([true, '']);
  });

  test('receives a failure', async () => {
    const { queue } = queueOf();
    const reader = queue.stream().getReader({ mode: 'byob' });
    const reading = read(reader, 10);
    const error = new Error('no');
    queue.fail(error);
    await expect(reading).rejects.toBe(error);
  });

  test('can alternate with a reader without a buffer', async () => {
    const { queue } = queueOf('Hello');
    queue.end();
    const stream = queue.stream();
    const own = stream.getReader({ mode: 'byob' });
    expect(await read(own, 2)).toEqual([false, 'He']);
    own.releaseLock();
    expect(await textOf(stream)).toBe('llo');
  });
});
