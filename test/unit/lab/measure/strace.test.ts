import { describe, expect, test } from 'vitest';
import { countAttached, parseStrace, straceArgs } from '../../../../src/lab/measure/strace.js';

describe('strace', () => {
  const TABLE = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 92.97    0.816002        2147       380        39 futex
  3.56    0.031222          19      1582           writev
  0.00    0.000000           0         1         1 ioctl
  0.00    0.000000           0         2           newfstatat
------ ----------- ----------- --------- --------- ----------------
100.00    0.877718         204      4296        49 total
`;

  test('the table is parsed to counts by name', () => {
    expect(parseStrace(TABLE)).toEqual({ futex: 380, writev: 1582, ioctl: 1, newfstatat: 2 });
    expect(parseStrace('')).toEqual({});
  });

  test('the arguments name all processes, and the attached ones are counted', () => {
    expect(straceArgs([7, 8], '/out').join(' ')).toBe('-c -f -o /out -p 7 -p 8');
    expect(countAttached('strace: Process 7 attached with 11 threads\nstrace: Process 8 attached\n')).toBe(2);
  });
});
