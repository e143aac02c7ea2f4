import { MAX_RANGES } from '../../src/http/semantics/byte-range.js';

const GIB = 2 ** 30;
export const MIB = 2 ** 20;

/** Ranges as in Content-Range, both ends inclusive; null: the field is ignored. */
export type Expected = string | 416 | null;
export type RangeRow = [value: string, size: number, expected: Expected];

/** The examples of RFC 9110. */
export const EXAMPLES: RangeRow[] = [
  // section 14.1.2, of 10000 bytes
  ['bytes=0-499', 10_000, '0-499'],
  ['bytes=500-999', 10_000, '500-999'],
  ['bytes=-500', 10_000, '9500-9999'],
  ['bytes=9500-', 10_000, '9500-9999'],
  ['bytes=0-0,-1', 10_000, '0-0 9999-9999'],
  ['bytes= 0-999, 4500-5499, -1000', 10_000, '0-999 4500-5499 9000-9999'],
  ['bytes=500-600,601-999', 10_000, '500-999'],
  ['bytes=500-700,601-999', 10_000, '500-999'],
  // section 14.4, of 1234 bytes
  ['bytes=0-499', 1234, '0-499'],
  ['bytes=500-999', 1234, '500-999'],
  ['bytes=500-', 1234, '500-1233'],
  ['bytes=-500', 1234, '734-1233'],
  // section 15.3.7.2
  ['bytes=500-999,7000-7999', 8000, '500-999 7000-7999'],
];

export const ONE_RANGE: RangeRow[] = [
  ['bytes=0-0', 10, '0-0'],
  ['bytes=9-9', 10, '9-9'],
  ['bytes=0-', 10, '0-9'],
  ['bytes=0-9', 10, '0-9'],
  ['bytes=0-10', 10, '0-9'],
  ['bytes=9-', 10, '9-9'],
  ['bytes=-1', 10, '9-9'],
  ['bytes=-3', 10, '7-9'],
  ['bytes=-10', 10, '0-9'],
  ['bytes=-11', 10, '0-9'],
  ['bytes=0000002-0003', 10, '2-3'],
  ['bytes=0-0', 1, '0-0'],
  ['bytes=-1', 1, '0-0'],
  // not satisfiable
  ['bytes=10-', 10, 416],
  ['bytes=10-10', 10, 416],
  ['bytes=11-20', 10, 416],
  ['bytes=-0', 10, 416],
  ['bytes=-000', 10, 416],
  // an empty file: only a suffix is satisfiable, section 14.1.2, and it has no Content-Range
  ['bytes=0-', 0, 416],
  ['bytes=0-0', 0, 416],
  ['bytes=5-', 0, 416],
  ['bytes=-0', 0, 416],
  ['bytes=-1', 0, null],
  ['bytes=-500', 0, null],
];

const HUGE = '9'.repeat(30);
const ENDLESS = '9'.repeat(400);

export const LARGE_NUMBERS: RangeRow[] = [
  [`bytes=${4 * GIB}-${4 * GIB + 9}`, 5 * GIB, '4294967296-4294967305'],
  [`bytes=${4 * GIB}-`, 5 * GIB, '4294967296-5368709119'],
  ['bytes=-1', 5 * GIB, '5368709119-5368709119'],
  [`bytes=${2 ** 53 - 2}-`, 2 ** 53 - 1, '9007199254740990-9007199254740990'],
  ['bytes=0-18446744073709551615', 10, '0-9'],
  ['bytes=0-18446744073709551616', 10, '0-9'],
  ['bytes=0-9223372036854775807', 10, '0-9'],
  ['bytes=0-4294967296', 10, '0-9'],
  ['bytes=-18446744073709551615', 10, '0-9'],
  ['bytes=18446744073709551615-', 10, 416],
  ['bytes=4294967296-', 10, 416],
  [`bytes=0-${HUGE}`, 10, '0-9'],
  [`bytes=0-${ENDLESS}`, 10, '0-9'],
  [`bytes=-${ENDLESS}`, 10, '0-9'],
  [`bytes=${ENDLESS}-`, 10, 416],
  [`bytes=${ENDLESS}-${ENDLESS}`, 10, 416],
  [`bytes=${HUGE}-5`, 10, null],
  [`bytes=${ENDLESS}-5`, 10, null],
  // Both ends exceed the range of a number; section 14.2 lets a server ignore or reject an invalid set.
  [`bytes=${HUGE}-${HUGE.replace(/9$/, '8')}`, 10, 416],
];

export const GRAMMAR: RangeRow[] = [
  ['BYTES=0-1', 10, '0-1'],
  ['Bytes=0-1', 10, '0-1'],
  ['bytes=\t 0-1\t ', 10, '0-1'],
  ['bytes=,0-1', 10, '0-1'],
  ['bytes=0-1,', 10, '0-1'],
  ['bytes= ,, ,0-1 ,\t, ', 10, '0-1'],
  ['bytes= 0-1 , 300-401', 1000, '0-1 300-401'],
];

/** Ignored, whatever the size. */
export const IGNORED: string[] = [
  // another unit
  'items=0-1',
  'byte=0-1',
  'bytess=0-1',
  'none=0-1',
  // not a valid set
  '',
  'bytes',
  'bytes=',
  'bytes= ',
  'bytes=,',
  'bytes= , ,',
  '=0-1',
  '0-1',
  'bytes 0-1',
  'bytes =0-1',
  'bytes:0-1',
  'bytes==0-1',
  'bytes=-',
  'bytes=--1',
  'bytes=1--2',
  'bytes=1',
  'bytes=a-b',
  'bytes=1-b',
  'bytes=0x1-2',
  'bytes=1e1-20',
  'bytes=+1-2',
  'bytes=1.0-2',
  'bytes=0 -1',
  'bytes=0- 1',
  'bytes=- 1',
  'bytes=0-1 2-3',
  'bytes=0-1;2-3',
  'bytes=0-1/10',
  'bytes=*',
  'bytes=0-*',
  'bytes=\xa00-1',
  'bytes=\xb2-3',
  'bytes=0-1, bytes=3-4',
  // the last byte before the first
  'bytes=1-0',
  'bytes=9-8',
  'bytes=20-15',
  // one invalid range invalidates the set, section 14.1.1
  'bytes=0-1,x',
  'bytes=x,0-1',
  'bytes=0-1,5-4',
  'bytes=20-,5-4',
  'bytes=-0,5-4',
];

export const SEVERAL: [subject: string, ...RangeRow][] = [
  ['in the order of the request', 'bytes=5000-5001,100-101,9000-9001', 10_000, '5000-5001 100-101 9000-9001'],
  ['without those that are not satisfiable', 'bytes=10000-,0-0,-0,5000-5000,20000-30000', 10_000, '0-0 5000-5000'],
  ['of which one is satisfiable', 'bytes=10000-,-0,7-7', 10_000, '7-7'],
  ['of which none is satisfiable', 'bytes=10000-,-0', 10_000, 416],
  ['of which none is satisfiable, of an empty file', 'bytes=0-,1-', 0, 416],
  ['of which a suffix is satisfiable, of an empty file', 'bytes=0-,-1', 0, null],
  ['the same twice', 'bytes=7-8,7-8', 10_000, '7-8'],
  ['the second inside the first', 'bytes=100-200,150-160', 10_000, '100-200'],
  ['the first inside the second', 'bytes=150-160,100-200', 10_000, '100-200'],
  ['overlapping backwards', 'bytes=150-250,100-200', 10_000, '100-250'],
  ['adjacent', 'bytes=0-99,100-199', 10_000, '0-199'],
  ['79 bytes apart', 'bytes=0-99,179-199', 10_000, '0-199'],
  ['80 bytes apart', 'bytes=0-99,180-199', 10_000, '0-99 180-199'],
  ['80 bytes apart, backwards', 'bytes=180-199,0-99', 10_000, '180-199 0-99'],
  ['joined by a third', 'bytes=0-99,300-399,100-299', 10_000, '0-399'],
  [
    'joined at the position of the first of them',
    'bytes=5000-5099,900-999,7000-7099,800-899',
    10_000,
    '5000-5099 800-999 7000-7099',
  ],
  [
    'joined to the first and to the third',
    'bytes=3000-3099,5000-5099,3200-3299,3100-3199',
    10_000,
    '3000-3299 5000-5099',
  ],
  ['joined to the whole file, which is one range', 'bytes=0-4999,5000-', 10_000, '0-9999'],
  ['whose parts are longer than the whole', 'bytes=0-0,-1', 400, null],
  ['whose parts are as long as the whole', 'bytes=0-4799,5200-9999', 10_000, null],
  ['whose parts are a byte shorter', 'bytes=0-4799,5201-9999', 10_000, '0-4799 5201-9999'],
];

/** Of 10 bytes. */
export const LONG: [value: string, expected: Expected][] = [
  [`bytes=${','.repeat(10_000)}0-1`, '0-1'],
  [`bytes=${','.repeat(MIB)}`, null],
  [`bytes=${', '.repeat(MIB / 2)}0-1`, '0-1'],
  [`bytes=${' '.repeat(MIB)}0-1`, '0-1'],
  [`bytes=0-1${'\t'.repeat(MIB)}`, '0-1'],
  [`bytes=${'1'.repeat(MIB)}`, null],
  [`bytes=${'1'.repeat(MIB)}-`, 416],
  [`bytes=0-${'1'.repeat(MIB)}`, '0-9'],
  [`bytes=${'0'.repeat(MIB)}-1`, '0-1'],
  [`bytes=${'-'.repeat(MIB)}`, null],
  [`bytes=${'0-,'.repeat(MIB / 3)}`, null],
  [`bytes=${'0'.repeat(MIB)}`, null],
  ['bytes='.repeat(MIB / 6), null],
  ['x'.repeat(MIB), null],
];

const manyRanges = (count: number, range: (at: number) => string): string =>
  `bytes=${Array.from({ length: count }, (_, at) => range(at)).join(',')}`;
const apart = (at: number): string => `${1000 * at}-${1000 * at}`;
const whole = (): string => '0-';
const beyond = (): string => `${MIB}-`;
const allApart = Array.from({ length: MAX_RANGES }, (_, at) => apart(at)).join(' ');

/** MAX_RANGES ranges, and one more, satisfiable or not. */
export const AT_THE_LIMIT: [subject: string, ...RangeRow][] = [
  ['MAX_RANGES ranges', manyRanges(MAX_RANGES, apart), MIB, allApart],
  ['MAX_RANGES + 1 ranges', manyRanges(MAX_RANGES + 1, apart), MIB, null],
  ['MAX_RANGES ranges that join to one', manyRanges(MAX_RANGES, whole), MIB, `0-${MIB - 1}`],
  ['MAX_RANGES + 1 ranges that join to one', manyRanges(MAX_RANGES + 1, whole), MIB, null],
  ['MAX_RANGES unsatisfiable ranges', manyRanges(MAX_RANGES, beyond), MIB, 416],
  ['MAX_RANGES + 1 unsatisfiable ranges', manyRanges(MAX_RANGES + 1, beyond), MIB, null],
];
