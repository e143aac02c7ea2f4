import { deepStrictEqual } from 'node:assert';
import { describe, expect, test } from 'vitest';
import { ChunkedDecoder, DATA, END } from '../../../../src/http/request/chunked.js';
import { NEED_MORE } from '../../../../src/http/request/parser.js';
import { type ReadBody, readBody } from '../../../support/bodies.js';

const OVERHEAD = 40;

/** Decodes the text cut in every way, fails if two results differ, and returns the result. */
function readInEveryCut(text: string, overhead = OVERHEAD): ReadBody {
  const read = (all: string, cuts: number[] = []) => readBody(new ChunkedDecoder(overhead), all, cuts);
  const whole = read(text);
  const cuts = Array.from({ length: Math.max(0, text.length - 1) }, (_, i) => i + 1);
  deepStrictEqual(read(text, cuts), whole, 'byte by byte');
  for (const cut of cuts) deepStrictEqual(read(text, [cut]), whole, `cut at ${cut}`);
  if (whole.result !== NEED_MORE) {
    for (const after of ['\r\n', '0\r\n\r\n', 'GET / HTTP/1.1\r\n\r\n', '\0'])
      deepStrictEqual(read(text + after), whole, `with ${JSON.stringify(after)} behind it`);
  }
  if (whole.result === END) deepStrictEqual(read(text.slice(0, -1)).result, NEED_MORE, 'no beginning is a whole body');
  return whole;
}

describe('decodes', () => {
  /** [name, encoded, body] */
  const rows: [string, string, string][] = [
    ['an empty body', '0\r\n\r\n', ''],
    ['one chunk', '5\r\nhello\r\n0\r\n\r\n', 'hello'],
    ['several chunks', '5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n', 'hello world'],
    ['small letters', 'a\r\n0123456789\r\n0\r\n\r\n', '0123456789'],
    ['capitals', 'F\r\n0123456789ABCDE\r\n0\r\n\r\n', '0123456789ABCDE'],
    ['two digits', `1a\r\n${'x'.repeat(26)}\r\n0\r\n\r\n`, 'x'.repeat(26)],
    ['zeros before the size', '0005\r\nhello\r\n000\r\n\r\n', 'hello'],
    ['as many digits as allowed', '0000000000005\r\nhello\r\n0000000000000\r\n\r\n', 'hello'],
    ['line ends in the body', '8\r\n\r\n0\r\n\r\n\n\r\n0\r\n\r\n', '\r\n0\r\n\r\n\n'],
    ['every byte in the body', `2\r\n\0\xff\r\n0\r\n\r\n`, '\0\xff'],
    ['an extension', '5;a\r\nhello\r\n0\r\n\r\n', 'hello'],
    ['an extension with a value', '5;a=b\r\nhello\r\n0;c=d\r\n\r\n', 'hello'],
    ['several extensions', '5;a=b;c;d=e\r\nhello\r\n0\r\n\r\n', 'hello'],
    ['an extension with a quoted value', '5;a="b;\\"c\\" d\t"\r\nhello\r\n0\r\n\r\n', 'hello'],
    ['an extension with obs-text', '5;a="\xe4\xff"\r\nhello\r\n0\r\n\r\n', 'hello'],
    ['an extension behind whitespace', '5 \t;a\r\nhello\r\n0 ;b\r\n\r\n', 'hello'],
    ['an extension with whitespace', '5 ; a = b \r\nhello\r\n0\r\n\r\n', 'hello'],
    ['an empty extension', '5;\r\nhello\r\n0\r\n\r\n', 'hello'],
    ['a trailer', '5\r\nhello\r\n0\r\nA: b\r\n\r\n', 'hello'],
    ['several trailers', '0\r\nA: b\r\nC:\r\nD:e \t\xff\r\n\r\n', ''],
    ['a trailer that would be a length, thrown away', '0\r\nContent-Length: 5\r\n\r\n', ''],
  ];
  test.each(rows)('%s', (_, text, body) => {
    expect(readInEveryCut(text)).toEqual({ result: END, body, used: text.length });
  });

  test('sizes in upper and lower case', () => {
    for (let size = 1; size < 300; size++) {
      const body = 'x'.repeat(size);
      for (const digits of [size.toString(16), size.toString(16).toUpperCase()])
        expect(readBody(new ChunkedDecoder(0), `${digits}\r\n${body}\r\n0\r\n\r\n`)).toMatchObject({
          result: END,
          body,
        });
    }
  });
});

describe('rejects with 400', () => {
  test.each([
    ['no size', '\r\nhello'],
    ['an empty line before the size', '\r\n5\r\nhello\r\n'],
    ['an extension without a size', ';a\r\n'],
    ['a letter that is not a digit', 'g\r\n'],
    ['a letter behind digits', '5g\r\nhello\r\n'],
    ['an x behind a zero', '0x5\r\nhello\r\n'],
    ['a minus', '-5\r\nhello\r\n'],
    ['a plus', '+5\r\nhello\r\n'],
    ['a space before the size', ' 5\r\nhello\r\n'],
    ['a space behind the size', '5 \r\nhello\r\n'],
    ['a tab behind the size', '5\t\r\nhello\r\n'],
    ['whitespace behind the last size', '0  \r\n\r\n'],
    ['two sizes', '5 5\r\nhello\r\n'],
    ['a comma', '5,5\r\nhello\r\n'],
    ['a fraction', '5.0\r\nhello\r\n'],
    ['an underscore', '1_0\r\nhello\r\n'],
    ['a bit that would make a digit', '\x15\r\nhello\r\n'],
    ['a character that differs from a letter in one bit', '!\r\n'],
    ['obs-text', '\xb5\r\nhello\r\n'],
    ['more digits than a size has', '00000000000005\r\nhello\r\n'],
    ['a size that would overflow', '10000000000000005\r\nhello\r\n'],
    ['a bare LF behind the size', '5\nhello\r\n'],
    ['a bare CR behind the size', '5\rhello\r\n'],
    ['two CRs behind the size', '5\r\r\nhello\r\n'],
    ['a bare LF behind an extension', '5;a\nhello\r\n'],
    ['a bare CR in an extension', '5;a\rb\r\nhello\r\n'],
    ['a bare LF in a quoted value', '5;a="\n"\r\nhello\r\n'],
    ['a line end in a quoted value', '5;a="\r\n"\r\nhello\r\n'],
    ['a NUL in an extension', '5;a\0\r\nhello\r\n'],
    ['a delete in an extension', '5;a\x7f\r\nhello\r\n'],
    ['a vertical tab behind the size', '5\x0b;a\r\nhello\r\n'],
    ['less body than the size', '6\r\nhello\r\n0\r\n\r\n'],
    ['more body than the size', '4\r\nhello\r\n0\r\n\r\n'],
    ['no line end behind the body', '5\r\nhello0\r\n\r\n'],
    ['a bare LF behind the body', '5\r\nhello\n0\r\n\r\n'],
    ['a bare CR behind the body', '5\r\nhello\r0\r\n\r\n'],
    ['a bare LF behind the last size', '0\n\r\n'],
    ['a bare LF at the end', '0\r\n\n'],
    ['a bare CR at the end', '0\r\n\rx'],
    ['the next request in place of the end', '0\r\nGET / HTTP/1.1\r\n\r\n'],
    ['a trailer without a name', '0\r\n: b\r\n\r\n'],
    ['a trailer without a colon', '0\r\nA\r\n\r\n'],
    ['a trailer with a space before its colon', '0\r\nA : b\r\n\r\n'],
    ['a trailer with a space before its name', '0\r\n A: b\r\n\r\n'],
    ['a folded trailer', '0\r\nA: b\r\n c\r\n\r\n'],
    ['a trailer that ends in LF', '0\r\nA: b\n\r\n'],
    ['a trailer with a bare CR', '0\r\nA: b\rc\r\n\r\n'],
    ['a trailer with a NUL', '0\r\nA: b\0\r\n\r\n'],
  ])('%s', (_, text) => {
    expect(readInEveryCut(text).result).toBe(400);
  });
});

describe('limits what is not body', () => {
  const x = (length: number) => 'x'.repeat(length);
  test.each([
    ['an extension', `0;${x(OVERHEAD)}\r\n\r\n`, `0;${x(OVERHEAD + 1)}`],
    ['whitespace', `0${' '.repeat(OVERHEAD)};\r\n\r\n`, `0${' '.repeat(OVERHEAD + 2)}`],
    ['the name of a trailer', `0\r\n${x(OVERHEAD - 1)}:\r\n\r\n`, `0\r\n${x(OVERHEAD + 1)}`],
    ['the value of a trailer', `0\r\nA:${x(OVERHEAD - 2)}\r\n\r\n`, `0\r\nA:${x(OVERHEAD - 1)}`],
    ['trailers together', `0\r\n${'A:bc\r\n'.repeat(OVERHEAD / 4)}\r\n`, `0\r\n${'A:bc\r\n'.repeat(OVERHEAD / 4)}A`],
    ['extensions and trailers together', `0;${x(OVERHEAD - 2)}\r\nA:\r\n\r\n`, `0;${x(OVERHEAD - 2)}\r\nA:b`],
    [
      'extensions of all chunks together',
      `${'1;ab\r\nx\r\n'.repeat(OVERHEAD / 2)}0\r\n\r\n`,
      `${'1;ab\r\nx\r\n'.repeat(OVERHEAD / 2)}0;x`,
    ],
  ])('%s', (_, atLimit, above) => {
    expect(readInEveryCut(atLimit).result).toBe(END);
    expect(readInEveryCut(above)).toMatchObject({ result: 431, used: above.length });
  });

  test('the greatest size needs more bytes', () => {
    expect(readInEveryCut('fffffffffffff\r\nx')).toMatchObject({ result: NEED_MORE, body: 'x' });
  });
});

test('data is a range of the caller’s bytes', () => {
  const bytes = Buffer.from('..3\r\nabc\r\n2\r\nde');
  const decoder = new ChunkedDecoder(OVERHEAD);
  expect(decoder.next(bytes, 2, bytes.length)).toBe(DATA);
  expect([decoder.dataStart, decoder.dataEnd, decoder.position]).toEqual([5, 8, 8]);
  expect(decoder.next(bytes, 8, bytes.length)).toBe(DATA);
  expect([decoder.dataStart, decoder.dataEnd, decoder.position]).toEqual([13, 15, 15]);
  expect(decoder.next(bytes, 15, bytes.length)).toBe(NEED_MORE);
});

test('bytes behind the end are not read', () => {
  const decoder = new ChunkedDecoder(OVERHEAD);
  expect(readBody(decoder, '0\r\n\r\n').result).toBe(END);
  expect(decoder.next(Buffer.from('0'), 0, 1)).toBe(400);
});
