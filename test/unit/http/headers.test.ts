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
  ])('%s', (_, bit, pattern) => {
    for (let byte = 0; byte < 256; byte++)
      expect((CLASSES[byte]! & bit) !== 0, `0x${byte.toString(16)}`).toBe(pattern.test(String.fromCharCode(byte)));
  });
});

const idOf = (name: string) => {
  const bytes = Buffer.from(`x${name}y`, 'latin1');
  return fieldIdOf(bytes, 1, 1 + name.length);
};

describe('fieldIdOf', () => {
  const names = Object.entries(FieldId).map(
    ([camel, id]) => [camel.replace(/[A-Z]/g, (letter) => `-${letter}`).toLowerCase(), id] as const,
  );

  test.each(names)('%s', (name, id) => {
    expect(idOf(name)).toBe(id);
    expect(idOf(name.toUpperCase())).toBe(id);
    expect(idOf(name.replace(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase()))).toBe(id);
    for (let at = 0; at < name.length; at++) {
      for (const other of 'xX0-_!~') {
        const changed = name.slice(0, at) + other + name.slice(at + 1);
        if (changed.toLowerCase() !== name) expect(idOf(changed), changed).toBe(-1);
      }
      expect(idOf(name.slice(0, at) + name.slice(at + 1))).toBe(-1);
    }
    expect(idOf(`${name}s`)).toBe(-1);
  });

  test('the ids are 0 to FIELD_ID_COUNT - 1', () => {
    expect(names.map(([, id]) => id).sort((one, other) => one - other)).toEqual([...Array(FIELD_ID_COUNT).keys()]);
  });

  test('is -1 for other names', () => {
    for (const name of ['a', 'A', 'accepted', 'cookie', 'x-forwarded-host', 'hosh', 'te', '~'.repeat(300)])
      expect(idOf(name)).toBe(-1);
  });
});

test('equalsIgnoreCase ignores the case of letters, and nothing else', () => {
  const lower = Buffer.from('a-z0');
  const equals = (text: string) => equalsIgnoreCase(Buffer.from(`${text}y`, 'latin1'), 0, text.length, lower);
  for (const text of ['a-z0', 'A-Z0', 'a-Z0']) expect(equals(text), text).toBe(true);
  // Bytes that a value or name may contain and that differ in one bit, or in the position.
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
])('listElements of %j', (value, elements) => expect(listElements(value)).toEqual(elements));
