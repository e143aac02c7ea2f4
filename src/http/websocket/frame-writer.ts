import { type ControlOpcode, FIN, Opcode, REASON_BYTES_MAX, RSV1 } from './frame.js';

/** The most bytes of the head of a server's frame, which has no mask. */
export const SERVER_HEAD_BYTES_MAX = 10;

/** A character of a string is at most three bytes of UTF-8; one of four bytes is two in the string. */
const BYTES_PER_CHARACTER = 3;

/** The bytes of the head of a server's frame, RFC 6455 section 5.2. */
export function serverHeadBytes(payloadBytes: number): number {
  if (payloadBytes < 126) return 2;
  return payloadBytes < 65536 ? 4 : 10;
}

/**
 * Writes the head of a frame that is a whole message, or a control frame.
 * @param at where it starts; SERVER_HEAD_BYTES_MAX suffice
 * @param isCompressed whether the payload is that of a MessageDeflater
 * @returns where it ends, and the payload starts
 */
export function writeHead(
  bytes: Uint8Array,
  at: number,
  opcode: number,
  payloadBytes: number,
  isCompressed = false,
): number {
  bytes[at] = isCompressed ? FIN | RSV1 | opcode : FIN | opcode;
  if (payloadBytes < 126) {
    bytes[at + 1] = payloadBytes;
    return at + 2;
  }
  if (payloadBytes < 65536) {
    bytes[at + 1] = 126;
    bytes[at + 2] = payloadBytes >>> 8;
    bytes[at + 3] = payloadBytes;
    return at + 4;
  }
  bytes[at + 1] = 127;
  writeUint32(bytes, at + 2, Math.floor(payloadBytes / 2 ** 32));
  writeUint32(bytes, at + 6, payloadBytes);
  return at + 10;
}

/** Bytes that suffice for `writeText`, whatever the text consists of. */
export const textFrameBytesMax = (text: string): number => SERVER_HEAD_BYTES_MAX + BYTES_PER_CHARACTER * text.length;

/**
 * Writes a text message as UTF-8. Surrogates without their other half become U+FFFD.
 * @param at where it starts; `textFrameBytesMax(text)` bytes suffice
 * @returns where it ends
 */
export function writeText(bytes: Buffer, at: number, text: string): number {
  // Most texts are ASCII: the head is written for that, and moved if it needs more bytes.
  const guessed = serverHeadBytes(text.length);
  const payloadBytes = bytes.write(text, at + guessed, 'utf8');
  const needed = serverHeadBytes(payloadBytes);
  if (needed !== guessed) bytes.copyWithin(at + needed, at + guessed, at + guessed + payloadBytes);
  return writeHead(bytes, at, Opcode.text, payloadBytes) + payloadBytes;
}

/** Writes a binary message. Returns where it ends. @param at where it starts; SERVER_HEAD_BYTES_MAX and the message suffice */
export function writeBinary(bytes: Uint8Array, at: number, message: Uint8Array): number {
  const payloadAt = writeHead(bytes, at, Opcode.binary, message.length);
  bytes.set(message, payloadAt);
  return payloadAt + message.length;
}

/** Writes a control frame. Returns where it ends. @param payload at most CONTROL_BYTES_MAX */
export function writeControl(bytes: Uint8Array, at: number, opcode: ControlOpcode, payload: Uint8Array): number {
  bytes[at] = FIN | opcode;
  bytes[at + 1] = payload.length;
  bytes.set(payload, at + 2);
  return at + 2 + payload.length;
}

/**
 * Writes a close frame. Returns where it ends. 127 bytes suffice.
 * @param code CloseCode.none for a frame without one
 * @param reason cut behind the last character that ends within REASON_BYTES_MAX
 */
export function writeClose(bytes: Buffer, at: number, code: number, reason = ''): number {
  bytes[at] = FIN | Opcode.close;
  if (code === 1005) {
    bytes[at + 1] = 0;
    return at + 2;
  }
  bytes[at + 2] = code >>> 8;
  bytes[at + 3] = code;
  // Node writes whole characters only.
  const reasonBytes = reason === '' ? 0 : bytes.write(reason, at + 4, REASON_BYTES_MAX, 'utf8');
  bytes[at + 1] = 2 + reasonBytes;
  return at + 4 + reasonBytes;
}

/** A text message as a frame of its own. */
export function textFrame(text: string): Buffer {
  const payloadBytes = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(serverHeadBytes(payloadBytes) + payloadBytes);
  frame.write(text, writeHead(frame, 0, Opcode.text, payloadBytes), 'utf8');
  return frame;
}

/** A message or a control frame as a frame of its own. @param payload copied */
export function frameOf(opcode: number, payload: Uint8Array, isCompressed = false): Buffer {
  const frame = Buffer.allocUnsafe(serverHeadBytes(payload.length) + payload.length);
  frame.set(payload, writeHead(frame, 0, opcode, payload.length, isCompressed));
  return frame;
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
