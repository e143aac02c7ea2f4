import { describe, expect, test } from 'vitest';
import { MAX_HEAD_BYTES, NEED_MORE, parseRequest } from '../../../../src/models/shared/request.js';

/** Bytes after the received ones, left over from an earlier use of the buffer. */
const STALE = 'GET /stale HTTP/1.1\r\nHost: a\r\n\r\n\r\n\r\n';

function parse(text: string, start = 0) {
  const bytes = Buffer.from(`${'x'.repeat(start)}${text}${STALE}`, 'latin1');
  return parseRequest(bytes, start, start + text.length);
}

const get = (target: string, fields = 'Host: a\r\n', version = '1.1') =>
  `GET ${target} HTTP/${version}\r\n${fields}\r\n`;

test.each([
  [get('/'), { method: 'GET', path: '/', keepAlive: true }],
  [get('/a/b.html?c?d'), { method: 'GET', path: '/a/b.html', keepAlive: true }],
  [get('/?'), { method: 'GET', path: '/', keepAlive: true }],
  [get('http://a.example:80/b?c'), { method: 'GET', path: '/b', keepAlive: true }],
  [get('HTTPS://a.example'), { method: 'GET', path: '/', keepAlive: true }],
  [get('/').replace('GET', 'HEAD'), { method: 'HEAD', path: '/', keepAlive: true }],
  [get('/').replace('GET', 'BREW'), { method: 'other', path: '/', keepAlive: true }],
  [get('/').replace('GET', 'get'), { method: 'other', path: '/', keepAlive: true }],
  [get('*').replace('GET', 'OPTIONS'), { method: 'other', path: '*', keepAlive: true }],
  [get('/', '', '1.0'), { method: 'GET', path: '/', keepAlive: false }],
  [get('/', 'hOST: a\r\nConnection: x, Close\r\n'), { method: 'GET', path: '/', keepAlive: false }],
  [get('/', 'Host: a\r\nConnection: closed\r\n'), { method: 'GET', path: '/', keepAlive: true }],
  [get('/', 'Host: a\r\nContent-Length: 5\r\n'), { method: 'GET', path: '/', keepAlive: false }],
  [get('/', 'Host: a\r\ntransfer-encoding: chunked\r\n'), { method: 'GET', path: '/', keepAlive: false }],
  [get('/', 'Host:\r\nX:\t\xff y \r\n'), { method: 'GET', path: '/', keepAlive: true }],
])('%j is parsed as a request', (text, expected) => {
  for (const start of [0, 1, 2, 3, 7]) expect(parse(text, start)).toEqual({ ...expected, end: start + text.length });
});

test.each([
  ['hello\r\n\r\n'],
  ['\r\n\r\n\r\n'],
  [get('/').replace('GET', '')],
  [get('/').replace('GET', 'G(T')],
  [get('/').replace('GET ', 'GET  ')],
  [get('/').replace(' HTTP', '')],
  [get('/ b')],
  [get('/\x7f')],
  [get('/\xff')],
  [get('/\t')],
  [get('a')],
  [get('?a')],
  [get('http://')],
  [get('/', 'Host: a\r\n', '1.2')],
  [get('/', 'Host: a\r\n', '2.0')],
  [get('/', 'Host: a\r\n', '1.10')],
  [get('/').replace('HTTP/', 'http/')],
  [get('/', '')],
  [get('/', 'Host: a\r\nHost: a\r\n')],
  [get('/', 'Host : a\r\n')],
  [get('/', 'Host: a\r\n folded\r\n')],
  [get('/', 'Host: a\r\n: b\r\n')],
  [get('/', 'Host: a\r\nb\r\n')],
  [get('/', 'Host: a\nContent-Length: 5\r\n')],
  [get('/', 'Host: a\rb\r\n')],
  [get('/', 'Host: a\0b\r\n')],
  [get('/').replace('\r\n', '\n')],
])('%j is rejected with 400', (text) => expect(parse(text)).toBe(400));

describe('an incomplete head', () => {
  test('needs more bytes wherever it ends', () => {
    const text = get('/a?b', 'Host: a\r\nConnection: close\r\n');
    for (let length = 0; length < text.length; length++) expect(parse(text.slice(0, length))).toBe(NEED_MORE);
  });

  test('needs more bytes up to the maximum length, and is rejected with 431 beyond', () => {
    const longest = get('/', `Host: a\r\nX: ${'x'.repeat(MAX_HEAD_BYTES - 32)}\r\n`);
    expect(longest).toHaveLength(MAX_HEAD_BYTES);
    expect(parse(longest)).toMatchObject({ end: MAX_HEAD_BYTES });
    expect(parse(longest.slice(0, -1))).toBe(NEED_MORE);
    expect(parse(longest.replace('X', 'XX'))).toBe(431);
    expect(parse(longest.replace('X', 'XX').slice(0, MAX_HEAD_BYTES))).toBe(431);
  });
});
