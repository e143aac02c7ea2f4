import { expect, test } from 'vitest';
import { FileHead } from '../../../../src/http/response/file-head.js';
import type { Field } from '../../../../src/http/response/response.js';

const CONTENT: readonly Field[] = [['Content-Type', 'text/html; charset=utf-8']];
const OTHERS: readonly Field[] = [['Cache-Control', 'no-cache']];
const MODIFIED = 'Last-Modified: Sun, 09 Sep 2001 01:46:40 GMT\r\n';
const END = 300;

test.each<[tag: string, modified: string, size: number]>([
  ['abcdefghijklmn', MODIFIED, 600],
  ['a', '', 0],
  ['0', MODIFIED, 9],
  ['zz', '', 10],
  ['abcdefghijklmn', MODIFIED, 2 ** 53 - 1],
])('the head of a file with tag %s, a date %j and %d bytes ends where its content begins', (tag, modified, size) => {
  const head = new FileHead(CONTENT, OTHERS, 14, MODIFIED.length);
  const memory = Buffer.alloc(END + 1, '#');
  const padded = Buffer.from(tag.padEnd(14, '!'));
  const start = head.write(memory, END, padded, tag.length, Buffer.from(modified), size);
  const date = '-'.repeat(29);
  const text = `HTTP/1.1 200 OK\r\nDate: ${date}\r\nContent-Type: text/html; charset=utf-8\r\nETag: "${tag}"\r\n${modified}Cache-Control: no-cache\r\nContent-Length: ${size}\r\n\r\n`;
  expect(memory.toString('latin1', start, END)).toBe(text);
  expect([memory[start - 1], memory[END]]).toEqual([0x23, 0x23]);
  expect(END - start).toBeLessThanOrEqual(head.maxBytes);
  expect(text.indexOf(date)).toBe(head.dateAt);
  expect(head.tagOf(memory.subarray(start))).toBe(`"${tag}"`);
});
