import { describe, expect, test } from 'vitest';
import { FieldId } from '../../../../src/http/headers.js';
import { resolveLimits } from '../../../../src/http/limits.js';
import { COMPLETE, NEED_MORE, RequestParser } from '../../../../src/http/request/parser.js';
import { hashPath } from '../../../../src/http/text.js';
import { type ParsedRequest, parseEveryWay, parseInPieces, parseWhole, requestOf } from '../../../support/heads.js';

const limits = resolveLimits();

/** A head of these lines. */
const head = (...lines: string[]) => `${lines.join('\r\n')}\r\n\r\n`;
/** A GET of HTTP/1.1 with these fields behind its Host. */
const get = (...fields: string[]) => head('GET / HTTP/1.1', 'Host: a', ...fields);
const withHost = (...hosts: string[]) => head('GET / HTTP/1.1', ...hosts.map((host) => `Host: ${host}`));
const bytesOf = (text: string) => Buffer.from(`${text}\0`, 'latin1');
const parse = (parser: RequestParser, text: string) => parser.parse(bytesOf(text), 0, text.length);

const HOST_FIELD: [string, string] = ['Host', 'a'];
const PLAIN: Partial<ParsedRequest> = {
  method: 'GET',
  target: '/',
  path: '/',
  minorVersion: 1,
  fields: [HOST_FIELD],
  contentLength: 0,
  keepAlive: true,
  expectContinue: false,
  headStart: 0,
};

/** [name, head, what differs from a plain GET] */
const accepted: [string, string, Partial<ParsedRequest>][] = [
  ['origin-form', get(), {}],
  ['a path', head('GET /a/b.html HTTP/1.1', 'Host: a'), { target: '/a/b.html', path: '/a/b.html' }],
  ['a query', head('GET /a?b=c?d/e HTTP/1.1', 'Host: a'), { target: '/a?b=c?d/e', path: '/a' }],
  ['an empty query', head('GET /? HTTP/1.1', 'Host: a'), { target: '/?', path: '/' }],
  ['two slashes', head('GET //a HTTP/1.1', 'Host: a'), { target: '//a', path: '//a' }],
  [
    'escapes, left alone',
    head('GET /%2e%2F%00%zz HTTP/1.1', 'Host: a'),
    { target: '/%2e%2F%00%zz', path: '/%2e%2F%00%zz' },
  ],
  [
    'every visible character',
    head('GET /!"$%&\'()*+,-./:;<=>@[\\]^_`{|}~ HTTP/1.1', 'Host: a'),
    {
      target: '/!"$%&\'()*+,-./:;<=>@[\\]^_`{|}~',
      path: '/!"$%&\'()*+,-./:;<=>@[\\]^_`{|}~',
    },
  ],
  [
    'a target that is not encoded',
    head('GET /\xe4\xff?\x80 HTTP/1.1', 'Host: a'),
    { target: '/\xe4\xff?\x80', path: '/\xe4\xff' },
  ],
  ['absolute-form', head('GET http://b/c HTTP/1.1', 'Host: a'), { target: 'http://b/c', path: '/c' }],
  [
    'absolute-form with a port',
    head('GET http://b:80/c?d HTTP/1.1', 'Host: a'),
    { target: 'http://b:80/c?d', path: '/c' },
  ],
  ['absolute-form with an empty port', head('GET http://b:/ HTTP/1.1', 'Host: a'), { target: 'http://b:/', path: '/' }],
  ['absolute-form without a path', head('GET http://b HTTP/1.1', 'Host: a'), { target: 'http://b', path: '' }],
  [
    'absolute-form with a port and no path',
    head('GET http://b:80 HTTP/1.1', 'Host: a'),
    { target: 'http://b:80', path: '' },
  ],
  [
    'absolute-form with a query and no path',
    head('GET http://b?/c HTTP/1.1', 'Host: a'),
    { target: 'http://b?/c', path: '' },
  ],
  ['absolute-form of https', head('GET https://b/c HTTP/1.1', 'Host: a'), { target: 'https://b/c', path: '/c' }],
  ['absolute-form in capitals', head('GET HTTP://B/c HTTP/1.1', 'Host: a'), { target: 'HTTP://B/c', path: '/c' }],
  [
    'absolute-form with IPv6',
    head('GET http://[::1]:80/c HTTP/1.1', 'Host: a'),
    { target: 'http://[::1]:80/c', path: '/c' },
  ],
  [
    'absolute-form, an empty Host',
    head('GET http://b/ HTTP/1.1', 'Host:'),
    { target: 'http://b/', fields: [['Host', '']] },
  ],
  ['asterisk-form', head('OPTIONS * HTTP/1.1', 'Host: a'), { method: 'OPTIONS', target: '*', path: '' }],
  ['OPTIONS of a path', head('OPTIONS /x HTTP/1.1', 'Host: a'), { method: 'OPTIONS', target: '/x', path: '/x' }],
  [
    'a path that begins with an asterisk',
    head('OPTIONS /* HTTP/1.1', 'Host: a'),
    { method: 'OPTIONS', target: '/*', path: '/*' },
  ],
  ...['HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE'].map(
    (method) =>
      [method, head(`${method} / HTTP/1.1`, 'Host: a'), { method }] as [string, string, Partial<ParsedRequest>],
  ),
  ['HTTP/1.0', head('GET / HTTP/1.0', 'Host: a'), { minorVersion: 0, keepAlive: false }],
  ['HTTP/1.0 without Host', head('GET / HTTP/1.0'), { minorVersion: 0, keepAlive: false, fields: [] }],
  [
    'HTTP/1.0 with a length',
    head('POST / HTTP/1.0', 'Content-Length: 5'),
    {
      method: 'POST',
      minorVersion: 0,
      keepAlive: false,
      fields: [['Content-Length', '5']],
      contentLength: 5,
    },
  ],
  ['a later version is 1.1', head('GET / HTTP/1.2', 'Host: a'), {}],
  ['the last version of 1', head('GET / HTTP/1.9', 'Host: a'), {}],
  ['an empty line first', `\r\n${get()}`, { headStart: 2 }],
  ['no space behind the colon', get('A:b'), { fields: [HOST_FIELD, ['A', 'b']] }],
  ['whitespace around a value', get('A: \t b c\t d \t '), { fields: [HOST_FIELD, ['A', 'b c\t d']] }],
  ['an empty value', get('A:'), { fields: [HOST_FIELD, ['A', '']] }],
  ['a value of whitespace', get('A: \t \t'), { fields: [HOST_FIELD, ['A', '']] }],
  ['colons in a value', get('A::b:'), { fields: [HOST_FIELD, ['A', ':b:']] }],
  ['obs-text', get('A: \x80\xa0\xff'), { fields: [HOST_FIELD, ['A', '\x80\xa0\xff']] }],
  ['obs-text at the ends is not whitespace', get('A:\xa0b\x85'), { fields: [HOST_FIELD, ['A', '\xa0b\x85']] }],
  ['every token character', get("!#$%&'*+-.^_`|~09azAZ: b"), { fields: [HOST_FIELD, ["!#$%&'*+-.^_`|~09azAZ", 'b']] }],
  ['fields of one name', get('A: b', 'A: c'), { fields: [HOST_FIELD, ['A', 'b'], ['A', 'c']] }],
  [
    'a name that is almost known',
    get('Hos: b', 'Hostt: c', 'Content_Length: 5', 'Content-Lengtt: 5'),
    {
      fields: [HOST_FIELD, ['Hos', 'b'], ['Hostt', 'c'], ['Content_Length', '5'], ['Content-Lengtt', '5']],
    },
  ],
  [
    'as many fields as allowed',
    get(...Array.from({ length: limits.headFields - 1 }, (_, i) => `F${i}: ${i}`)),
    {
      fields: [
        HOST_FIELD,
        ...Array.from({ length: limits.headFields - 1 }, (_, i) => [`F${i}`, `${i}`] as [string, string]),
      ],
    },
  ],
  [
    'values of every length to a few words',
    get(...Array.from({ length: 12 }, (_, i) => `V: ${'x'.repeat(i)}`)),
    {
      fields: [HOST_FIELD, ...Array.from({ length: 12 }, (_, i) => ['V', 'x'.repeat(i)] as [string, string])],
    },
  ],
  ['a length', get('Content-Length: 42'), { fields: [HOST_FIELD, ['Content-Length', '42']], contentLength: 42 }],
  ['a length of 0', get('Content-Length: 0'), { fields: [HOST_FIELD, ['Content-Length', '0']] }],
  [
    'a length with zeros before it',
    get('content-length: 0007'),
    { fields: [HOST_FIELD, ['content-length', '0007']], contentLength: 7 },
  ],
  [
    'the greatest length',
    get(`Content-Length: ${limits.bodyBytes}`),
    {
      fields: [HOST_FIELD, ['Content-Length', `${limits.bodyBytes}`]],
      contentLength: limits.bodyBytes,
    },
  ],
  [
    'chunked',
    get('Transfer-Encoding: chunked'),
    { fields: [HOST_FIELD, ['Transfer-Encoding', 'chunked']], contentLength: -1 },
  ],
  [
    'chunked in mixed case',
    get('TRANSFER-encoding:\tCHUNKed '),
    { fields: [HOST_FIELD, ['TRANSFER-encoding', 'CHUNKed']], contentLength: -1 },
  ],
  [
    'an expectation',
    get('Expect: 100-Continue', 'Content-Length: 1'),
    {
      fields: [HOST_FIELD, ['Expect', '100-Continue'], ['Content-Length', '1']],
      contentLength: 1,
      expectContinue: true,
    },
  ],
  [
    'an expectation, chunked',
    get('Expect: 100-continue', 'Transfer-Encoding: chunked'),
    {
      fields: [HOST_FIELD, ['Expect', '100-continue'], ['Transfer-Encoding', 'chunked']],
      contentLength: -1,
      expectContinue: true,
    },
  ],
  ['an expectation without a body', get('Expect: 100-continue'), { fields: [HOST_FIELD, ['Expect', '100-continue']] }],
  [
    'an expectation of HTTP/1.0 is ignored',
    head('POST / HTTP/1.0', 'Expect: x', 'Content-Length: 1'),
    {
      method: 'POST',
      minorVersion: 0,
      keepAlive: false,
      fields: [
        ['Expect', 'x'],
        ['Content-Length', '1'],
      ],
      contentLength: 1,
    },
  ],
];

describe('accepts', () => {
  test.each(accepted)('%s', (_, text, difference) => {
    const { result, parsed } = parseEveryWay(text);
    expect(result).toBe(COMPLETE);
    expect(parsed).toMatchObject({ ...PLAIN, headEnd: text.length, ...difference });
    expect(parsed!.pathHash).toBe(hashPath(Buffer.from(parsed!.path, 'latin1')));
  });
});

describe('accepts as Host', () => {
  test.each([
    'a',
    'example.com',
    'EXAMPLE.com.',
    'a:80',
    'a:0',
    'a:65535',
    'a:',
    '',
    ':80',
    '127.0.0.1:8080',
    '[::1]',
    '[::1]:80',
    '[2001:DB8::192.0.2.1]:',
    '[::]',
    '[v1.a:b]',
    "a_b~!$&'()*+,;=%20",
  ])('"%s"', (host) => {
    expect(parseEveryWay(withHost(host)).parsed?.fields).toEqual([['Host', host]]);
  });
});

describe('rejects as Host', () => {
  test.each([
    'a b',
    'a\tb',
    'user@a',
    'user:password@a',
    'a/b',
    'a?b',
    'a#b',
    'a\\b',
    'a"',
    '<a>',
    'a\xe4',
    '\xa0a',
    'a:x',
    'a:-1',
    'a:+1',
    'a:65536',
    'a:99999',
    'a:000080',
    'a:80:80',
    'a: 80',
    'a:80/',
    '::1',
    '[]',
    '[:]',
    '[::1',
    '::1]',
    '[::1]x',
    '[::1]80',
    '[::1]:x',
    '[::1]:65536',
    '[[::1]]',
    '[::1]]',
    '[::1][::1]',
    '[::g]',
    '[a b]',
    '[::1%25eth0]',
    '[/:::]',
    'a[::1]',
    'a, b',
  ])('"%s"', (host) => {
    expect(parseEveryWay(withHost(host)).result).toBe(400);
  });
});

/** [name, head] */
type Rejections = [string, string][];
const CONTROLS = [...Array(32).keys(), 127].filter((code) => !'\t\n\r'.includes(String.fromCharCode(code)));

const rejected: Record<number, Rejections> = {
  400: [
    ['chunked in a list whose other elements are empty', get('Transfer-Encoding: , chunked,')],
    ['a bare LF behind the request line', 'GET / HTTP/1.1\nHost: a\r\n\r\n'],
    ['a bare LF behind a field', 'GET / HTTP/1.1\r\nHost: a\nA: b\r\n\r\n'],
    ['a bare LF at the end', 'GET / HTTP/1.1\r\nHost: a\r\n\n'],
    ['bare LFs only', 'GET / HTTP/1.1\nHost: a\n\n'],
    ['a bare LF first', `\n${get()}`],
    ['a bare LF in the target', 'GET /\nx HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a bare LF in a name', get('A\nb: c')],
    ['a bare LF in a value', get('A: b\nc')],
    ['a bare CR behind the request line', 'GET / HTTP/1.1\rHost: a\r\n\r\n'],
    ['a bare CR behind a field', 'GET / HTTP/1.1\r\nHost: a\rA: b\r\n\r\n'],
    ['a bare CR at the end', 'GET / HTTP/1.1\r\nHost: a\r\n\rx\r\n'],
    ['a bare CR first', `\r${get()}`],
    ['a bare CR in the target', 'GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a bare CR in a value', get('A: b\rc')],
    ['two CRs at a line end', get('A: b\r')],
    ['LF CR', 'GET / HTTP/1.1\n\rHost: a\n\r\n\r'],
    ['two empty lines first', `\r\n\r\n${get()}`],
    ['an empty line and a space first', `\r\n ${get()}`],
    ['a space first', ` ${get()}`],
    ['a folded field', get('A: b', ' c')],
    ['a field folded with a tab', get('A: b', '\tc')],
    ['a folded first field', head('GET / HTTP/1.1', ' Host: a')],
    ['a space before the colon', get('A : b')],
    ['a tab before the colon', get('A\t: b')],
    ['a space in a name', get('A b: c')],
    ['an empty name', get(': b')],
    ['a line without a colon', get('Abc')],
    ['obs-text in a name', get('\xe4: b')],
    ['a slash in a name', get('A/b: c')],
    ['a quote in a name', get('"A": c')],
    ...CONTROLS.flatMap((code): Rejections => {
      const control = String.fromCharCode(code);
      const name = `0x${code.toString(16)}`;
      return [
        [`${name} in the method`, head(`G${control}T / HTTP/1.1`, 'Host: a')],
        [`${name} in the target`, head(`GET /a${control}b HTTP/1.1`, 'Host: a')],
        [`${name} in the query`, head(`GET /?a${control}b HTTP/1.1`, 'Host: a')],
        [`${name} in an absolute target`, head(`GET http://a${control}/ HTTP/1.1`, 'Host: a')],
        [`${name} in the version`, head(`GET / HTTP/1.${control}`, 'Host: a')],
        [`${name} in a name`, get(`A${control}: b`)],
        [`${name} in a value`, get(`A: b${control}c`)],
        [`${name} far into a value`, get(`A: ${'b'.repeat(13)}${control}ccc`)],
        [`${name} alone in a value`, get(`A:${control}`)],
        [`${name} behind the last field`, get(control)],
      ];
    }),
    ['a tab in the target', head('GET /a\tb HTTP/1.1', 'Host: a')],
    ['no target', head('GET HTTP/1.1', 'Host: a')],
    ['an empty target', head('GET  HTTP/1.1', 'Host: a')],
    ['an empty method', head(' / HTTP/1.1', 'Host: a')],
    ['a target that begins with neither slash nor scheme', head('GET a HTTP/1.1', 'Host: a')],
    ['a query alone', head('GET ?a HTTP/1.1', 'Host: a')],
    ['a fragment', head('GET /#a HTTP/1.1', 'Host: a')],
    ['a fragment behind a query', head('GET /?a#b HTTP/1.1', 'Host: a')],
    ['a fragment in absolute-form', head('GET http://a/#b HTTP/1.1', 'Host: a')],
    ['another scheme', head('GET ftp://a/ HTTP/1.1', 'Host: a')],
    ['a scheme without slashes', head('GET http:a HTTP/1.1', 'Host: a')],
    ['a scheme with one slash', head('GET http:/a HTTP/1.1', 'Host: a')],
    ['a scheme alone', head('GET http:// HTTP/1.1', 'Host: a')],
    ['authority-form', head('GET a:80 HTTP/1.1', 'Host: a')],
    ['no authority', head('GET http:///a HTTP/1.1', 'Host: a')],
    ['no authority, a query', head('GET http://?a HTTP/1.1', 'Host: a')],
    ['an authority without a host', head('GET http://:80/ HTTP/1.1', 'Host: a')],
    ['an authority with userinfo', head('GET http://user@a/ HTTP/1.1', 'Host: a')],
    ['an authority with a bad port', head('GET http://a:x/ HTTP/1.1', 'Host: a')],
    ['an authority with an open bracket', head('GET http://[::1/ HTTP/1.1', 'Host: a')],
    ['an authority with a backslash', head('GET http://a\\b/ HTTP/1.1', 'Host: a')],
    ['GET of *', head('GET * HTTP/1.1', 'Host: a')],
    ['* and more', head('OPTIONS *a HTTP/1.1', 'Host: a')],
    ['two spaces before the version', head('GET /  HTTP/1.1', 'Host: a')],
    ['a tab before the version', head('GET /\tHTTP/1.1', 'Host: a')],
    ['a space behind the version', head('GET / HTTP/1.1 ', 'Host: a')],
    ['no version', head('GET /', 'Host: a')],
    ['the version in small letters', head('GET / http/1.1', 'Host: a')],
    ['another protocol', head('GET / HTTPS/1.1', 'Host: a')],
    ['a version of one number', head('GET / HTTP/2', 'Host: a')],
    ['a minor version of two digits', head('GET / HTTP/1.10', 'Host: a')],
    ['a major version of two digits', head('GET / HTTP/01.1', 'Host: a')],
    ['a version that is not a number', head('GET / HTTP/1.x', 'Host: a')],
    ['a comma in the version', head('GET / HTTP/1,1', 'Host: a')],
    ['more behind the version', head('GET / HTTP/1.1 HTTP/1.1', 'Host: a')],
    ['no Host', head('GET / HTTP/1.1')],
    ['no Host, but others', head('GET / HTTP/1.1', 'Hostt: a')],
    ['no Host, an absolute target', head('GET http://a/ HTTP/1.1')],
    ['two Hosts', withHost('a', 'b')],
    ['two equal Hosts', withHost('a', 'a')],
    ['two Hosts, one empty', withHost('a', '')],
    ['two Hosts in mixed case', head('GET / HTTP/1.1', 'Host: a', 'hOST: a')],
    ['two Hosts in HTTP/1.0', head('GET / HTTP/1.0', 'Host: a', 'Host: a')],
    ['a bad Host in HTTP/1.0', head('GET / HTTP/1.0', 'Host: a b')],
    ['two lengths', get('Content-Length: 5', 'Content-Length: 6')],
    ['two equal lengths', get('Content-Length: 5', 'Content-Length: 5')],
    ['two lengths in mixed case', get('Content-Length: 5', 'CONTENT-LENGTH: 5')],
    ['two lengths, one empty', get('Content-Length: 5', 'Content-Length:')],
    ['a list of equal lengths', get('Content-Length: 5, 5')],
    ['a list of one length', get('Content-Length: 5,')],
    ['an empty length', get('Content-Length:')],
    ['a length with a plus', get('Content-Length: +5')],
    ['a length with a minus', get('Content-Length: -5')],
    ['a length of -0', get('Content-Length: -0')],
    ['a hexadecimal length', get('Content-Length: 0x5')],
    ['a length in hexadecimal digits', get('Content-Length: a')],
    ['a length with a fraction', get('Content-Length: 5.0')],
    ['a length with an exponent', get('Content-Length: 5e1')],
    ['a length with a group', get('Content-Length: 1_000')],
    ['a length with a space', get('Content-Length: 5 5')],
    ['a length in quotes', get('Content-Length: "5"')],
    ['a length in other digits', get('Content-Length: \xb2')],
    ['a length behind a no-break space', get('Content-Length: \xa05')],
    ['a length beyond 2^53-1', get('Content-Length: 9007199254740992')],
    ['a length of 17 digits', get('Content-Length: 10000000000000000')],
    ['a length that overflows 64 bits', get('Content-Length: 18446744073709551621')],
    ['a bad length in HTTP/1.0', head('POST / HTTP/1.0', 'Content-Length: x')],
    ['a length and a coding', get('Content-Length: 5', 'Transfer-Encoding: chunked')],
    ['a coding and a length', get('Transfer-Encoding: chunked', 'Content-Length: 5')],
    ['a coding and a length of 0', get('Transfer-Encoding: chunked', 'Content-Length: 0')],
    ['a coding in HTTP/1.0', head('POST / HTTP/1.0', 'Host: a', 'Transfer-Encoding: chunked')],
    ['two codings', get('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')],
    ['two codings, one empty', get('Transfer-Encoding:', 'Transfer-Encoding: chunked')],
    ['two different codings', get('Transfer-Encoding: gzip', 'Transfer-Encoding: chunked')],
    ['an empty coding', get('Transfer-Encoding:')],
    ['a coding of commas', get('Transfer-Encoding: , ,')],
    ['another coding than chunked', get('Transfer-Encoding: gzip')],
    ['identity', get('Transfer-Encoding: identity')],
    ['chunked before another', get('Transfer-Encoding: chunked, gzip')],
    ['chunked twice', get('Transfer-Encoding: chunked, chunked')],
    ['chunked twice with another between', get('Transfer-Encoding: chunked, gzip, chunked')],
    ['chunked with a parameter', get('Transfer-Encoding: chunked;a=b')],
  ],
  501: [
    ['an unknown method', head('BREW / HTTP/1.1', 'Host: a')],
    ['a method in small letters', head('get / HTTP/1.1', 'Host: a')],
    ['a method that begins as a known one', head('GETS / HTTP/1.1', 'Host: a')],
    ['the beginning of a known method', head('GE / HTTP/1.1', 'Host: a')],
    ['CONNECT', head('CONNECT a:443 HTTP/1.1', 'Host: a')],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a method without an end', head(`${'A'.repeat(33)}`)],
    ['a coding below chunked', get('Transfer-Encoding: gzip, chunked')],
    ['two codings below chunked', get('Transfer-Encoding: gzip,deflate,,chunked')],
  ],
  505: [
    ['HTTP/2.0', head('GET / HTTP/2.0', 'Host: a')],
    ['HTTP/0.9', head('GET / HTTP/0.9', 'Host: a')],
    ['HTTP/9.9', head('GET / HTTP/9.9', 'Host: a')],
    ['HTTP/0.1', head('GET / HTTP/0.1', 'Host: a')],
  ],
  413: [
    ['a length above the limit', get(`Content-Length: ${limits.bodyBytes + 1}`)],
    ['the greatest number', get(`Content-Length: ${Number.MAX_SAFE_INTEGER}`)],
    ['a length above the limit, and an expectation', get('Content-Length: 99999999', 'Expect: 100-continue')],
    ['a length above the limit in HTTP/1.0', head('POST / HTTP/1.0', 'Content-Length: 99999999')],
  ],
  417: [
    ['another expectation', get('Expect: 200-ok')],
    ['an empty expectation', get('Expect:')],
    ['two expectations', get('Expect: 100-continue', 'Expect: 100-continue')],
    ['a list of expectations', get('Expect: 100-continue, 100-continue', 'Content-Length: 1')],
    ['an expectation with a parameter', get('Expect: 100-continue;a=b')],
  ],
};

describe.each(Object.entries(rejected))('rejects with %s', (status, rows) => {
  test.each(rows)('%s', (_, text) => {
    expect(parseEveryWay(text).result).toBe(Number(status));
  });
});

describe('limits', () => {
  const small = resolveLimits({ headBytes: 128, targetBytes: 16, headFields: 3 });
  const padded = (length: number) => {
    const without = get('A: ').length;
    return get(`A: ${'x'.repeat(length - without)}`);
  };
  /** [name, text, result] */
  const rows: [string, string, number][] = [
    ['a target as long as allowed', head(`GET /${'x'.repeat(15)} HTTP/1.1`, 'Host: a'), COMPLETE],
    ['a target one byte longer', head(`GET /${'x'.repeat(16)} HTTP/1.1`, 'Host: a'), 414],
    ['a target that does not end', `GET /${'x'.repeat(16)}`, 414],
    ['a query that does not end', `GET /?${'x'.repeat(15)}`, 414],
    ['an absolute target as long as allowed', head('GET http://a/xxxxxxx HTTP/1.1', 'Host: a'), COMPLETE],
    ['an absolute target one byte longer', head('GET http://a/xxxxxxxx HTTP/1.1', 'Host: a'), 414],
    ['an absolute target that does not end', `GET http://${'a'.repeat(10)}`, 414],
    ['a target that is too long, and wrong', head(`GET ${'x'.repeat(17)} HTTP/1.1`, 'Host: a'), 414],
    ['as many fields as allowed', get('A: b', 'C: d'), COMPLETE],
    ['one field more', get('A: b', 'C: d', 'E: f'), 431],
    ['one field more, without an end', get('A: b', 'C: d', 'E: f').slice(0, -2), 431],
    ['a head as long as allowed', padded(128), COMPLETE],
    ['a head one byte longer', padded(129), 431],
    ['a field that does not end', `${get().slice(0, -2)}A: ${'x'.repeat(128 - get().length - 1)}`, 431],
    ['a name that does not end', `${get().slice(0, -2)}${'A'.repeat(128)}`, 431],
    ['an empty line counts', `\r\n${padded(126)}`, COMPLETE],
    ['an empty line and a byte too many', `\r\n${padded(127)}`, 431],
    ['what is wrong behind the limit is not seen', `${padded(129).slice(0, -1)}\0\0\0`, 431],
    ['what is wrong before the limit is', get('A b', 'x'.repeat(128)), 400],
    ['one byte less than the limit', padded(130).slice(0, 127), NEED_MORE],
  ];
  test.each(rows)('%s', (_, text, result) => {
    expect(parseEveryWay(text, small).result).toBe(result);
  });

  test('targetBytes may exceed headBytes', () => {
    const odd = resolveLimits({ headBytes: 64, targetBytes: 1000 });
    expect(parseEveryWay(head(`GET /${'x'.repeat(100)} HTTP/1.1`, 'Host: a'), odd).result).toBe(431);
    expect(parseEveryWay(head('GET /x HTTP/1.1', 'Host: a'), odd).result).toBe(COMPLETE);
  });

  test('the default limits', () => {
    const { headBytes, targetBytes, headFields } = limits;
    const read = (text: string) => parseWhole(text).result;
    expect(read(head(`GET /${'x'.repeat(targetBytes - 1)} HTTP/1.1`, 'Host: a'))).toBe(COMPLETE);
    expect(read(head(`GET /${'x'.repeat(targetBytes)} HTTP/1.1`, 'Host: a'))).toBe(414);
    expect(read(get(...Array.from({ length: headFields }, () => 'A: b')))).toBe(431);
    const value = 'x'.repeat(headBytes - get('A: ').length);
    expect(read(get(`A: ${value}`))).toBe(COMPLETE);
    expect(read(get(`A: ${value}x`))).toBe(431);
  });
});

describe('keepAlive', () => {
  /** [Connection fields, keepAlive in HTTP/1.1, in HTTP/1.0] */
  const rows: [string[], boolean, boolean][] = [
    [[], true, false],
    [['close'], false, false],
    [['CLOSE'], false, false],
    [['cLoSe'], false, false],
    [['keep-alive'], true, true],
    [['Keep-Alive'], true, true],
    [['KEEP-alive'], true, true],
    [['keep-alive, close'], false, false],
    [['close, keep-alive'], false, false],
    [['keep-alive', 'close'], false, false],
    [['close', 'keep-alive'], false, false],
    [['close', 'close'], false, false],
    [['Upgrade'], true, false],
    [['upgrade', 'Keep-Alive'], true, true],
    [['upgrade, keep-alive'], true, true],
    [['Keep-Alive, Upgrade'], true, true],
    [['upgrade,Close'], false, false],
    [['x,close,y'], false, false],
    [[' \t close \t ,x'], false, false],
    [[',,close,,'], false, false],
    [[',\t,keep-alive\t,'], true, true],
    [['', 'close'], false, false],
    [['', 'keep-alive'], true, true],
    [[''], true, false],
    [[','], true, false],
    [['closed'], true, false],
    [['xclose'], true, false],
    [['close x'], true, false],
    [['keepalive'], true, false],
    [['keep-alive;timeout=5'], true, false],
    [['"close"'], true, false],
    [['close\xa0'], true, false],
    [['\x85keep-alive'], true, false],
    [['x', 'y, z', 'close'], false, false],
    [['x, close', 'y, z'], false, false],
    [['x, keep-alive', 'y, z'], true, true],
    [['x, keep-alive', 'y, close', 'z, x'], false, false],
  ];
  test.each(rows)('with Connection %j is %s in HTTP/1.1, %s in HTTP/1.0', (values, keepAlive11, keepAlive10) => {
    const fields = values.map((value) => `Connection: ${value}`);
    const keepAlive = (version: string) => {
      const { result, parsed } = parseEveryWay(head(`GET / HTTP/${version}`, 'Host: a', ...fields));
      expect(result).toBe(COMPLETE);
      return parsed!.keepAlive;
    };
    expect(keepAlive('1.1')).toBe(keepAlive11);
    expect(keepAlive('1.0')).toBe(keepAlive10);
  });

  test('ignores the case of the field name', () => {
    expect(parseWhole(get('CONNECTION: close')).parsed!.keepAlive).toBe(false);
    expect(parseWhole(get('connection: close')).parsed!.keepAlive).toBe(false);
  });

  test('does not depend on the request before', () => {
    const parser = new RequestParser(limits);
    parse(parser, get('Connection: close', 'Content-Length: 5', 'Expect: 100-continue'));
    expect(parse(parser, get())).toBe(COMPLETE);
    expect(requestOf(parser)).toMatchObject(PLAIN);
  });
});

describe('the fields of the parser', () => {
  test('include the known fields by id', () => {
    const parser = new RequestParser(limits);
    parse(parser, get('user-agent: \xfcber', 'IF-NONE-MATCH: "a"', 'Referer:', 'If-None-Match: "b"'));
    expect(parser.value(FieldId.host)).toBe('a');
    expect(parser.value(FieldId.userAgent)).toBe('\xfcber');
    expect(parser.value(FieldId.referer)).toBe('');
    expect(parser.value(FieldId.ifNoneMatch)).toBe('"b"');
    expect(parser.value(FieldId.ifModifiedSince)).toBeNull();
    expect(parser.contentLength !== 0).toBe(false);
  });

  test('contain nothing of the request before', () => {
    const parser = new RequestParser(limits);
    parse(parser, head('POST /long/target HTTP/1.0', 'User-Agent: x', 'Transfer-Encoding: y'));
    expect(parser.hasTarget).toBe(true);
    for (const text of ['', 'G', 'GET /x', 'BREW / HTTP/1.1\r\n']) {
      parse(parser, text);
      expect([parser.hasTarget, parser.method, parser.value(FieldId.userAgent)]).toEqual([false, 'GET', null]);
    }
  });

  test('are forgotten by reset', () => {
    const parser = new RequestParser(limits);
    parse(parser, head('POST / HTTP/1.0', 'User-Agent: x'));
    parser.reset();
    expect([parser.hasTarget, parser.method, parser.minorVersion, parser.value(FieldId.userAgent)]).toEqual([
      false,
      'GET',
      1,
      null,
    ]);
  });

  test('have a content length with Content-Length or chunked only', () => {
    const parser = new RequestParser(limits);
    const hasBody = (...fields: string[]) => [parse(parser, get(...fields)), parser.contentLength !== 0];
    expect(hasBody('Content-Length: 1')).toEqual([COMPLETE, true]);
    expect(hasBody('Transfer-Encoding: chunked')).toEqual([COMPLETE, true]);
    expect(hasBody('Content-Length: 0')).toEqual([COMPLETE, false]);
    expect(hasBody()).toEqual([COMPLETE, false]);
  });
});

test('pipelined requests are parsed one after the other', () => {
  const heads = accepted.map(([, text]) => text);
  const all = heads.join('');
  const bytes = bytesOf(all);
  const parser = new RequestParser(limits);
  let at = 0;
  for (const text of heads) {
    expect(parser.parse(bytes, at, all.length), text).toBe(COMPLETE);
    expect(requestOf(parser, at), text).toEqual(parseWhole(text).parsed);
    at = parser.headEnd;
  }
  expect(at).toBe(all.length);
  expect(bytes.toString('latin1')).toBe(`${all}\0`);
});

describe('NEED_MORE', () => {
  test('is the result for no bytes', () => expect(parseWhole('').result).toBe(NEED_MORE));

  test('in a long field sets minBytesToRetry to the limit of the head', () => {
    const parser = new RequestParser(limits);
    expect(parse(parser, get('A: ').slice(0, -4))).toBe(NEED_MORE);
    expect(parser.minBytesToRetry).toBe(limits.headBytes);
  });

  test('in a long target sets minBytesToRetry to the limit of the target', () => {
    const parser = new RequestParser(limits);
    expect(parse(parser, 'GET /xxx')).toBe(NEED_MORE);
    expect(parser.minBytesToRetry).toBe('GET '.length + limits.targetBytes + 1);
    expect(parse(parser, 'GET http://a')).toBe(NEED_MORE);
    expect(parser.minBytesToRetry).toBe('GET '.length + limits.targetBytes + 1);
  });

  test('counts minBytesToRetry from the start of the request', () => {
    const parser = new RequestParser(limits);
    expect(parser.parse(bytesOf('junkGET /xxx'), 4, 12)).toBe(NEED_MORE);
    expect(parser.minBytesToRetry).toBe('junkGET '.length + limits.targetBytes + 1);
  });

  test.each([
    ['a target', `GET /${'x'.repeat(limits.targetBytes)}`, 414],
    ['an absolute target', `GET http://${'x'.repeat(limits.targetBytes)}`, 414],
    ['a field', `GET / HTTP/1.1\r\nA: ${'x'.repeat(limits.headBytes)}`, 431],
    ['a name', `GET / HTTP/1.1\r\n${'x'.repeat(limits.headBytes)}`, 431],
  ])('ends in time when %s without an end is too long', (_, text, status) => {
    for (const step of [1, 7, 1000]) {
      const cuts = Array.from({ length: Math.ceil(text.length / step) - 1 }, (_, i) => (i + 1) * step);
      expect(parseInPieces(text, cuts).result).toBe(status);
    }
  });
});

describe('endless whitespace is parsed in linear time', () => {
  const whitespace = ' \t'.repeat(8000);
  test.each([
    ['Connection', get(`Connection: x,${whitespace}x`), COMPLETE],
    ['Connection, whitespace last', get(`Connection: x${whitespace},`), COMPLETE],
    ['Connection, commas', get(`Connection: ${' ,'.repeat(8000)}`), COMPLETE],
    ['Transfer-Encoding', get(`Transfer-Encoding: x${whitespace}x`), 400],
    [
      'Transfer-Encoding before chunked',
      get(`Transfer-Encoding: ${whitespace}, ${whitespace.slice(4)}chunked`.slice(0, 16_000)),
      400,
    ],
    ['Transfer-Encoding, commas', get(`Transfer-Encoding: ${', '.repeat(8000)}chunked`), 400],
    ['Transfer-Encoding, a long name', get(`Transfer-Encoding: ${'a'.repeat(16_000)} `), 400],
    ['Content-Length', get(`Content-Length: 5${whitespace}5`), 400],
    ['Host', head('GET / HTTP/1.1', `Host: a${whitespace}b`), 400],
    ['Host, a bracket', head('GET / HTTP/1.1', `Host: [${':'.repeat(16_000)}`), 400],
    ['Expect', get(`Expect: 100${whitespace}continue`), 417],
  ])('in %s', (_, text, result) => {
    for (let i = 0; i < 200; i++) expect(parseWhole(text).result).toBe(result);
  });
});

test.each([
  ['GET /x HTTP/1.1', ['Host: a:81'], 'a:81'],
  ['GET http://b:82/x HTTP/1.1', ['Host: a'], 'b:82'],
  ['GET HTTPS://[::1]?x HTTP/1.1', ['Host: a'], '[::1]'],
  ['GET https://b HTTP/1.0', [], 'b'],
  ['OPTIONS * HTTP/1.1', ['Host: a'], 'a'],
  ['GET / HTTP/1.0', [], null],
])('the host of %s with %j is %s', (line, fields, host) => {
  const parser = new RequestParser(limits);
  expect(parse(parser, head('GET http://before/x HTTP/1.1', 'Host: before'))).toBe(COMPLETE);
  expect(parse(parser, head(line, ...fields))).toBe(COMPLETE);
  expect(parser.host).toBe(host);
  expect(parse(parser, 'GET ')).toBe(NEED_MORE);
  expect(parser.host).toBe(null);
});
