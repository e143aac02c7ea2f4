import { describe, expect, test } from 'vitest';
import { COMPLETE } from '../../../../src/http/request/parser.js';
import { parseEveryWay } from '../../../support/heads.js';

/**
 * Two servers that end a request at different bytes parse different requests behind it. Each head below has two ends.
 */
const post = (...lines: string[]) => `${['POST / HTTP/1.1', 'Host: a', ...lines].join('\r\n')}\r\n\r\n`;
const LENGTH = 'Content-Length: 5';
const CHUNKED = 'Transfer-Encoding: chunked';

/** [name, head] */
const shapes: [string, string][] = [
  // Both lengths: CL.TE and TE.CL.
  ['a length, then chunked', post(LENGTH, CHUNKED)],
  ['chunked, then a length', post(CHUNKED, LENGTH)],
  ['chunked between two lengths', post(LENGTH, CHUNKED, LENGTH)],
  ['a length of 0 and chunked', post('Content-Length: 0', CHUNKED)],
  ['a length and a coding of many', post(LENGTH, 'Transfer-Encoding: gzip, chunked')],
  ['a length and an unknown coding', post(LENGTH, 'Transfer-Encoding: xchunked')],
  ['a length and an empty coding', post(LENGTH, 'Transfer-Encoding:')],
  ['a length and identity', post(LENGTH, 'Transfer-Encoding: identity')],
  ['both, in odd case', post('content-LENGTH: 5', 'tRANSFER-eNCODING: cHUNKED')],
  ['both, the length named by Connection', post('Connection: close, content-length', LENGTH, CHUNKED)],
  ['a length and chunked in HTTP/1.0', post(LENGTH, CHUNKED).replace('1.1', '1.0')],
  ['chunked in HTTP/1.0', post(CHUNKED).replace('1.1', '1.0')],
  // A transfer coding that one of them ignores: TE.TE.
  ['a space before the colon', post(LENGTH, 'Transfer-Encoding : chunked')],
  ['a tab before the colon', post(LENGTH, 'Transfer-Encoding\t: chunked')],
  ['a vertical tab before the colon', post('Transfer-Encoding\x0b: chunked')],
  ['a NUL before the colon', post('Transfer-Encoding\0: chunked')],
  ['a space before the name', post(LENGTH, ' Transfer-Encoding: chunked')],
  ['a tab before the name', post('X: y', '\tTransfer-Encoding: chunked')],
  ['a space in the name', post('Transfer Encoding: chunked')],
  ['a quoted name', post('"Transfer-Encoding": chunked')],
  ['a colon before the name', post(':Transfer-Encoding: chunked')],
  ['obs-text before the name', post('\xffTransfer-Encoding: chunked')],
  ['obs-text behind the name', post('Transfer-Encoding\xa0: chunked')],
  ['a byte order mark before the name', post('\xef\xbb\xbfTransfer-Encoding: chunked')],
  ['no colon', post('Transfer-Encoding chunked')],
  ['a folded value', post(LENGTH, 'Transfer-Encoding:', ' chunked')],
  ['a value folded with a tab', post('Transfer-Encoding:', '\tchunked')],
  ['a folded value of another field', post('X: y', ' Transfer-Encoding: chunked')],
  ['a vertical tab before chunked', post('Transfer-Encoding:\x0bchunked')],
  ['a form feed before chunked', post('Transfer-Encoding: \x0cchunked')],
  ['a NUL before chunked', post('Transfer-Encoding: \0chunked')],
  ['a NUL behind chunked', post('Transfer-Encoding: chunked\0')],
  ['a backspace in chunked', post('Transfer-Encoding: chunk\x08ed')],
  ['a delete behind chunked', post('Transfer-Encoding: chunked\x7f')],
  ['a no-break space behind chunked', post('Transfer-Encoding: chunked\xa0')],
  ['a no-break space before chunked', post('Transfer-Encoding: \xa0chunked')],
  ['a next-line control behind chunked', post('Transfer-Encoding: chunked\x85')],
  ['a long s for no letter', post('Transfer-Encoding: chunked\xdf')],
  ['xchunked', post('Transfer-Encoding: xchunked')],
  ['chunkedx', post('Transfer-Encoding: chunkedx')],
  ['chunked twice over', post('Transfer-Encoding: chunkedchunked')],
  ['chunk', post('Transfer-Encoding: chunk')],
  ['cow', post('Transfer-Encoding: cow')],
  ['chunked, cow', post('Transfer-Encoding: chunked, cow')],
  ['cow, chunked', post('Transfer-Encoding: cow, chunked')],
  ['identity, chunked', post('Transfer-Encoding: identity, chunked')],
  ['chunked, identity', post('Transfer-Encoding: chunked, identity')],
  ['chunked, chunked', post('Transfer-Encoding: chunked, chunked')],
  ['chunked with a parameter', post('Transfer-Encoding: chunked; q=1')],
  ['chunked with a semicolon', post('Transfer-Encoding: chunked;')],
  ['chunked behind a space, not a comma', post('Transfer-Encoding: x chunked')],
  ['chunked behind a tab, not a comma', post('Transfer-Encoding: x\tchunked')],
  ['chunked in double quotes', post('Transfer-Encoding: "chunked"')],
  ['chunked in single quotes', post("Transfer-Encoding: 'chunked'")],
  ['chunked in brackets', post('Transfer-Encoding: [chunked]')],
  ['chunked behind an equals sign', post('Transfer-Encoding: =chunked')],
  ['chunked in two fields', post(CHUNKED, CHUNKED)],
  ['chunked, then another in a second field', post(CHUNKED, 'Transfer-Encoding: cow')],
  ['another, then chunked in a second field', post('Transfer-Encoding: cow', CHUNKED)],
  ['chunked, then an odd name', post(CHUNKED, 'Transfer-encoding: identity')],
  ['a CR behind chunked', post('Transfer-Encoding: chunked\r')],
  ['a CR before chunked', post('Transfer-Encoding: \rchunked')],
  // Line ends that one of them does not accept.
  ['a coding behind a bare LF', post('X: y\nTransfer-Encoding: chunked')],
  ['a coding behind a bare CR', post('X: y\rTransfer-Encoding: chunked')],
  ['a coding behind CR CR LF', post('X: y\r', CHUNKED)],
  ['a coding behind a NUL', post('X: y\0Transfer-Encoding: chunked')],
  ['lines that end in CR', `POST / HTTP/1.1\rHost: a\rContent-Length: 5\r\r${post()}`],
  ['lines that end in LF', 'POST / HTTP/1.1\nHost: a\nContent-Length: 5\n\n'],
  ['a head that ends in LF LF', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\n\n'],
  ['a head that ends in CRLF LF', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\n'],
  ['a head that ends in CR CRLF', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\r\n'],
  ['an empty line in LF first', `\n${post(LENGTH)}`],
  ['a line of a space before the end', post(LENGTH, ' ')],
  ['a second request line among the fields', post('GET /b HTTP/1.1', LENGTH)],
  ['a second request line in the target', `POST / HTTP/1.1\tGET /b HTTP/1.1\r\nHost: a\r\n\r\n`],
  // Lengths that one of them parses differently: CL.CL.
  ['two lengths', post(LENGTH, 'Content-Length: 6')],
  ['two equal lengths', post(LENGTH, LENGTH)],
  ['a list of lengths', post('Content-Length: 5, 6')],
  ['a list of equal lengths', post('Content-Length: 5, 5')],
  ['a list with an empty element', post('Content-Length: ,5')],
  ['lengths separated by a space', post('Content-Length: 5 5')],
  ['lengths behind a tab', post('Content-Length: 5\t6')],
  ['a plus', post('Content-Length: +5')],
  ['a minus', post('Content-Length: -5')],
  ['hexadecimal', post('Content-Length: 0x5')],
  ['octal', post('Content-Length: 0o5')],
  ['binary', post('Content-Length: 0b1')],
  ['digits of hexadecimal', post('Content-Length: 1f')],
  ['a fraction', post('Content-Length: 5.0')],
  ['an exponent', post('Content-Length: 1e1')],
  ['an underscore', post('Content-Length: 1_0')],
  ['a semicolon', post('Content-Length: 5;')],
  ['quotes', post('Content-Length: "5"')],
  ['an empty length', post('Content-Length:')],
  ['an empty length and another', post('Content-Length:', LENGTH)],
  ['a superscript digit', post('Content-Length: \xb9')],
  ['a no-break space', post('Content-Length: 5\xa0')],
  ['a vertical tab', post('Content-Length:\x0b5')],
  ['a NUL', post('Content-Length: 5\0')],
  ['a length that wraps at 32 bits', post('Content-Length: 4294967301')],
  ['a length that wraps at 64 bits', post('Content-Length: 18446744073709551621')],
  ['a length behind many zeros', post('Content-Length: 00000000000000005')],
  ['a space before the colon of a length', post('Content-Length : 5')],
  ['a folded length', post('Content-Length:', ' 5')],
  ['a length folded in the middle', post('Content-Length: 1', ' 0')],
  // Hosts that one of them parses differently.
  ['two Hosts', post('Host: b')],
  ['a Host with a space before its colon', post('Host : b')],
  ['a Host of two', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n'],
  ['a Host with another in its userinfo', 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n'],
  ['a folded Host', 'GET / HTTP/1.1\r\nHost:\r\n a\r\n\r\n'],
];

test('every name is unique', () => {
  expect(new Set(shapes.map(([name]) => name)).size).toBe(shapes.length);
});

describe('rejects', () => {
  test.each(shapes)('%s', (_, text) => {
    expect(parseEveryWay(text).result).toBeGreaterThanOrEqual(400);
  });
});

test('the unambiguous heads are accepted', () => {
  expect(parseEveryWay(post(LENGTH)).result).toBe(COMPLETE);
  expect(parseEveryWay(post(CHUNKED)).result).toBe(COMPLETE);
});

test('a field whose name only resembles Content-Length has no effect', () => {
  for (const name of ['Content_Length', 'X-Content-Length', 'Content-Lengths', 'Content.Length', 'Transfer_Encoding']) {
    const { parsed } = parseEveryWay(post(`${name}: chunked`));
    expect(parsed?.contentLength, name).toBe(0);
  }
});
