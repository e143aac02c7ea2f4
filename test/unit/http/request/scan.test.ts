import { expect, test } from 'vitest';
import { endOfValue, wordsOf } from '../../../../src/http/request/scan.js';

const LENGTH = 24;
const isValueByte = (byte: number) => byte === 0x09 || (byte >= 0x20 && byte !== 0x7f);

function endByByte(bytes: Uint8Array, start: number): number {
  let at = start;
  while (at < bytes.length && isValueByte(bytes[at]!)) at++;
  return at;
}

test.each([
  ['words', 0],
  ['bytes, where the memory does not begin at a word', 1],
])('every byte, at every place, behind every other kind: by %s', (_, offset) => {
  const bytes = new Uint8Array(new ArrayBuffer(LENGTH + 4), offset, LENGTH);
  const words = wordsOf(bytes);
  expect(words.length).toBe(offset === 0 ? LENGTH / 4 : 0);
  for (const filler of [0x20, 0x41, 0x7e, 0x80, 0xff, 0x09]) {
    for (let byte = 0; byte < 256; byte++) {
      for (let at = 0; at < 12; at++) {
        bytes.fill(filler);
        bytes[at] = byte;
        bytes[16] = 0;
        for (let start = 0; start <= at; start++) {
          if (endOfValue(bytes, words, start) !== endByByte(bytes, start))
            expect.fail(`0x${byte.toString(16)} at ${at} in 0x${filler.toString(16)}, from ${start}`);
        }
      }
    }
  }
});

test('the end of the memory is an end', () => {
  for (let length = 0; length < 12; length++) {
    const bytes = new Uint8Array(length).fill(0x41);
    for (let start = 0; start <= length; start++) expect(endOfValue(bytes, wordsOf(bytes), start)).toBe(length);
  }
});
