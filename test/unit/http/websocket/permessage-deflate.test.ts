import { randomBytes } from 'node:crypto';
import { createInflateRaw, deflateRawSync, inflateRawSync, constants as zlib } from 'node:zlib';
import { expect, test } from 'vitest';
import { Failure } from '../../../../src/http/websocket/failure.js';
import { MessageDeflater, MessageInflater } from '../../../../src/http/websocket/permessage-deflate.js';

const TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const MAX = 1 << 20;
const WORDS = Buffer.from('The quick brown fox jumps over the lazy dog. '.repeat(40));
/** Sizes around those of the window, and of what zlib returns at once. */
const SIZES = [0, 1, 100, 500, 1023, 1024, 1025, 16383, 16384, 16385, 32768, 40_000, 65_536, 300_000];

const halfRandom = (size: number): Buffer =>
  Buffer.concat([randomBytes(size >> 1), Buffer.alloc(size - (size >> 1), 'abc')]);

/** What a client makes of the messages of a connection, in one stream of zlib. */
async function clientInflates(payloads: readonly Buffer[], windowBits: number): Promise<Buffer> {
  const stream = createInflateRaw({ windowBits });
  for (const payload of payloads) stream.write(Buffer.concat([payload, TAIL]));
  stream.end(Buffer.from([3, 0])); // an empty last block
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function inflate(inflater: MessageInflater, payload: Buffer, max = MAX): Buffer | number {
  const around = Buffer.concat([Buffer.alloc(3, 0xff), payload, Buffer.alloc(3, 0xff)]);
  return inflater.inflate(around, 3, 3 + payload.length, max);
}

test.each([9, 12, 15])('messages of every size have their bytes again, window of %i bits', async (windowBits) => {
  const deflater = new MessageDeflater(windowBits, false, 6);
  const inflater = new MessageInflater(false);
  for (const size of SIZES) {
    const message = halfRandom(size);
    const payload = deflater.deflate(message);
    expect((inflate(inflater, payload) as Buffer).equals(message), `${size} bytes`).toBe(true);
    expect((await clientInflates([payload], windowBits)).equals(message), `${size} bytes, client`).toBe(true);
  }
});

test.each([9, 15])('with context later messages refer to earlier ones, window of %i bits', async (windowBits) => {
  const deflater = new MessageDeflater(windowBits, true, 6);
  const inflater = new MessageInflater(true);
  const message = WORDS.subarray(0, 300);
  const messages = [message, message, ...SIZES.map(halfRandom), message];
  const payloads = messages.map((each) => deflater.deflate(each));
  expect(payloads[1]!.length).toBeLessThan(payloads[0]!.length / 3);
  expect((await clientInflates(payloads, windowBits)).equals(Buffer.concat(messages))).toBe(true);
  for (const [i, payload] of payloads.entries())
    expect((inflate(inflater, payload) as Buffer).equals(messages[i]!)).toBe(true);
});

test('a message as long as the limit is decompressed, a longer one is not', () => {
  const inflater = new MessageInflater(false);
  for (const max of [1, 100, 16384, 100_000]) {
    const payload = (size: number) =>
      deflateRawSync(Buffer.alloc(size), { finishFlush: zlib.Z_SYNC_FLUSH }).subarray(0, -4);
    expect(inflate(inflater, payload(max), max)).toEqual(Buffer.alloc(max));
    expect(inflate(inflater, payload(max + 1), max)).toBe(Failure.tooBig);
    expect(inflate(inflater, payload(100 * max), max)).toBe(Failure.tooBig);
  }
});

test('data that cannot be decompressed is a failure, and the next message is not affected', () => {
  const inflater = new MessageInflater(false);
  expect(inflate(inflater, Buffer.alloc(10, 0xff))).toBe(Failure.compressedData);
  const withContext = new MessageDeflater(15, true, 6);
  withContext.deflate(WORDS);
  expect(inflate(inflater, withContext.deflate(WORDS))).toBe(Failure.compressedData);
  expect(inflate(inflater, new MessageDeflater(15, false, 6).deflate(WORDS))).toEqual(WORDS);
});

test('a small result has little memory', () => {
  const result = inflate(new MessageInflater(false), new MessageDeflater(15, false, 6).deflate(WORDS.subarray(0, 100)));
  expect((result as Buffer).buffer.byteLength).toBeLessThanOrEqual(8192);
});

test('an empty message has a payload of one byte or more', () => {
  const payload = new MessageDeflater(15, false, 6).deflate(Buffer.alloc(0));
  expect(payload.length).toBeGreaterThan(0);
  expect(inflateRawSync(Buffer.concat([payload, TAIL]), { finishFlush: zlib.Z_SYNC_FLUSH })).toHaveLength(0);
  expect(inflate(new MessageInflater(false), Buffer.alloc(0))).toEqual(Buffer.alloc(0));
});
