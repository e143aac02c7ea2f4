import { describe, expect, test } from 'vitest';
import { directoryUrlPath, parseUrlPath } from '../../../../src/files/resolve/url-path.js';

/** latin1, as the bytes are on the wire. */
const target = (path: string) => {
  const result = parseUrlPath(Buffer.from(path, 'latin1'));
  return typeof result === 'number' ? result : [result.name.toString('latin1'), result.isDirectory];
};

const NAMES: [path: string, name: string, isDirectory: boolean][] = [
  ['', '', true],
  ['/', '', true],
  ['//', '', true],
  ['///', '', true],
  ['/a', 'a', false],
  ['//a', 'a', false],
  ['/a/', 'a', true],
  ['/a//', 'a', true],
  ['/a/b', 'a/b', false],
  ['/a///b', 'a/b', false],
  ['//a//b//', 'a/b', true],
  ['/index.html', 'index.html', false],
  ['/%61', 'a', false],
  ['/%C3%bc', '\xc3\xbc', false],
  ['/\xc3\xbc', '\xc3\xbc', false],
  ['/%20', ' ', false],
  ['/%25', '%', false],
  ['/%2525', '%25', false],
  ['/%3f%23', '?#', false],
  ['/a+b', 'a+b', false],
  ['/\\a', '\\a', false],
  ['/%5Ca', '\\a', false],
  ['/%5C..%5Ca', '\\..\\a', false],
  ['/a..b', 'a..b', false],
  ['/a.', 'a.', false],
  ['/a..', 'a..', false],
  ['/a/b..', 'a/b..', false],
  // Bytes, not characters: an overlong slash or dot is two bytes of a name.
  ['/%c0%af', '\xc0\xaf', false],
  ['/%c0%ae%c0%ae/%c0%ae', '\xc0\xae\xc0\xae/\xc0\xae', false],
  ['/%e0%80%af', '\xe0\x80\xaf', false],
  ['/%ff%fe', '\xff\xfe', false],
  ['/%0d%0a', '\r\n', false],
  ['/%01%7f', '\x01\x7f', false],
  ['/.well-known', '.well-known', false],
  ['/.well-known/', '.well-known', true],
  ['/.well-known/acme/x', '.well-known/acme/x', false],
  ['//.well-known/x', '.well-known/x', false],
];

const BROKEN = [
  '/%',
  '/%4',
  '/%zz',
  '/%4g',
  '/%g4',
  '/a%',
  '/%-1',
  '/% 1',
  '/%%41',
  '/%00',
  '/a%00',
  '/a%00.txt',
  '/%u0041',
  // Even if an earlier segment is 404.
  '/.%00',
  '/..%00/a',
  '/.hidden/%',
  '/a%2f%00',
  '/%2f%zz',
];

const NOTHING_THERE = [
  '/.',
  '/..',
  '/./',
  '/../',
  '/./a',
  '/a/.',
  '/a/./b',
  '/a/../b',
  '/a/..',
  '/...',
  '/.hidden',
  '/a/.hidden',
  '/a/.hidden/b',
  '/%2e',
  '/%2e%2e/a',
  '/.%2e/a',
  '/%2E./a',
  '/%2ehidden',
  '/a%2fb',
  '/%2f',
  '/%2F%2fa',
  '/..%2fa',
  '/%2e%2e%2fa',
  '/a/%2e%2e',
  '/.well-knownx',
  '/.well-know',
  '/.WELL-KNOWN/x',
  '/%2ewell-known/x',
  '/.well%2dknown/x',
  '/.well-known%2fx',
  '/.well-known/.secret',
  '/.well-known/../a',
  '/.well-known/.well-known/x',
  '/a/.well-known/x',
];

describe('parseUrlPath', () => {
  test.each(NAMES)('%j is the name %j, directory: %s', (path, name, directory) =>
    expect(target(path)).toEqual([name, directory]),
  );
  test.each(BROKEN)('%j is 400', (path) => expect(target(path)).toBe(400));
  test.each(NOTHING_THERE)('%j is 404', (path) => expect(target(path)).toBe(404));
});

test.each([
  ['', '/'],
  ['a', '/a/'],
  ['a/b', '/a/b/'],
  ['a b', '/a%20b/'],
  ['\xff\x00\r\n', '/%FF%00%0D%0A/'],
  ['%2f?#', '/%252f%3F%23/'],
  ['\\evil', '/%5Cevil/'],
  ['"<>`{}|^', '/%22%3C%3E%60%7B%7D%7C%5E/'],
  ["-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@/"],
])('the directory %j has the path %j', (name, path) => {
  expect(directoryUrlPath(Buffer.from(name, 'latin1'))).toBe(path);
  expect(target(path.slice(0, -1))).toSatisfy((result) => name.includes('\0') || (result as unknown[])[0] === name);
});

test('every byte, raw and encoded, is itself in the name or an error', () => {
  for (let byte = 0; byte < 256; byte++) {
    const character = String.fromCharCode(byte);
    const encoded = target(`/a%${byte.toString(16).padStart(2, '0')}`);
    expect(encoded).toEqual(byte === 0 ? 400 : character === '/' ? 404 : [`a${character}`, false]);
    const raw = target(`/a${character}b`);
    expect(raw).toEqual(character === '%' ? 400 : character === '/' ? ['a/b', false] : [`a${character}b`, false]);
  }
});
