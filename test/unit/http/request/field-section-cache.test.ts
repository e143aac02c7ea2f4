import { deepStrictEqual } from 'node:assert';
import { expect, test } from 'vitest';
import { resolveLimits } from '../../../../src/http/limits.js';
import { FieldSection } from '../../../../src/http/request/field-section.js';
import { FieldSectionCache } from '../../../../src/http/request/field-section-cache.js';
import { RequestParser } from '../../../../src/http/request/parser.js';
import { wordsOf } from '../../../../src/http/request/scan.js';
import { requestOf } from '../../../support/heads.js';
import { below, seeded } from '../../../support/random.js';

const SECTION = 'Host: example.com\r\nUser-Agent: someone\r\nCookie: a=b\r\n\r\n';

/** The text as bytes in memory of its own, with a spare byte behind it. */
function placed(text: string, before = 0): { bytes: Uint8Array; words: Int32Array; start: number; end: number } {
  const bytes = new Uint8Array((before + text.length + 4) & ~3);
  bytes.set(Buffer.from(text, 'latin1'), before);
  return { bytes, words: wordsOf(bytes), start: before, end: before + text.length };
}

/** Looks a section up, and inserts it after a miss. */
function lookUp(cache: FieldSectionCache, text: string, before = 0, after = '', section = new FieldSection(0)) {
  const { bytes, words, start, end } = placed(text + after, before);
  const cached = cache.find(bytes, words, start, end);
  if (cached === null) cache.insert(bytes, start, start + text.length, section);
  return cached;
}

test('a section is cached the second time, and found the third time', () => {
  const cache = new FieldSectionCache();
  const section = new FieldSection(1);
  section.presentMask = 5;
  expect(lookUp(cache, SECTION, 0, '', section)).toBeNull();
  expect(lookUp(cache, SECTION, 0, '', section)).toBeNull();
  section.presentMask = 6; // the parser's own section, which it reuses
  expect(lookUp(cache, SECTION)?.presentMask).toBe(5);
  expect(cache.length).toBe(SECTION.length);
});

test.each<[what: string, other: string]>([
  ['its first byte', SECTION.replace('H', 'h')],
  ['a byte in a word', SECTION.replace('someone', 'someono')],
  ['its last byte', SECTION.replace(/\n$/, '\r')],
  ['a byte more', SECTION.replace('a=b', 'a=bc')],
])('a section that differs in %s is a miss', (_, other) => {
  for (const before of [0, 1, 2, 3]) {
    const cache = new FieldSectionCache();
    lookUp(cache, SECTION, before);
    lookUp(cache, SECTION, before);
    expect(lookUp(cache, other, before)).toBeNull();
    expect(lookUp(cache, SECTION, before)).not.toBeNull();
  }
});

test('a cached section is found with more bytes behind it, and not in fewer bytes', () => {
  const cache = new FieldSectionCache();
  for (let time = 0; time < 2; time++) lookUp(cache, SECTION, 0, SECTION);
  expect(lookUp(cache, SECTION, 0, SECTION)).not.toBeNull();
  expect(cache.length).toBe(SECTION.length);
  for (let end = 0; end < SECTION.length; end++) {
    const { bytes, words, start } = placed(SECTION);
    expect(cache.find(bytes, words, start, end)).toBeNull();
  }
});

test.each([
  ['short', 'Host: a\r\n\r\n'],
  ['long', `Host: a\r\nCookie: ${'x'.repeat(4000)}\r\n\r\n`],
])('a section that is too %s is not cached', (_, text) => {
  const cache = new FieldSectionCache();
  for (let time = 0; time < 5; time++) expect(lookUp(cache, text)).toBeNull();
});

test('a cached section stays in its slot while it is found', () => {
  const cache = new FieldSectionCache();
  // Of the same length and hash.
  const other = SECTION.replace('example.com', 'example.net');
  for (let time = 0; time < 2; time++) lookUp(cache, SECTION);
  for (let time = 0; time < 5; time++) {
    expect(lookUp(cache, SECTION)).not.toBeNull();
    expect(lookUp(cache, other)).toBeNull();
  }
  expect(lookUp(cache, other)).toBeNull();
  expect(lookUp(cache, other)).not.toBeNull();
});

test('bytes that do not start at a word are a miss', () => {
  const cache = new FieldSectionCache();
  const { bytes } = placed(SECTION, 1);
  const shifted = bytes.subarray(1);
  for (let time = 0; time < 4; time++) {
    expect(cache.find(shifted, wordsOf(shifted), 0, SECTION.length)).toBeNull();
    cache.insert(shifted, 0, SECTION.length, new FieldSection(0));
  }
});

test('a parser with a filled cache has the same results as a new one', () => {
  const next = seeded();
  const userAgents = [
    'curl/8.0',
    'Mozilla/5.0 (X11; Linux x86_64)',
    'x'.repeat(300),
    'Mozilla/5.0 (X11; Linux x86_65)',
  ];
  const ends = [
    '',
    'Connection: close\r\n',
    'Connection: x, keep-alive\r\n',
    'Content-Length: 3\r\n',
    'Host: twice\r\n',
  ];
  const limits = resolveLimits();
  const parser = new RequestParser(limits);
  let complete = 0;
  for (let round = 0; round < 20_000; round++) {
    const path = 'abcdefgh'.slice(below(next, 8));
    const agent = userAgents[below(next, userAgents.length)]!;
    const head = `GET /${path} HTTP/1.${below(next, 2)}\r\nHost: a${below(next, 3)}\r\nUser-Agent: ${agent}\r\n${ends[below(next, ends.length)]}\r\n`;
    const { bytes, start, end } = placed(head, below(next, 4));
    const fresh = new RequestParser(limits);
    const result = parser.parse(bytes, start, end);
    deepStrictEqual(result, fresh.parse(bytes, start, end), head);
    if (result !== 1) continue;
    complete++;
    deepStrictEqual(requestOf(parser), requestOf(fresh), head);
  }
  expect(complete).toBeGreaterThan(10_000);
});
