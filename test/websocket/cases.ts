import { inflateRawSync, constants as zlib } from 'node:zlib';
import { clientFrame, serverFrames } from '../support/websocket-frames.js';
import { CASE_MAX_PAYLOAD_BYTES, piecesOf as cut, shown, type WebSocketCase } from './case.js';
import { CLOSE_CASES } from './close-cases.js';
import { DEFLATE_CASES } from './deflate-cases.js';
import { FRAMING_CASES } from './framing-cases.js';
import { LIMIT_CASES } from './limit-cases.js';
import { UTF8_CASES } from './utf8-cases.js';

export { CASE_MAX_PAYLOAD_BYTES };

/** All cases, for any server that echoes. */
export const WEBSOCKET_CASES: readonly WebSocketCase[] = [
  ...FRAMING_CASES,
  ...UTF8_CASES,
  ...CLOSE_CASES,
  ...LIMIT_CASES,
  ...DEFLATE_CASES,
];

/** How the bytes of a case are cut into writes: all in one, a frame each, a byte each if they are few, else odd pieces. */
export const SLICINGS = ['whole', 'frames', 'chopped'] as const;
export type Slicing = (typeof SLICINGS)[number];

/** Chopped into single bytes up to this, beyond it into pieces of a prime length. */
const SINGLE_BYTES_MAX = 1500;
const ODD_PIECE_BYTES = 997;

/**
 * A connection to the server: sends each piece as a write of its own.
 * @returns all that the server has sent after the handshake, up to the end of the connection
 */
export type Exchange = (pieces: readonly Buffer[], offer: string | undefined) => Promise<Buffer> | Buffer;

/** What the client has got in a case, to be equal to `expectedTranscript`. */
export async function runCase(row: WebSocketCase, slicing: Slicing, exchange: Exchange): Promise<string[]> {
  return transcript(await exchange(piecesOf(row, slicing), row.offer));
}

/** Ends with the close frame of the server. */
export function expectedTranscript({ get }: WebSocketCase): readonly string[] {
  return get.at(-1)?.startsWith('close ') ? get : [...get, 'close 1000'];
}

function piecesOf({ send }: WebSocketCase, slicing: Slicing): Buffer[] {
  const frames = send.map((part) => (Buffer.isBuffer(part) ? part : clientFrame(part)));
  const hasClose = send.some((part) => !Buffer.isBuffer(part) && part.opcode === 8);
  if (!hasClose) frames.push(clientFrame({ opcode: 8, payload: Buffer.from([0x03, 0xe8]) }));
  if (slicing === 'frames') return frames;
  const bytes = Buffer.concat(frames);
  if (slicing === 'whole') return [bytes];
  return cut(bytes, bytes.length <= SINGLE_BYTES_MAX ? 1 : ODD_PIECE_BYTES);
}

const KINDS: { [opcode: number]: string } = { 1: 'text', 2: 'binary', 8: 'close', 9: 'ping', 10: 'pong' };

/** The frames of a server as lines: `text`, `binary` or `pong` with the payload, `close` with the code. */
export function transcript(bytes: Buffer): string[] {
  return serverFrames(bytes).map(({ opcode, isFinal, isMasked, rsv, payload }) => {
    const kind = KINDS[opcode] ?? `opcode ${opcode}`;
    const faults = `${isFinal ? '' : ' not final'}${isMasked ? ' masked' : ''}${rsv & 3 ? ` rsv ${rsv}` : ''}`;
    if (opcode === 8) return `close${faults} ${payload.length === 0 ? 'without code' : payload.readUInt16BE()}`;
    // Whether a message is compressed is the server's choice.
    return `${kind}${faults} ${shown(rsv & 4 ? inflated(payload) : payload)}`;
  });
}

const inflated = (payload: Buffer): Buffer =>
  inflateRawSync(Buffer.concat([payload, Buffer.from([0, 0, 0xff, 0xff])]), { finishFlush: zlib.Z_SYNC_FLUSH });
