import { deepStrictEqual } from 'node:assert';
import { expect, test } from 'vitest';
import type { ReceiveRules } from '../../../../src/http/websocket/deliver.js';
import { below, seeded } from '../../../support/random.js';
import { eventsOf } from '../../../support/websocket-events.js';
import { clientFrame } from '../../../support/websocket-frames.js';
import { modelEvents } from '../../../support/websocket-model.js';

/** `FRAMES=1000000` for the long run. */
const FRAMES = Number(process.env['FRAMES'] ?? 20_000);
const TIMEOUT_MS = 30_000 + FRAMES;

const MAX_PAYLOAD_BYTES = 400;
const rules: ReceiveRules = { maxPayloadBytes: MAX_PAYLOAD_BYTES, inflater: null };

type Next = () => number;
const oneOf = <T>(next: Next, all: readonly T[]): T => all[below(next, all.length)]!;

const OPCODES = [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 8, 9, 9, 10];
const LENGTHS = [0, 1, 2, 3, 5, 7, 15, 16, 17, 40, 100, 124, 125, 126, 127, 200, 399, 400, 401];
const TEXTS = [
  '',
  'a',
  'Hello',
  'é',
  '日本',
  '🎉',
  'ab🎉cd',
  '\u{10ffff}\ud7ff',
  'plain ASCII that is longer than 16 bytes',
];
const CODES = [0, 999, 1000, 1001, 1003, 1004, 1005, 1006, 1007, 1014, 1015, 1016, 2999, 3000, 4999, 5000, 65535];

const randomBytes = (next: Next, length: number): Buffer => Buffer.from(Array.from({ length }, () => below(next, 256)));

function payloadFor(next: Next, opcode: number): Buffer {
  if (opcode === 8 && next() < 0.9) {
    if (next() < 0.1) return randomBytes(next, below(next, 2));
    const code = Buffer.alloc(2);
    code.writeUInt16BE(oneOf(next, CODES));
    return Buffer.concat([code, Buffer.from(oneOf(next, TEXTS))]);
  }
  if (next() < 0.2) return randomBytes(next, oneOf(next, LENGTHS));
  if (next() < 0.3) return Buffer.alloc(oneOf(next, LENGTHS), 0x61);
  // A piece of a text may begin or end inside a character, which fits together if the next frame has the rest.
  const text = Buffer.from(Array.from({ length: 1 + below(next, 4) }, () => oneOf(next, TEXTS)).join(''));
  return next() < 0.8 ? text : text.subarray(below(next, 3), text.length - below(next, 3));
}

function frame(next: Next, isOpen: boolean): { bytes: Buffer; opcode: number; isFinal: boolean } {
  const opcode = next() < 0.9 ? oneOf(next, isOpen ? [0, 0, 0, 9, 10] : OPCODES.slice(3)) : below(next, 16);
  const isFinal = opcode >= 8 ? next() < 0.98 : next() < 0.6;
  const bytes = clientFrame({
    opcode,
    payload: payloadFor(next, opcode),
    isFinal,
    rsv: next() < 0.01 ? below(next, 8) : 0,
    key: next() < 0.01 ? null : [...randomBytes(next, 4)],
    ...(next() < 0.01 ? { lengthBits: 64 } : {}),
  });
  return { bytes, opcode, isFinal };
}

/** Up to eight frames that are mostly in order, then up to two mutations anywhere. */
function mutated(next: Next): { bytes: Buffer; frames: number } {
  const frames: Buffer[] = [];
  let isOpen = false;
  for (let i = 1 + below(next, 8); i > 0; i--) {
    const { bytes, opcode, isFinal } = frame(next, isOpen);
    frames.push(bytes);
    if (opcode < 8) isOpen = !isFinal;
  }
  let bytes = Buffer.concat(frames);
  for (let i = below(next, 3); i > 0 && bytes.length > 0; i--) {
    const at = below(next, bytes.length);
    const to = at + below(next, 6);
    switch (below(next, 5)) {
      case 0:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), randomBytes(next, 1 + below(next, 4)), bytes.subarray(at)]);
        break;
      case 2:
        bytes[at]! ^= 1 << below(next, 8);
        break;
      case 3:
        bytes[at] = below(next, 256);
        break;
      default:
        bytes = bytes.subarray(0, at);
    }
  }
  return { bytes, frames: frames.length };
}

function cut(next: Next, bytes: Buffer): Buffer[] {
  const pieces: Buffer[] = [];
  const most = oneOf(next, [1, 4, 30, 300]);
  for (let at = 0; at < bytes.length; ) {
    const to = at + 1 + below(next, most);
    pieces.push(bytes.subarray(at, to));
    at = to;
  }
  return pieces;
}

test(
  'mutated frames are taken or refused as the model has it, however they are cut',
  () => {
    const next = seeded();
    const seen = new Map<string, number>();
    for (let frames = 0, round = 1; frames < FRAMES; round++) {
      const input = mutated(next);
      frames += input.frames;
      const expected = modelEvents(input.bytes, MAX_PAYLOAD_BYTES);
      try {
        deepStrictEqual(eventsOf([input.bytes], rules, below(next, 8)), expected);
        deepStrictEqual(eventsOf(cut(next, input.bytes), rules, below(next, 8)), expected);
      } catch (error) {
        throw new Error(`round ${round}, ${input.bytes.toString('hex')}`, { cause: error });
      }
      for (const event of expected) {
        const [kind, code] = event.split(' ');
        const key = kind === 'fail' ? `${kind} ${code}` : kind!;
        seen.set(key, (seen.get(key) ?? 0) + 1);
      }
    }
    for (const key of ['text', 'binary', 'ping', 'pong', 'close', 'fail 1002', 'fail 1007', 'fail 1009'])
      expect(seen.get(key), key).toBeGreaterThan(FRAMES / 2000);
  },
  TIMEOUT_MS,
);
