import { expect, test } from 'vitest';
import { CloseCode, Opcode } from '../../../../src/http/websocket/frame.js';
import {
  frameOf,
  serverHeadBytes,
  textFrame,
  textFrameBytesMax,
  writeBinary,
  writeClose,
  writeControl,
  writeHead,
  writeText,
} from '../../../../src/http/websocket/frame-writer.js';
import { type ServerFrame, serverFrames } from '../../../support/websocket-frames.js';

const AT = 5;

/** The only frame that `write` writes at AT; the bytes around it must not change. */
function written(size: number, write: (bytes: Buffer) => number): ServerFrame {
  const bytes = Buffer.alloc(AT + size + 5, 0xee);
  const end = write(bytes);
  expect(bytes.subarray(0, AT).every((byte) => byte === 0xee)).toBe(true);
  expect(bytes.subarray(AT + size).every((byte) => byte === 0xee)).toBe(true);
  const [frame, ...others] = serverFrames(bytes.subarray(AT, end));
  expect(others).toEqual([]);
  expect(frame).toMatchObject({ isFinal: true, isMasked: false });
  return frame!;
}

/** Lengths around those where the head becomes longer. */
const LENGTHS = [0, 1, 41, 42, 62, 63, 124, 125, 126, 127, 21845, 21846, 32767, 32768, 65535, 65536];

test.each(['a', 'é', '日', '🎉'])('texts of %s are written in every length of head', (character) => {
  for (const length of LENGTHS) {
    const text = character.repeat(length);
    const frame = written(textFrameBytesMax(text), (bytes) => writeText(bytes, AT, text));
    expect(frame).toMatchObject({ opcode: Opcode.text, rsv: 0 });
    expect(frame.payload.equals(Buffer.from(text)), `${length} characters`).toBe(true);
    expect(textFrame(text).equals(frameOf(Opcode.text, Buffer.from(text)))).toBe(true);
  }
});

test('half a surrogate pair becomes U+FFFD', () => {
  const frame = written(textFrameBytesMax('a\ud800b'), (bytes) => writeText(bytes, AT, 'a\ud800b'));
  expect(frame.payload.toString()).toBe('a\ufffdb');
  expect(serverFrames(textFrame('\udc00'))[0]!.payload.toString()).toBe('\ufffd');
});

test('binary messages are written in every length of head', () => {
  for (const length of LENGTHS) {
    const message = Buffer.alloc(length, length);
    const frame = written(serverHeadBytes(length) + length, (bytes) => writeBinary(bytes, AT, message));
    expect(frame.opcode).toBe(Opcode.binary);
    expect(frame.payload.equals(message)).toBe(true);
    const [same] = serverFrames(frameOf(Opcode.binary, message));
    expect(same!.opcode).toBe(Opcode.binary);
    expect(same!.payload.equals(message)).toBe(true);
  }
});

test('a length beyond 32 bits is written in 64', () => {
  const bytes = Buffer.alloc(10);
  expect(writeHead(bytes, 0, Opcode.binary, 2 ** 33 + 5)).toBe(10);
  expect(bytes.toString('hex')).toBe('827f0000000200000005');
});

test('RSV1 marks a compressed message', () => {
  expect(serverFrames(frameOf(Opcode.text, Buffer.from('abc'), true))[0]).toMatchObject({
    rsv: 4,
    opcode: Opcode.text,
  });
});

test('control frames are written', () => {
  const payload = Buffer.alloc(125, 7);
  expect(written(127, (bytes) => writeControl(bytes, AT, Opcode.pong, payload))).toEqual({
    opcode: Opcode.pong,
    isFinal: true,
    isMasked: false,
    rsv: 0,
    payload,
  });
  expect(written(2, (bytes) => writeControl(bytes, AT, Opcode.ping, Buffer.alloc(0))).payload).toHaveLength(0);
});

test.each([
  ['a code', 1000, '', '03e8'],
  ['a code and a reason', 4999, 'bye', '1387627965'],
  ['without code', CloseCode.none, 'dropped', ''],
  ['a reason of 123 bytes', 1001, 'x'.repeat(123), `03e9${'78'.repeat(123)}`],
  ['a reason that is longer', 1001, 'x'.repeat(200), `03e9${'78'.repeat(123)}`],
  ['a reason that is cut at a character', 1001, 'é'.repeat(100), `03e9${'c3a9'.repeat(61)}`],
])('a close frame with %s', (_, code, reason, payload) => {
  const frame = written(127, (bytes) => writeClose(bytes, AT, code, reason));
  expect(frame.opcode).toBe(Opcode.close);
  expect(frame.payload.toString('hex')).toBe(payload);
});
