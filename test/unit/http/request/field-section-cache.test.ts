import { deepStrictEqual } from 'node:assert';
import { expect, test } from 'vitest';
import { resolveLimits } from '../../../../src/http/limits.js';
import { FieldSection } from '../../../../src/http/request/field-section.js';
import { FieldSectionCache } from '../../../../src/http/request/field-section-cache.js';
import { RequestParser } from '../../../../src/http/request/parser.js';
import { wordsOf } from '../../../../src/http/request/scan.js';
import { requestOf } from '../../../support/heads.js';
import { below, seeded } from '../../../support/random.js';

const SECTION = 'Host: example.com\r\nUser-Agent: somebody\r\nCookie: a=b\r\n\r\n';

/** Bytes in memory of their own, with a spare one behind them. */
function laid(text: string, before = 0): { bytes: Uint8Array; words: Int32Array; start: number; end: number } {
  const bytes = new Uint8Array((before + text.length + 4) & ~3);
  bytes.set(Buffer.from(text, 'latin1'), before);
  return { bytes, words: wordsOf(bytes), start: before, end: before + text.length };
}

/** Looks for a section, and has it learned when it is not known. */
function ask(memo: FieldSectionCache, text: string, before = 0, after = '', section = new FieldSection(0)) {
  const { bytes, words, start, end } = laid(text + after, before);
  const known = memo.find(bytes, words, start, end);
  if (known === null) memo.insert(bytes, start, start + text.length, section);
  return known;
}

test('kept at the second time, known at the third', () => {
  const memo = new FieldSectionCache();
  const section = new FieldSection(1);
  section.presentMask = 5;
  expect(ask(memo, SECTION, 0, '', section)).toBeNull();
  expect(ask(memo, SECTION, 0, '', section)).toBeNull();
  section.presentMask = 6; // the parser's own, which reads on
  expect(ask(memo, SECTION)?.presentMask).toBe(5);
  expect(memo.length).toBe(SECTION.length);
});

test.each<[what: string, other: string]>([
  ['its first byte', SECTION.replace('H', 'h')],
  ['a byte in a word', SECTION.replace('somebody', 'somebode')],
  ['its last byte', SECTION.replace(/\n$/, '\r')],
  ['a byte more', SECTION.replace('a=b', 'a=bc')],
])('another by %s is not known', (_, other) => {
  for (const before of [0, 1, 2, 3]) {
    const memo = new FieldSectionCache();
    ask(memo, SECTION, before);
    ask(memo, SECTION, before);
    expect(ask(memo, other, before)).toBeNull();
    expect(ask(memo, SECTION, before)).not.toBeNull();
  }
});

test('a section that is known is one wherever the bytes go on behind it, and not where they end before', () => {
  const memo = new FieldSectionCache();
  for (let time = 0; time < 2; time++) ask(memo, SECTION, 0, SECTION);
  expect(ask(memo, SECTION, 0, SECTION)).not.toBeNull();
  expect(memo.length).toBe(SECTION.length);
  for (let end = 0; end < SECTION.length; end++) {
    const { bytes, words, start } = laid(SECTION);
    expect(memo.find(bytes, words, start, end)).toBeNull();
  }
});

test.each([
  ['short', 'Host: a\r\n\r\n'],
  ['long', `Host: a\r\nCookie: ${'x'.repeat(4000)}\r\n\r\n`],
])('a section that is too %s is not kept', (_, text) => {
  const memo = new FieldSectionCache();
  for (let time = 0; time < 5; time++) expect(ask(memo, text)).toBeNull();
});

test('who has a place keeps it while he comes, whoever else would have it', () => {
  const memo = new FieldSectionCache();
  // Of the same length, and the same where the memo looks before it compares.
  const other = SECTION.replace('example.com', 'example.net');
  for (let time = 0; time < 2; time++) ask(memo, SECTION);
  for (let time = 0; time < 5; time++) {
    expect(ask(memo, SECTION)).not.toBeNull();
    expect(ask(memo, other)).toBeNull();
  }
  expect(ask(memo, other)).toBeNull();
  expect(ask(memo, other)).not.toBeNull();
});

test('memory that does not begin at a word is not compared', () => {
  const memo = new FieldSectionCache();
  const { bytes } = laid(SECTION, 1);
  const shifted = bytes.subarray(1);
  for (let time = 0; time < 4; time++) {
    expect(memo.find(shifted, wordsOf(shifted), 0, SECTION.length)).toBeNull();
    memo.insert(shifted, 0, SECTION.length, new FieldSection(0));
  }
});

test('a parser that has read much says the same as one that has read nothing', () => {
  const next = seeded();
  const agents = ['curl/8.0', 'Mozilla/5.0 (X11; Linux x86_64)', 'x'.repeat(300), 'Mozilla/5.0 (X11; Linux x86_65)'];
  const ends = [
    '',
    'Connection: close\r\n',
    'Connection: x, keep-alive\r\n',
    'Content-Length: 3\r\n',
    'Host: twice\r\n',
  ];
  const limits = resolveLimits();
  const parser = new RequestParser(limits);
  let answered = 0;
  for (let round = 0; round < 20_000; round++) {
    const path = 'abcdefgh'.slice(below(next, 8));
    const agent = agents[below(next, agents.length)]!;
    const head = `GET /${path} HTTP/1.${below(next, 2)}\r\nHost: a${below(next, 3)}\r\nUser-Agent: ${agent}\r\n${ends[below(next, ends.length)]}\r\n`;
    const { bytes, start, end } = laid(head, below(next, 4));
    const fresh = new RequestParser(limits);
    const result = parser.parse(bytes, start, end);
    deepStrictEqual(result, fresh.parse(bytes, start, end), head);
    if (result !== 1) continue;
    answered++;
    deepStrictEqual(requestOf(parser), requestOf(fresh), head);
  }
  expect(answered).toBeGreaterThan(10_000);
});
