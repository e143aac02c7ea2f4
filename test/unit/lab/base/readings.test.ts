import { expect, test } from 'vitest';
import { extremesReading, ratesReading } from '../../../../src/lab/base/readings.js';
import { summarize } from '../../../../src/lab/base/stats.js';

/** A round, or several of them. */
const values = (row: Readonly<Record<string, number | null | readonly number[]>>) =>
  Object.entries(row).map(([model, value]) => ({ model, value: summarize([value].flat()) }));

test.each([
  [
    'the least, and the most by it',
    { a: 10, b: 20, c: 93.1 },
    { unit: 'µs', isLess: true, noise: 1.05 },
    'Least: a with 10 µs. Most: c with 93.1 µs, 9.31 times as much.',
  ],
  [
    'those within the noise',
    { a: 10, b: 10.3, c: 10.4, d: 30 },
    { unit: 'µs', isLess: true, noise: 1.05 },
    'Least: a with 10 µs; b and c do not differ from it. Most: d with 30 µs, 3 times as much.',
  ],
  [
    'one of which a round was cheaper',
    { a: [9, 10, 11], b: [10.9, 12, 13], c: [29, 30, 31] },
    { unit: 'µs', isLess: true, noise: 1.05 },
    'Least: a with 10 µs; b does not differ from it. Most: c with 30 µs, 3 times as much.',
  ],
  [
    'the second run of a model',
    { a: 10, 'a again': 9, b: 20 },
    { unit: 'µs', isLess: true, noise: 1.12 },
    'Least: a with 10 µs. Most: b with 20 µs, 2 times as much.',
  ],
  [
    'all within the noise',
    { a: 10, b: 10.3 },
    { unit: 'µs', isLess: true, noise: 1.05 },
    'Least: a with 10 µs; no other model differs from it.',
  ],
  [
    'more is better',
    { a: 70_000, b: 7000, c: null },
    { unit: 'requests/s', isLess: false, noise: null },
    'Most: a with 70,000 requests/s. Least: b with 7,000 requests/s, 10 times less.',
  ],
  ['one model', { a: 10 }, { unit: 'µs', isLess: true, noise: null }, null],
  ['zero', { a: 0, b: 1 }, { unit: 'µs', isLess: true, noise: null }, null],
] as const)('%s', (_, row, options, sentence) => {
  expect(extremesReading(values(row), options)).toBe(sentence);
});

test.each([
  [
    'another order',
    [
      { rate: 100, values: values({ a: 60, b: 50 }), noise: 1.1 },
      { rate: 50_000, values: values({ a: 10, b: 20 }), noise: 1.1 },
    ],
    'At 100 requests per second a request costs 6 times in a and 2.50 times in b what it costs at 50,000. b is the cheapest at 100 per second, a at 50,000.',
  ],
  [
    'no difference at one of the rates',
    [
      { rate: 100, values: values({ a: 60, b: 55 }), noise: 1.1 },
      { rate: 50_000, values: values({ a: 10, b: 20 }), noise: 1.1 },
    ],
    'At 100 requests per second a request costs 6 times in a and 2.75 times in b what it costs at 50,000. a is among the cheapest at both.',
  ],
  [
    'several that are the cheapest at a rate',
    [
      { rate: 100, values: values({ a: 60, b: 50, c: 51 }), noise: 1.1 },
      { rate: 50_000, values: values({ a: 10, b: 20, c: 20 }), noise: 1.1 },
    ],
    'At 100 requests per second a request costs 6 times in a and 2.50 times in b what it costs at 50,000. b and c are the cheapest at 100 per second, a at 50,000.',
  ],
  [
    'the highest rate at which two were measured',
    [
      { rate: 100, values: values({ a: 60, b: 70 }), noise: null },
      { rate: 1000, values: values({ a: 20, b: 35 }), noise: null },
      { rate: 50_000, values: values({ a: 10, b: null }), noise: null },
    ],
    'At 100 requests per second a request costs 3 times in a and 2 times in b what it costs at 1,000. a is the cheapest at both.',
  ],
  ['one rate', [{ rate: 100, values: values({ a: 60, b: 50 }), noise: null }], null],
] as const)('rates: %s', (_, at, sentence) => {
  expect(ratesReading(at)).toBe(sentence);
});
