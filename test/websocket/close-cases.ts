import { close, closePayload, continued, gotClose, gotText, notFinal, ping, text, type WebSocketCase } from './case.js';

const HELLO = 'Hello, world!';
const LONG = '*'.repeat(256 * 1024);
const INVALID_UTF8 = Buffer.from('cebae1bdb9cf83cebcceb5eda080656469746564', 'hex');

const VALID = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
const INVALID = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535];

const order: WebSocketCase[] = [
  { id: '7.1.1', name: 'a text, then a close frame', send: [text(HELLO), close(1000)], get: [gotText(HELLO)] },
  { id: '7.1.2', name: 'two close frames', send: [close(1000), close(1000)], get: [] },
  { id: '7.1.3', name: 'a ping after the close frame', send: [close(1000), ping()], get: [] },
  { id: '7.1.4', name: 'a text after the close frame', send: [close(1000), text(HELLO)], get: [] },
  {
    id: '7.1.5',
    name: 'a close frame between the frames of a text',
    send: [text('fragment1', notFinal), close(1000), continued('fragment2')],
    get: [],
  },
  {
    id: '7.1.6',
    name: 'a long text, a close frame, then a ping',
    send: [text(LONG), close(1000), ping()],
    get: [gotText(LONG)],
  },
];

const payloads: WebSocketCase[] = [
  { id: '7.3.1', name: 'a close frame without code', send: [closePayload('')], get: ['close without code'] },
  { id: '7.3.2', name: 'a close frame of one byte', send: [closePayload('a')], get: [gotClose(1002)] },
  { id: '7.3.3', name: 'a close frame with a code', send: [close(1000)], get: [] },
  { id: '7.3.4', name: 'a close frame with a code and a reason', send: [close(1000, HELLO)], get: [] },
  { id: '7.3.5', name: 'a reason of 123 bytes', send: [close(1000, '*'.repeat(123))], get: [] },
  { id: '7.3.6', name: 'a reason of 124 bytes', send: [close(1000, '*'.repeat(124))], get: [gotClose(1002)] },
  { id: '7.5.1', name: 'a reason that is not UTF-8', send: [close(1000, INVALID_UTF8)], get: [gotClose(1007)] },
  {
    id: '7.5.1',
    name: 'a reason that ends inside a character',
    send: [close(1000, Buffer.from('cebae1bd', 'hex'))],
    get: [gotClose(1007)],
  },
];

const codes: WebSocketCase[] = [
  ...VALID.map((code, i) => ({
    id: `7.7.${i + 1}`,
    name: `the valid code ${code}`,
    send: [close(code)],
    get: [gotClose(code)],
  })),
  ...INVALID.map((code, i) => ({
    id: `7.9.${i + 1}`,
    name: `the invalid code ${code}`,
    send: [close(code)],
    get: [gotClose(1002)],
  })),
];

export const CLOSE_CASES: readonly WebSocketCase[] = [...order, ...payloads, ...codes];
