import { deflateRawSync, constants as zlib } from 'node:zlib';
import type { FrameSpec } from '../support/websocket-frames.js';
import {
  binary,
  CASE_MAX_PAYLOAD_BYTES,
  continued,
  fragments,
  gotBinary,
  gotClose,
  gotPong,
  gotText,
  notFinal,
  piecesOf,
  ping,
  text,
  type WebSocketCase,
} from './case.js';

const OFFER = 'permessage-deflate; client_max_window_bits';
const HELLO = 'Hello, world!';
const RSV1 = 4;
const compressed = { rsv: RSV1 };

/** The payload of a compressed message, RFC 7692 section 7.2.1. */
function deflated(message: Uint8Array | string, options = {}): Buffer {
  const bytes = deflateRawSync(message, { finishFlush: zlib.Z_SYNC_FLUSH, ...options });
  return bytes.subarray(0, -4);
}

const letters = (size: number): string => 'Lorem ipsum dolor sit amet, é. '.repeat(size / 31 + 1).slice(0, size);

function inFrames(opcode: number, payload: Buffer, size: number): FrameSpec[] {
  return fragments(opcode, piecesOf(payload, size)).map((frame, i) => (i === 0 ? { ...frame, rsv: RSV1 } : frame));
}

const sizes: WebSocketCase[] = [0, 16, 64, 256, 1024, 4096, 16384, 65536, 131072, 400_000].flatMap((size, i) => {
  const message = letters(size);
  const bytes = Buffer.from(message, 'latin1');
  const payload = deflated(message);
  return [
    {
      id: `12.1.${i + 1}`,
      name: `a compressed text of ${size} characters`,
      send: [text(payload, compressed)],
      get: [gotText(message)],
    },
    {
      id: `12.2.${i + 1}`,
      name: `two compressed binary messages of ${size} bytes`,
      send: [binary(deflated(bytes), compressed), binary(deflated(bytes), compressed)],
      get: [gotBinary(bytes), gotBinary(bytes)],
    },
    {
      id: `12.3.${i + 1}`,
      name: `a compressed text of ${size} characters in frames of 100 bytes`,
      send: inFrames(1, payload, 100),
      get: [gotText(message)],
    },
  ].map((row) => ({ ...row, offer: OFFER }));
});

const OFFERS = [
  'permessage-deflate',
  'permessage-deflate; client_no_context_takeover; server_no_context_takeover',
  'permessage-deflate; server_max_window_bits=9',
  'permessage-deflate; server_max_window_bits="10"; client_max_window_bits=15',
  'x-unknown, permessage-deflate; unknown=1, permessage-deflate; client_max_window_bits=9',
];

const offers: WebSocketCase[] = OFFERS.map((offer, i) => {
  const message = letters(8192);
  return {
    id: `13.${i + 1}`,
    name: `compressed and other messages by ${offer}`,
    send: [text(deflated(message, { windowBits: 9 }), compressed), text(message), text(deflated(HELLO), compressed)],
    get: [gotText(message), gotText(message), gotText(HELLO)],
    offer,
  };
});

const rules: WebSocketCase[] = [
  {
    id: 'deflate.1',
    name: 'a ping between the frames of a compressed message',
    send: [
      text(deflated(HELLO).subarray(0, 3), { ...notFinal, ...compressed }),
      ping('a'),
      continued(deflated(HELLO).subarray(3)),
    ],
    get: [gotPong('a'), gotText(HELLO)],
  },
  {
    id: 'deflate.2',
    name: 'RSV1 in a continuation',
    send: [text(deflated(HELLO), { ...notFinal, ...compressed }), continued('', compressed)],
    get: [gotClose(1002)],
  },
  { id: 'deflate.3', name: 'RSV1 in a ping', send: [ping('', compressed)], get: [gotClose(1002)] },
  {
    id: 'deflate.4',
    name: 'data that cannot be decompressed',
    send: [binary(Buffer.alloc(20, 0xff), compressed)],
    get: [gotClose(1007)],
  },
  {
    id: 'deflate.5',
    name: 'compressed text that is not UTF-8',
    send: [text(deflated(Buffer.from('ceba80', 'hex')), compressed)],
    get: [gotClose(1007)],
  },
  {
    id: 'deflate.6',
    name: 'as much as the limit when decompressed',
    send: [binary(deflated(Buffer.alloc(CASE_MAX_PAYLOAD_BYTES)), compressed)],
    get: [gotBinary(Buffer.alloc(CASE_MAX_PAYLOAD_BYTES))],
  },
  {
    id: 'deflate.7',
    name: 'more than the limit when decompressed',
    send: [binary(deflated(Buffer.alloc(CASE_MAX_PAYLOAD_BYTES + 1)), compressed)],
    get: [gotClose(1009)],
  },
  {
    id: 'deflate.8',
    name: 'far more than the limit when decompressed',
    send: [text(deflated(Buffer.alloc(64 * CASE_MAX_PAYLOAD_BYTES)), compressed)],
    get: [gotClose(1009)],
  },
  {
    id: 'deflate.9',
    name: 'several blocks, an uncompressed one, and one that is marked as the last',
    send: [
      text(
        Buffer.concat([deflateRawSync('Hello', { finishFlush: zlib.Z_SYNC_FLUSH }), deflated(', world!')]),
        compressed,
      ),
      text(deflated(HELLO, { level: 0 }), compressed),
      text(Buffer.concat([deflateRawSync(HELLO), Buffer.of(0)]), compressed),
    ],
    get: [gotText(HELLO), gotText(HELLO), gotText(HELLO)],
  },
].map((row) => ({ ...row, offer: OFFER }));

const DECLINED = [
  'permessage-deflate; server_max_window_bits=16',
  'permessage-deflate; server_max_window_bits',
  'permessage-deflate; client_no_context_takeover=1',
  'permessage-deflate; client_max_window_bits; client_max_window_bits',
  'x-webkit-deflate-frame',
];

const declined: WebSocketCase[] = DECLINED.map((offer, i) => ({
  id: `declined.${i + 1}`,
  name: `a compressed message although declined: ${offer}`,
  send: [text(HELLO), text(deflated(HELLO), compressed)],
  get: [gotText(HELLO), gotClose(1002)],
  offer,
}));

export const DEFLATE_CASES: readonly WebSocketCase[] = [...sizes, ...offers, ...rules, ...declined];
