import {
  binary,
  CASE_MAX_PAYLOAD_BYTES,
  continued,
  fragments,
  gotBinary,
  gotClose,
  gotText,
  notFinal,
  piecesOf,
  text,
  type WebSocketCase,
} from './case.js';

const KIB = 1024;
const patterned = (size: number): Buffer => Buffer.from(Array.from({ length: size }, (_, i) => (i * 31) & 0xff));
const lettered = (size: number): string => 'abcdefghijklmnopqrstuvwxyz0123456789é'.repeat(size / 37 + 1).slice(0, size);

/** Smaller than Autobahn's, which go up to 16 MiB: these are run in every way of cutting. */
const large: WebSocketCase[] = [64 * KIB, 256 * KIB, 1000 * KIB].flatMap((size, i) => {
  const letters = lettered(size / 2);
  const bytes = patterned(size);
  return [
    { id: `9.1.${i + 1}`, name: `a text of ${size / 2} characters`, send: [text(letters)], get: [gotText(letters)] },
    { id: `9.2.${i + 1}`, name: `a binary message of ${size} bytes`, send: [binary(bytes)], get: [gotBinary(bytes)] },
  ];
});

const inFragments: WebSocketCase[] = [64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB].flatMap((size, i) => {
  const letters = Buffer.from(lettered(Math.min(100 * size, 400 * KIB)));
  const bytes = patterned(Math.min(100 * size, 400 * KIB));
  return [
    {
      id: `9.3.${i + 1}`,
      name: `a text in frames of ${size} bytes, which may end inside a character`,
      send: fragments(1, piecesOf(letters, size)),
      get: [gotText(letters)],
    },
    {
      id: `9.4.${i + 1}`,
      name: `a binary message in frames of ${size} bytes`,
      send: fragments(2, piecesOf(bytes, size)),
      get: [gotBinary(bytes)],
    },
  ];
});

const many: WebSocketCase[] = [0, 16, 64, 256, KIB].flatMap((size, i) => [
  {
    id: `9.7.${i + 1}`,
    name: `200 texts of ${size} bytes`,
    send: Array.from({ length: 200 }, () => text('*'.repeat(size))),
    get: Array.from({ length: 200 }, () => gotText('*'.repeat(size))),
  },
  {
    id: `9.8.${i + 1}`,
    name: `200 binary messages of ${size} bytes`,
    send: Array.from({ length: 200 }, () => binary(Buffer.alloc(size, 0xfe))),
    get: Array.from({ length: 200 }, () => gotBinary(Buffer.alloc(size, 0xfe))),
  },
]);

const frames1300 = lettered(64 * KIB);
const most = Buffer.alloc(CASE_MAX_PAYLOAD_BYTES, 0x61);
const tooMany = Buffer.alloc(CASE_MAX_PAYLOAD_BYTES + 1, 0x61);

const limits: WebSocketCase[] = [
  {
    id: '10.1.1',
    name: 'a text in frames of 1300 bytes',
    send: fragments(1, piecesOf(Buffer.from(frames1300), 1300)),
    get: [gotText(frames1300)],
  },
  { id: 'limit.1', name: 'a message as long as the limit', send: [binary(most)], get: [gotBinary(most)] },
  { id: 'limit.2', name: 'a message longer than the limit', send: [binary(tooMany)], get: [gotClose(1009)] },
  {
    id: 'limit.3',
    name: 'frames as long as the limit together',
    send: [text(most.subarray(1), notFinal), continued('b')],
    get: [gotText(Buffer.concat([most.subarray(1), Buffer.from('b')]))],
  },
  {
    id: 'limit.4',
    name: 'frames longer than the limit together',
    send: [text(most, notFinal), continued('', notFinal), continued('b')],
    get: [gotClose(1009)],
  },
  {
    id: 'limit.5',
    name: 'a head that announces more than the limit',
    send: [Buffer.from('82ff000fffffffffffff', 'hex')],
    get: [gotClose(1009)],
  },
];

export const LIMIT_CASES: readonly WebSocketCase[] = [...large, ...inFragments, ...many, ...limits];
