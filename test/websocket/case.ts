import { createHash } from 'node:crypto';
import type { FrameSpec } from '../support/websocket-frames.js';

/**
 * Cases after those of the Autobahn test suite for WebSocket servers, whose numbers they have, in our own words. The server
 * sends every message back as it is, text as text and binary as binary, takes messages of at most CASE_MAX_PAYLOAD_BYTES,
 * responds to pings and to the close frame, and then ends the connection.
 */
export interface WebSocketCase {
  id: string;
  name: string;
  /** What the client sends: frames, or bytes as they are. A close frame with 1000 follows unless the case has one. */
  send: readonly (FrameSpec | Buffer)[];
  /** What it gets, as `transcript` has it; `close 1000` follows unless the case ends otherwise. */
  get: readonly string[];
  /** The value of Sec-WebSocket-Extensions in its handshake; without it the field is not sent. */
  offer?: string;
}

export const CASE_MAX_PAYLOAD_BYTES = 2 ** 20;

type Options = Omit<FrameSpec, 'opcode' | 'payload'>;
type Payload = Uint8Array | string;

/** Frames of a client. */
export const continued = (payload: Payload, options: Options = {}): FrameSpec => ({ opcode: 0, payload, ...options });
export const text = (payload: Payload, options: Options = {}): FrameSpec => ({ opcode: 1, payload, ...options });
export const binary = (payload: Payload, options: Options = {}): FrameSpec => ({ opcode: 2, payload, ...options });
export const ping = (payload: Payload = '', options: Options = {}): FrameSpec => ({ opcode: 9, payload, ...options });
export const pong = (payload: Payload = '', options: Options = {}): FrameSpec => ({ opcode: 10, payload, ...options });
export const closePayload = (payload: Payload, options: Options = {}): FrameSpec => ({
  opcode: 8,
  payload,
  ...options,
});
export const close = (code: number, reason: Payload = ''): FrameSpec =>
  closePayload(Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]));

export const notFinal = { isFinal: false };

/** What a client gets. */
export const gotText = (payload: Payload): string => `text ${shown(payload)}`;
export const gotBinary = (payload: Payload): string => `binary ${shown(payload)}`;
export const gotPong = (payload: Payload = ''): string => `pong ${shown(payload)}`;
export const gotClose = (code: number): string => `close ${code}`;

/** A message in frames with these payloads. */
export function fragments(opcode: number, payloads: readonly Payload[]): FrameSpec[] {
  return payloads.map((payload, i) => ({
    opcode: i === 0 ? opcode : 0,
    payload,
    isFinal: i === payloads.length - 1,
  }));
}

/** Bytes in pieces of a size. */
export const piecesOf = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));

/** A payload as a transcript has it: short ones in hex, long ones by their length and a hash. */
export function shown(payload: Uint8Array | string): string {
  const bytes = Buffer.from(payload);
  if (bytes.length <= 150) return bytes.toString('hex');
  return `${bytes.length} bytes ${createHash('sha1').update(bytes).digest('hex')}`;
}
