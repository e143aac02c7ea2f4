import { clientFrame } from '../support/websocket-frames.js';
import { continued, fragments, gotClose, gotText, notFinal, text, type WebSocketCase } from './case.js';

const TEXT = 1;
const GREETING = 'Hello-µ@ßöäüàá-UTF-8!!';
const KOSME = 'cebae1bdb9cf83cebcceb5';
const SURROGATE = 'eda080';
const EDITED = '656469746564';

/** Sequences of bytes after Markus Kuhn's test file, in hex. */
const SEQUENCES: [id: string, what: string, isValid: boolean, ...hex: string[]][] = [
  [
    '6.2',
    'text in several scripts',
    true,
    Buffer.from(GREETING).toString('hex'),
    Buffer.from('日本語 🎉').toString('hex'),
  ],
  ['6.3', 'a surrogate between two words', false, KOSME + SURROGATE + EDITED],
  ['6.5', 'a Greek word', true, KOSME],
  ['6.6', 'a word that ends with a character', true, ...[2, 5, 7, 9, 11].map((bytes) => KOSME.slice(0, 2 * bytes))],
  ['6.6', 'a word that ends inside one', false, ...[1, 3, 4, 6, 8, 10].map((bytes) => KOSME.slice(0, 2 * bytes))],
  ['6.7', 'the first character of a length', true, '00', 'c280', 'e0a080', 'f0908080'],
  ['6.8', 'the first one of 5 and 6 bytes', false, 'f888808080', 'fc8480808080'],
  ['6.9', 'the last character of a length', true, '7f', 'dfbf', 'efbfbf', 'f48fbfbf'],
  ['6.10', 'the last one of 4, 5 and 6 bytes', false, 'f7bfbfbf', 'fbbfbfbfbf', 'fdbfbfbfbfbf'],
  ['6.11', 'the neighbours of what is invalid', true, 'ed9fbf', 'ee8080', 'efbfbd', 'f48fbfbf'],
  ['6.11', 'the first beyond U+10FFFF', false, 'f4908080'],
  ['6.12', 'continuation bytes alone', false, '80', 'bf', '80bf', '80bf80', '80bf80bf', '80bf80bf80', '80bf80bf80bf'],
  ['6.13', 'first bytes alone', false, 'c020c120', 'c220df20', 'e020ef20', 'f020f720', 'f820fb20', 'fc20fd20'],
  ['6.14', 'without the last byte', false, 'c0', 'e080', 'f08080', 'f8808080', 'fc80808080'],
  ['6.14', 'without the last byte of the last', false, 'df', 'efbf', 'f7bfbf', 'fbbfbfbf', 'fdbfbfbfbf'],
  ['6.15', 'incomplete ones in a row', false, 'c0e080f08080f8808080fc80808080dfefbff7bfbffbbfbfbffdbfbfbfbf'],
  ['6.16', 'impossible bytes', false, 'fe', 'ff', 'fefeffff'],
  ['6.17', 'a slash in too many bytes', false, 'c0af', 'e080af', 'f08080af', 'f8808080af', 'fc80808080af'],
  ['6.18', 'the last one in too many bytes', false, 'c1bf', 'e09fbf', 'f08fbfbf', 'f887bfbfbf', 'fc83bfbfbfbf'],
  ['6.19', 'NUL in too many bytes', false, 'c080', 'e08080', 'f0808080', 'f880808080', 'fc8080808080'],
  ['6.20', 'a surrogate', false, 'eda080', 'edadbf', 'edae80', 'edafbf', 'edb080', 'edbe80', 'edbfbf'],
  ['6.21', 'two surrogates', false, 'eda080edb080', 'eda080edbfbf', 'edadbfedb080', 'edafbfedbfbf'],
  [
    '6.22',
    'noncharacters',
    true,
    'efb790',
    'efbfbe',
    'efbfbf',
    'f09fbfbe',
    'f09fbfbf',
    'f3bfbfbe',
    'f48fbfbe',
    'f48fbfbf',
  ],
  ['6.23', 'specials', true, 'efbfb9', 'efbfba', 'efbfbb', 'efbfbc', 'efbfbd', 'efbbbf'],
];

const bytesOf = (hex: string): Buffer => Buffer.from(hex, 'hex');

const sequences: WebSocketCase[] = SEQUENCES.flatMap(([id, what, isValid, ...all]) =>
  all.flatMap((hex) => {
    const bytes = bytesOf(hex);
    const get = [isValid ? gotText(bytes) : gotClose(1007)];
    const padded = Buffer.concat([Buffer.alloc(40, 0x61), bytes]);
    return [
      { id, name: `${what}: ${hex}`, send: [text(bytes)], get },
      {
        id,
        name: `${what}, a byte a frame: ${hex}`,
        send: fragments(
          TEXT,
          [...bytes].map((byte) => Buffer.of(byte)),
        ),
        get,
      },
      {
        id,
        name: `${what}, behind ASCII: ${hex}`,
        send: [text(padded)],
        get: [isValid ? gotText(padded) : gotClose(1007)],
      },
    ];
  }),
);

const empty: WebSocketCase[] = [
  { id: '6.1.1', name: 'an empty text', send: [text('')], get: [gotText('')] },
  { id: '6.1.2', name: 'three empty frames', send: fragments(TEXT, ['', '', '']), get: [gotText('')] },
  {
    id: '6.1.3',
    name: 'text between empty frames',
    send: fragments(TEXT, ['', 'middle', '']),
    get: [gotText('middle')],
  },
];

/** More of the text could follow: only a server that fails at the first invalid byte closes with 1007 here. */
const atOnce: WebSocketCase[] = [
  {
    id: '6.4.1',
    name: 'an invalid second frame fails before the third',
    send: [text(bytesOf(KOSME), notFinal), continued(bytesOf('f4908080'), notFinal)],
    get: [gotClose(1007)],
  },
  {
    id: '6.4.2',
    name: 'a character that became invalid across frames fails before it is complete',
    send: [text(bytesOf(`${KOSME}f4`), notFinal), continued(bytesOf('90'), notFinal)],
    get: [gotClose(1007)],
  },
  {
    id: '6.4.3',
    name: 'invalid bytes fail before the rest of their frame',
    send: [clientFrame(text(bytesOf(`${KOSME}f4908080${EDITED.repeat(20)}`))).subarray(0, 6 + 11 + 4)],
    get: [gotClose(1007)],
  },
  {
    id: '6.4.4',
    name: 'a character that became invalid fails before the rest of its frame',
    send: [clientFrame(text(bytesOf(`${KOSME}f490${EDITED.repeat(20)}`))).subarray(0, 6 + 11 + 2)],
    get: [gotClose(1007)],
  },
];

export const UTF8_CASES: readonly WebSocketCase[] = [...empty, ...sequences, ...atOnce];
