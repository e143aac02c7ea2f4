import {
  binary,
  closePayload,
  continued,
  fragments,
  gotBinary,
  gotClose,
  gotPong,
  gotText,
  notFinal,
  ping,
  pong,
  text,
  type WebSocketCase,
} from './case.js';

const HELLO = 'Hello, world!';
const OPCODE = { text: 1, ping: 9, pong: 10 };
const NOT_TEXT = Buffer.from('00fffefdfcfb00ff', 'hex');
const PAYLOAD_SIZES = [0, 125, 126, 127, 128, 65535, 65536, 65537];

const sizes: WebSocketCase[] = PAYLOAD_SIZES.flatMap((size, i) => [
  {
    id: `1.1.${i + 1}`,
    name: `a text of ${size} bytes`,
    send: [text('*'.repeat(size))],
    get: [gotText('*'.repeat(size))],
  },
  {
    id: `1.2.${i + 1}`,
    name: `a binary message of ${size} bytes`,
    send: [binary(Buffer.alloc(size, 0xfe))],
    get: [gotBinary(Buffer.alloc(size, 0xfe))],
  },
]);

const numbered = Array.from({ length: 10 }, (_, i) => `payload-${i}`);

const pings: WebSocketCase[] = [
  { id: '2.1', name: 'a ping without payload', send: [ping()], get: [gotPong()] },
  { id: '2.2', name: 'a ping with text', send: [ping(HELLO)], get: [gotPong(HELLO)] },
  { id: '2.3', name: 'a ping with bytes that are not UTF-8', send: [ping(NOT_TEXT)], get: [gotPong(NOT_TEXT)] },
  {
    id: '2.4',
    name: 'a ping of 125 bytes',
    send: [ping(Buffer.alloc(125, 0xfe))],
    get: [gotPong(Buffer.alloc(125, 0xfe))],
  },
  { id: '2.5', name: 'a ping of 126 bytes', send: [ping(Buffer.alloc(126, 0xfe))], get: [gotClose(1002)] },
  {
    id: '2.6',
    name: 'pings around a message',
    send: [ping('a'), text(HELLO), ping('b')],
    get: [gotPong('a'), gotText(HELLO), gotPong('b')],
  },
  { id: '2.7', name: 'a pong without a ping', send: [pong()], get: [] },
  { id: '2.8', name: 'a pong with payload without a ping', send: [pong('unsolicited')], get: [] },
  {
    id: '2.9',
    name: 'a pong without a ping, then a ping',
    send: [pong('unsolicited'), ping('ping payload')],
    get: [gotPong('ping payload')],
  },
  { id: '2.10', name: 'ten pings', send: numbered.map((payload) => ping(payload)), get: numbered.map(gotPong) },
];

const reserved: WebSocketCase[] = [
  { id: '3.1', name: 'RSV3 in a text', send: [text(HELLO, { rsv: 1 })], get: [gotClose(1002)] },
  {
    id: '3.2',
    name: 'RSV2 in the second text, then a ping',
    send: [text(HELLO), text(HELLO, { rsv: 2 }), ping()],
    get: [gotText(HELLO), gotClose(1002)],
  },
  {
    id: '3.3',
    name: 'RSV2 and RSV3 in an empty text, then a ping',
    send: [text(HELLO), text('', { rsv: 3 }), ping()],
    get: [gotText(HELLO), gotClose(1002)],
  },
  {
    id: '3.4',
    name: 'RSV1 in a text without an extension',
    send: [text(HELLO), text(HELLO, { rsv: 4 }), ping()],
    get: [gotText(HELLO), gotClose(1002)],
  },
  { id: '3.5', name: 'RSV1 and RSV3 in a binary message', send: [binary(NOT_TEXT, { rsv: 5 })], get: [gotClose(1002)] },
  { id: '3.6', name: 'RSV1 and RSV2 in a ping', send: [ping(HELLO, { rsv: 6 })], get: [gotClose(1002)] },
  {
    id: '3.7',
    name: 'all reserved bits in a close frame',
    send: [closePayload('', { rsv: 7 })],
    get: [gotClose(1002)],
  },
];

const opcodes: WebSocketCase[] = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((opcode, i) => {
  const id = `4.${opcode < 8 ? 1 : 2}.${(i % 5) + 1}`;
  return [
    { id, name: `opcode ${opcode}`, send: [{ opcode }], get: [gotClose(1002)] },
    {
      id,
      name: `opcode ${opcode} with payload, between a text and a ping`,
      send: [text(HELLO), { opcode, payload: HELLO }, ping()],
      get: [gotText(HELLO), gotClose(1002)],
    },
  ];
});

const fragmented: WebSocketCase[] = [
  { id: '5.1', name: 'a ping in two frames', send: fragments(OPCODE.ping, ['a', 'b']), get: [gotClose(1002)] },
  { id: '5.2', name: 'a pong in two frames', send: fragments(OPCODE.pong, ['a', 'b']), get: [gotClose(1002)] },
  {
    id: '5.3',
    name: 'a text in two frames',
    send: fragments(OPCODE.text, ['fragment1', 'fragment2']),
    get: [gotText('fragment1fragment2')],
  },
  {
    id: '5.4',
    name: 'two texts in two frames each',
    send: [...fragments(OPCODE.text, ['a', 'b']), ...fragments(OPCODE.text, ['c', 'd'])],
    get: [gotText('ab'), gotText('cd')],
  },
  {
    id: '5.5',
    name: 'a text in twenty frames',
    send: fragments(OPCODE.text, [...'abcdefghijklmnopqrst']),
    get: [gotText('abcdefghijklmnopqrst')],
  },
  {
    id: '5.6',
    name: 'a ping between the frames of a text',
    send: [text('fragment1', notFinal), ping('ping payload'), continued('fragment2')],
    get: [gotPong('ping payload'), gotText('fragment1fragment2')],
  },
  {
    id: '5.7',
    name: 'an empty ping between the frames of a text',
    send: [text('fragment1', notFinal), ping(), continued('fragment2')],
    get: [gotPong(), gotText('fragment1fragment2')],
  },
  {
    id: '5.8',
    name: 'a ping of 125 bytes between the frames of a text',
    send: [text('fragment1', notFinal), ping(Buffer.alloc(125, 7)), continued('fragment2')],
    get: [gotPong(Buffer.alloc(125, 7)), gotText('fragment1fragment2')],
  },
  {
    id: '5.9',
    name: 'a final continuation of nothing, then a text',
    send: [continued('nothing'), text(HELLO)],
    get: [gotClose(1002)],
  },
  { id: '5.10', name: 'an empty final continuation of nothing', send: [continued('')], get: [gotClose(1002)] },
  {
    id: '5.11',
    name: 'a final continuation after a text',
    send: [text(HELLO), continued('nothing')],
    get: [gotText(HELLO), gotClose(1002)],
  },
  {
    id: '5.12',
    name: 'a continuation of nothing, then a text',
    send: [continued('nothing', notFinal), text(HELLO)],
    get: [gotClose(1002)],
  },
  { id: '5.13', name: 'an empty continuation of nothing', send: [continued('', notFinal)], get: [gotClose(1002)] },
  {
    id: '5.14',
    name: 'a continuation after a text',
    send: [text(HELLO), continued('nothing', notFinal)],
    get: [gotText(HELLO), gotClose(1002)],
  },
  {
    id: '5.15',
    name: 'a text in two frames, a continuation of nothing, then a text',
    send: [...fragments(OPCODE.text, ['a', 'b']), continued('nothing', notFinal), text(HELLO)],
    get: [gotText('ab'), gotClose(1002)],
  },
  {
    id: '5.16',
    name: 'continuations around a text that has not ended',
    send: [continued('a', notFinal), text('b', notFinal), continued('c')],
    get: [gotClose(1002)],
  },
  {
    id: '5.17',
    name: 'final continuations around a text that has not ended',
    send: [continued('a'), text('b', notFinal), continued('c')],
    get: [gotClose(1002)],
  },
  {
    id: '5.18',
    name: 'a text inside a text',
    send: [text('fragment1', notFinal), text('fragment2')],
    get: [gotClose(1002)],
  },
  {
    id: '5.18',
    name: 'a binary message inside a text',
    send: [text('fragment1', notFinal), binary('fragment2')],
    get: [gotClose(1002)],
  },
  {
    id: '5.19',
    name: 'a text in five frames with pings between them',
    send: [
      text('fragment1', notFinal),
      continued('fragment2', notFinal),
      ping('ping 1'),
      continued('fragment3', notFinal),
      continued('fragment4', notFinal),
      ping('ping 2'),
      continued('fragment5'),
    ],
    get: [gotPong('ping 1'), gotPong('ping 2'), gotText('fragment1fragment2fragment3fragment4fragment5')],
  },
  {
    id: '5.20',
    name: 'pongs and a ping between the frames of a binary message',
    send: [binary('a', notFinal), pong('x'), continued('', notFinal), ping('y'), pong(), continued('b')],
    get: [gotPong('y'), gotBinary('ab')],
  },
];

/** Not in Autobahn, whose clients always mask and always use the shortest length. */
const forms: WebSocketCase[] = [
  { id: 'mask.1', name: 'a text without mask', send: [text(HELLO, { key: null })], get: [gotClose(1002)] },
  { id: 'mask.2', name: 'a ping without mask', send: [ping('', { key: null })], get: [gotClose(1002)] },
  {
    id: 'mask.3',
    name: 'a close frame without mask',
    send: [closePayload('', { key: null })],
    get: [gotClose(1002)],
  },
  {
    id: 'mask.4',
    name: 'keys that repeat, and zero',
    send: [text(HELLO, { key: [0, 0, 0, 0] }), text(HELLO, { key: [255, 255, 255, 255] })],
    get: [gotText(HELLO), gotText(HELLO)],
  },
  {
    id: 'length.1',
    name: '125 bytes as 16 bits',
    send: [text('*'.repeat(125), { lengthBits: 16 })],
    get: [gotClose(1002)],
  },
  { id: 'length.2', name: '0 bytes as 16 bits', send: [text('', { lengthBits: 16 })], get: [gotClose(1002)] },
  { id: 'length.3', name: '1 byte as 64 bits', send: [binary('*', { lengthBits: 64 })], get: [gotClose(1002)] },
  {
    id: 'length.4',
    name: '65535 bytes as 64 bits',
    send: [binary(Buffer.alloc(65535), { lengthBits: 64 })],
    get: [gotClose(1002)],
  },
  {
    id: 'length.5',
    name: 'the highest bit of a length of 64 bits',
    send: [Buffer.from('82ff8000000000010000', 'hex'), Buffer.alloc(16)],
    get: [gotClose(1002)],
  },
  {
    id: 'length.6',
    name: 'a ping with a length of 16 bits',
    send: [ping('', { lengthBits: 16 })],
    get: [gotClose(1002)],
  },
];

export const FRAMING_CASES: readonly WebSocketCase[] = [
  ...sizes,
  ...pings,
  ...reserved,
  ...opcodes,
  ...fragmented,
  ...forms,
];
