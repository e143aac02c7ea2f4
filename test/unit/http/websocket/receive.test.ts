import { expect, test } from 'vitest';
import type { ReceiveRules } from '../../../../src/http/websocket/deliver.js';
import type { PartialMessage } from '../../../../src/http/websocket/partial-message.js';
import { MessageInflater } from '../../../../src/http/websocket/permessage-deflate.js';
import { receive } from '../../../../src/http/websocket/receive.js';
import { eventsOf, RecordingSink, receivePieces } from '../../../support/websocket-events.js';
import { clientFrame, type FrameSpec } from '../../../support/websocket-frames.js';

const rules: ReceiveRules = { maxPayloadBytes: 1000, inflater: null };

const bytesOf = (...frames: FrameSpec[]): Buffer => Buffer.concat(frames.map(clientFrame));
const hex = (text: string): string => Buffer.from(text).toString('hex');

const HELLO: FrameSpec = { opcode: 1, payload: 'Hello' };
const BYTES: FrameSpec = { opcode: 2, payload: 'bytes' };

test('between messages a connection has no state', () => {
  const bytes = bytesOf(HELLO, { opcode: 9 }, { ...BYTES, isFinal: false }, { opcode: 10 }, { opcode: 0 }, HELLO);
  const sink = new RecordingSink();
  for (let cut = 0; cut <= bytes.length; cut++) {
    const partial = receivePieces([bytes.subarray(0, cut), bytes.subarray(cut)], rules, sink);
    expect(partial, `cut at ${cut}`).toBeNull();
  }
  expect(receivePieces([bytesOf(HELLO)], rules, sink)).toBeNull();
  for (let cut = 1; cut < 11; cut++)
    expect(receivePieces([bytesOf(HELLO).subarray(0, cut)], rules, sink)).not.toBeNull();
});

test('a message that was read whole is where it was read; one in parts is owned by the sink', () => {
  class Sink extends RecordingSink {
    readonly given: Buffer[] = [];
    override onBinary(bytes: Buffer, start: number, end: number, isOwned: boolean): boolean {
      this.given.push(bytes);
      return super.onBinary(bytes, start, end, isOwned);
    }
  }
  const sink = new Sink();
  const bytes = bytesOf(BYTES);
  receive(bytes, 0, bytes.length, null, rules, sink);
  expect(sink.given[0]).toBe(bytes);
  expect(sink.owned).toEqual([]);
  const parts = bytesOf(BYTES, { ...BYTES, isFinal: false }, { opcode: 0, payload: '!' });
  receivePieces([parts.subarray(0, 8), parts.subarray(8)], rules, sink);
  expect(sink.owned.map(String)).toEqual(['bytes', 'bytes!']);
});

test.each(['onText', 'onBinary', 'onPing', 'onPong'] as const)(
  'nothing is read after %s has returned false',
  (method) => {
    const frames: { [method: string]: FrameSpec } = {
      onText: HELLO,
      onBinary: BYTES,
      onPing: { opcode: 9 },
      onPong: { opcode: 10 },
    };
    const bytes = bytesOf(frames[method]!, HELLO, HELLO);
    for (const cut of [0, 3]) {
      const sink = new RecordingSink();
      const stopping = Object.assign(sink, { [method]: () => false });
      expect(receivePieces([bytes.subarray(0, cut), bytes.subarray(cut)], rules, stopping)).toBeNull();
      expect(sink.events).toEqual([]);
    }
  },
);

test.each([
  ['a close frame', { opcode: 8, payload: Buffer.from('03e8627965', 'hex') }, `close 1000 ${hex('bye')}`],
  ['a failure', { opcode: 3 }, 'fail 1002'],
  ['text that is not UTF-8', { opcode: 1, payload: Buffer.of(0xff) }, 'fail 1007'],
  ['a message that is too big', { opcode: 2, payload: Buffer.alloc(1001) }, 'fail 1009'],
])('nothing is read after %s', (_, last, event) => {
  const bytes = bytesOf(HELLO, last, HELLO);
  expect(eventsOf([bytes], rules)).toEqual([`text ${hex('Hello')}`, event]);
  expect(
    eventsOf(
      Array.from(bytes, (byte) => Buffer.of(byte)),
      rules,
    ),
  ).toEqual([`text ${hex('Hello')}`, event]);
});

/** The memory of a message that is not complete. */
const memoryOf = (partial: PartialMessage | null): number => (partial as unknown as { bytes: Buffer }).bytes.length;

test('what a frame announces costs memory only as it comes', () => {
  const large: ReceiveRules = { maxPayloadBytes: 2 ** 24, inflater: null };
  const bytes = clientFrame({ opcode: 2, payload: Buffer.alloc(2 ** 20) });
  const sink = new RecordingSink();
  expect(memoryOf(receivePieces([bytes.subarray(0, 14)], large, sink))).toBeLessThan(1024);
  expect(memoryOf(receivePieces([bytes.subarray(0, 5000)], large, sink))).toBeLessThan(2 * 5000);
  expect(memoryOf(receivePieces([bytes.subarray(0, 600_000)], large, sink))).toBeLessThanOrEqual(2 ** 20);
});

test('empty fragments without end cost no memory', () => {
  const bytes = bytesOf(
    { opcode: 1, isFinal: false },
    ...Array.from({ length: 1000 }, () => ({ opcode: 0, isFinal: false })),
  );
  const sink = new RecordingSink();
  expect(memoryOf(receivePieces([bytes], rules, sink))).toBe(0);
  expect(sink.events).toEqual([]);
});

test('a pong in parts inside a message in parts leaves the message as it is', () => {
  const bytes = bytesOf(
    { ...HELLO, isFinal: false },
    { opcode: 10, payload: 'pong payload' },
    { opcode: 0, payload: '!' },
  );
  for (let cut = 12; cut < bytes.length; cut++) {
    const events = eventsOf([bytes.subarray(0, 12), bytes.subarray(12, cut), bytes.subarray(cut)], rules);
    expect(events, `cut at ${cut}`).toEqual([`pong ${hex('pong payload')}`, `text ${hex('Hello!')}`]);
  }
});

test('RSV1 needs compression to be negotiated', () => {
  const bytes = bytesOf({ opcode: 2, rsv: 4, payload: Buffer.from('f348cdc9c90700', 'hex') });
  expect(eventsOf([bytes], rules)).toEqual(['fail 1002']);
  const inflating: ReceiveRules = { maxPayloadBytes: 5, inflater: new MessageInflater(false) };
  expect(eventsOf([bytes], { ...inflating, maxPayloadBytes: 7 })).toEqual([`binary ${hex('Hello')}`]);
  expect(eventsOf([bytes], inflating)).toEqual(['fail 1009']);
});
