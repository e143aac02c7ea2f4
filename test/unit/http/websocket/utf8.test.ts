import { deepStrictEqual } from 'node:assert';
import { expect, test } from 'vitest';
import { UTF8_BOUNDARY, UTF8_INVALID, validateUtf8 } from '../../../../src/http/websocket/utf8.js';
import { below, seeded } from '../../../support/random.js';
import { utf8Outlook } from '../../../support/websocket-model.js';

function outcome(bytes: Buffer, cuts: readonly number[]): { isPossible: boolean; isComplete: boolean } {
  let state: number = UTF8_BOUNDARY;
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    state = validateUtf8(bytes, at, cut, state);
    if (state === UTF8_INVALID) return { isPossible: false, isComplete: false };
    at = cut;
  }
  return { isPossible: true, isComplete: state === UTF8_BOUNDARY };
}

test('all sequences of two bytes, and of three with a first byte that has rules, are judged as the model has it', () => {
  for (let first = 0; first < 256; first++) {
    for (let second = 0; second < 256; second++) {
      const bytes = [first, second];
      deepStrictEqual(outcome(Buffer.from(bytes), []), utf8Outlook(bytes));
    }
  }
  for (const first of [0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf3, 0xf4]) {
    for (const second of [0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0]) {
      for (const third of [0x61, 0x80, 0xbf, 0xc0]) {
        const bytes = [0x61, first, second, third];
        expect(outcome(Buffer.from(bytes), [])).toEqual(utf8Outlook(bytes));
        expect(outcome(Buffer.from(bytes), [1, 2, 3])).toEqual(utf8Outlook(bytes));
      }
    }
  }
});

test('texts, also broken ones, are judged the same however they are cut', () => {
  const next = seeded();
  const pieces = ['a', 'plain', 'é', '日本', '🎉', '\ud7ff', '\ue000', '\u{10ffff}'].map((text) => Buffer.from(text));
  for (let round = 0; round < 3000; round++) {
    const bytes = Buffer.concat(Array.from({ length: below(next, 8) }, () => pieces[below(next, pieces.length)]!));
    if (next() < 0.5 && bytes.length > 0) bytes[below(next, bytes.length)] = below(next, 256);
    const cuts = Array.from({ length: below(next, 5) }, () => below(next, bytes.length + 1)).sort((a, b) => a - b);
    expect(outcome(bytes, cuts), `${bytes.toString('hex')} cut at ${cuts}`).toEqual(utf8Outlook([...bytes]));
  }
});
