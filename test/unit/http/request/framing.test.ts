import { expect, test } from 'vitest';
import { contentLength, isHost, transferEncoding } from '../../../../src/http/request/framing.js';

/** Surrounds the text by bytes that would change the result if they were read. */
const within = <T>(text: string, ask: (bytes: Uint8Array, start: number, end: number) => T): T[] =>
  ['5', ']', ':', 'x', ' '].map((edge) => ask(Buffer.from(`${edge}${text}${edge}`, 'latin1'), 1, 1 + text.length));

test.each([
  ['0', 0],
  ['5', 5],
  ['007', 7],
  ['1048576', 1_048_576],
  ['9007199254740991', Number.MAX_SAFE_INTEGER],
  ['9007199254740992', -1],
  ['9999999999999999', -1],
  ['0000000000000005', 5],
  ['00000000000000005', -1],
  ['', -1],
  ['-1', -1],
  ['+1', -1],
  ['1 ', -1],
  [' 1', -1],
  ['1,1', -1],
  ['0x1', -1],
  ['1e1', -1],
  ['/', -1],
  [':', -1],
])('Content-Length %j is %d', (text, length) => {
  expect(new Set(within(text, contentLength))).toEqual(new Set([length]));
});

test.each([
  ['chunked', 0],
  ['Chunked', 0],
  ['', 400],
  [',', 400],
  ['gzip', 400],
  ['chunked, gzip', 400],
  ['chunked, chunked', 400],
  ['gzip, chunked', 501],
  ['a, b ,chunked', 501],
  ['gzip;q=1, chunked', 400],
  ['"gzip", chunked', 400],
  ['g zip, chunked', 400],
  ['\xe4, chunked', 400],
])('Transfer-Encoding %j is %d', (value, meaning) => {
  expect(transferEncoding(value)).toBe(meaning);
});

test.each([
  ['', true],
  ['a', true],
  ['a:', true],
  ['a:65535', true],
  ['a:65536', false],
  ['a:000001', false],
  ['a:b', false],
  ['a:8 ', false],
  ['a b', false],
  ['a@b', false],
  ['a]', false],
  ['[', false],
  ['[]', false],
  ['[:]', false],
  ['[::]', true],
  ['[::1]:80', true],
  ['[::1', false],
  ['[::1]1', false],
  ['[1]', false],
  ['[127.0.0.1]', false],
  ['[::ffff:127.0.0.1]', true],
  ['[::g]', false],
  ['[fe80::1%25eth0]', false],
  ['[v1.x]', true],
  ['[v.x]', false],
  ['[v1.]', false],
  ['[vg.x]', false],
])('Host %j is valid: %s', (text, valid) => {
  expect(new Set(within(text, isHost))).toEqual(new Set([valid]));
});
