import { describe, expect, test } from 'vitest';
import { byName, orderKey, TopNames } from '../../../../src/files/listing/sort.js';
import { below, random } from '../../../support/random.js';

const ordered = (name: string, encoding: BufferEncoding = 'utf8') => {
  const bytes = Buffer.from(name, encoding);
  return { name: bytes, key: orderKey(bytes.toString()) };
};

test.each([
  ['file1', 'file2', 'file10', 'file100'],
  ['a1b2', 'a1b10', 'a2b1'],
  ['a', 'a1', 'aa'],
  ['7', '0008', '9', '00010'],
  ['0', '1', '02', '10'],
  ['a', 'B', 'c', 'D'],
  ['A', 'a', 'ä', 'b', 'é', 'f'],
  ['z', 'я', '漢'],
  ['v1.9.2', 'v1.10.0'],
  ['9', '1'.repeat(100), `2${'1'.repeat(99)}`, '1'.repeat(255), ':', 'a'],
])('%s sorts before %s', (...names) => {
  const shuffled = names.map((name) => ordered(name)).toReversed();
  expect(shuffled.sort(byName).map(({ name }) => name.toString())).toEqual(names);
});

test('two names are never equal, even with the same key', () => {
  const alike = ['\xff', '\xfe', '\xc3\xa9', 'e\xcc\x81', 'E', 'e', 'e1', 'e01'].map((name) => ordered(name, 'latin1'));
  for (const one of alike) {
    for (const other of alike) {
      expect(Math.sign(byName(one, other)) + Math.sign(byName(other, one))).toBe(0);
      expect(byName(one, other) === 0).toBe(one === other);
    }
  }
});

describe('TopNames', () => {
  const next = random(1);
  const names = Array.from({ length: 1000 }, (_, i) => `${'aäB'[below(next, 3)]}${below(next, 50)}-${i}`);
  const inOrder = names.map((name) => ordered(name)).sort(byName);

  test.each<[order: string, names: string[]]>([
    ['random order', names],
    ['sorted order', inOrder.map(({ name }) => name.toString())],
    ['reverse order', inOrder.map(({ name }) => name.toString()).toReversed()],
  ])('has the first names of a sort of all, added in %s', (_, added) => {
    for (const limit of [1, 2, 99, 500, 999, 1000, 1001]) {
      const first = new TopNames(limit);
      for (const name of added) first.add(Buffer.from(name));
      expect(first.count).toBe(names.length);
      expect(first.first).toEqual(inOrder.slice(0, limit).map(({ name }) => name));
    }
  });

  test('copies names', () => {
    const first = new TopNames(1);
    const name = Buffer.from('a');
    first.add(name);
    name[0] = 0x62;
    expect(first.first).toEqual([Buffer.from('a')]);
  });
});
