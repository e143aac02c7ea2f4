import { describe, expect, test } from 'vitest';
import {
  CLASSES,
  DIGIT,
  equalsIgnoreCase,
  FIELD_ID_COUNT,
  FIELD_VALUE,
  FieldId,
  fieldIdOf,
  HOST,
  listElements,
  TARGET,
  TOKEN,
} from '../../../src/http/headers.js';

describe('the class of every byte', () => {
  test.each<[string, number, RegExp]>([
    ['token', TOKEN, /^[!#$%&'*+.^_`|~0-9A-Za-z-]$/],
    ['field value', FIELD_VALUE, /^[\t\x20-\x7e\x80-\xff]$/],
    ['target', TARGET, /^[\x21\x22\x24-\x7e\x80-\xff]$/],
    ['host', HOST, /^[A-Za-z0-9._~!$&'()*+,;=%-]$/],
    ['digit', DIGIT, /^[0-9]$/],
  ])('%s', (_, bit, form) => {
    for (let byte = 0; byte < 256; byte++)
      expect((CLASSES[byte]! & bit) !== 0, `0x${byte.toString(16)}`).toBe(form.test(String.fromCharCode(byte)));
  });
});

const known = (name: string) => {
  const bytes = Buffer.from(`x${name}y`, 'latin1');
  return fieldIdOf(bytes, 1, 1 + name.length);
};

describe('known fields', () => {
  const names = Object.entries(FieldId).map(
    ([camel, place]) => [camel.replace(/[A-Z]/g, (letter) => `-${letter}`).toLowerCase(), place] as const,
  );

  test.each(names)('%s', (name, place) => {
    expect(known(name)).toBe(place);
    expect(known(name.toUpperCase())).toBe(place);
    expect(known(name.replace(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase()))).toBe(place);
    for (let at = 0; at < name.length; at++) {
      for (const other of 'xX0-_!~') {
        const changed = name.slice(0, at) + other + name.slice(at + 1);
        if (changed.toLowerCase() !== name) expect(known(changed), changed).toBe(-1);
      }
      expect(known(name.slice(0, at) + name.slice(at + 1))).toBe(-1);
    }
    expect(known(`${name}s`)).toBe(-1);
  });

  test('have a place each', () => {
    expect(names.map(([, place]) => place).sort((one, other) => one - other)).toEqual([
      ...Array(FIELD_ID_COUNT).keys(),
    ]);
  });

  test('are few', () => {
    for (const name of ['a', 'A', 'accepted', 'cookie', 'x-forwarded-for', 'hosh', 'te', '~'.repeat(300)])
      expect(known(name)).toBe(-1);
  });
});

test('capitals and small letters are the same, and nothing else is', () => {
  const lower = Buffer.from('a-z0');
  const equals = (text: string) => equalsIgnoreCase(Buffer.from(`${text}y`, 'latin1'), 0, text.length, lower);
  for (const text of ['a-z0', 'A-Z0', 'a-Z0']) expect(equals(text), text).toBe(true);
  // What an ordinary value or name can hold and differs in one bit, or in the place.
  for (const text of ['', 'a-z', 'a-z00', '!-z0', 'a_z0', 'a-\xda0', 'a-\xfa0', '\xe1-z0', 'b-z0', 'a-z1', 'a-z@'])
    expect(equals(text), text).toBe(false);
});

test.each([
  ['', []],
  [',', []],
  [' \t, ,,', []],
  ['a', ['a']],
  ['A, b\t,\tC ', ['a', 'b', 'c']],
  [',a,,b,', ['a', 'b']],
  ['a b', ['a b']],
  ['\xa0a\x85', ['\xa0a\x85']],
  ['a;b="c,d"', ['a;b="c', 'd"']],
])('the elements of %j', (value, elements) => expect(listElements(value)).toEqual(elements));
