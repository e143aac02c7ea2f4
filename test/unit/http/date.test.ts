import { describe, expect, test } from 'vitest';
import { DATE_BYTES, DateClock, formatDate, parseDate } from '../../../src/http/date.js';

const NOW = Date.UTC(2026, 6, 15, 12, 0, 0);
const RFC_EXAMPLE = Date.UTC(1994, 10, 6, 8, 49, 37);

describe('parses', () => {
  test.each([
    ['IMF-fixdate', 'Sun, 06 Nov 1994 08:49:37 GMT', RFC_EXAMPLE],
    ['rfc850', 'Sunday, 06-Nov-94 08:49:37 GMT', RFC_EXAMPLE],
    ['asctime', 'Sun Nov  6 08:49:37 1994', RFC_EXAMPLE],
    ['asctime, a day of two digits', 'Wed Nov 16 08:49:37 1994', Date.UTC(1994, 10, 16, 8, 49, 37)],
    ['the epoch', 'Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['before the epoch', 'Wed, 31 Dec 1969 23:59:59 GMT', -1000],
    ['a leap day', 'Thu, 29 Feb 2024 00:00:00 GMT', Date.UTC(2024, 1, 29)],
    ['a leap day of a century', 'Tue, 29 Feb 2000 00:00:00 GMT', Date.UTC(2000, 1, 29)],
    ['the last second of a year', 'Thu, 31 Dec 2026 23:59:59 GMT', Date.UTC(2026, 11, 31, 23, 59, 59)],
    ['a leap second, as the second behind it', 'Sat, 31 Dec 2016 23:59:60 GMT', Date.UTC(2017, 0, 1)],
    ['a year far ahead', 'Fri, 31 Dec 9999 23:59:59 GMT', Date.UTC(9999, 11, 31, 23, 59, 59)],
    ['a year of few digits', 'Sat, 01 Jan 0050 00:00:00 GMT', new Date(0).setUTCFullYear(50, 0, 1)],
    ['a weekday that is not that date’s', 'Mon, 06 Nov 1994 08:49:37 GMT', RFC_EXAMPLE],
  ])('%s', (_, text, epochMs) => {
    expect(parseDate(text, NOW)).toBe(epochMs);
  });

  test('every month, in every format', () => {
    for (let month = 0; month < 12; month++) {
      const epochMs = Date.UTC(2025, month, 28, 1, 2, 3);
      const fixdate = formatDate(epochMs);
      const name = fixdate.slice(8, 11);
      expect(parseDate(fixdate, NOW)).toBe(epochMs);
      expect(parseDate(`Monday, 28-${name}-25 01:02:03 GMT`, NOW)).toBe(epochMs);
      expect(parseDate(`Mon ${name} 28 01:02:03 2025`, NOW)).toBe(epochMs);
    }
  });

  test('every weekday', () => {
    for (const day of ['Mon', 'Tues', 'Wednes', 'Thurs', 'Fri', 'Satur', 'Sun']) {
      expect(parseDate(`${day}day, 06-Nov-94 08:49:37 GMT`, NOW)).toBe(RFC_EXAMPLE);
      expect(parseDate(`${day.slice(0, 3)}, 06 Nov 1994 08:49:37 GMT`, NOW)).toBe(RFC_EXAMPLE);
      expect(parseDate(`${day.slice(0, 3)} Nov  6 08:49:37 1994`, NOW)).toBe(RFC_EXAMPLE);
    }
  });

  test('what formatDate formats', () => {
    for (let epochMs = -3e13; epochMs < 2.5e14; epochMs += 1_234_567_890_000)
      expect(parseDate(formatDate(epochMs), NOW)).toBe(epochMs);
  });
});

describe('a two-digit year', () => {
  const at = (text: string, nowMs: number) => parseDate(`Monday, ${text} 12:00:00 GMT`, nowMs);
  test.each([
    ['this year', '15-Jul-26', NOW, 2026],
    ['a year ago', '15-Jul-25', NOW, 2025],
    ['next year', '15-Jul-27', NOW, 2027],
    ['50 years ahead', '15-Jul-76', NOW, 2076],
    ['a day more than 50 years ahead', '16-Jul-76', NOW, 1976],
    ['later in that year', '31-Dec-76', NOW, 1976],
    ['earlier in that year', '01-Jan-76', NOW, 2076],
    ['51 years ahead', '01-Jan-77', NOW, 1977],
    ['the last year of a century', '01-Jan-99', NOW, 1999],
    ['the first of this one', '01-Jan-00', NOW, 2000],
    ['a century that is over', '01-Jan-99', Date.UTC(1999, 5), 1999],
    ['a century that has begun', '01-Jan-00', Date.UTC(2000, 0, 1), 2000],
    ['a leap day that does not exist 100 years later', '29-Feb-96', NOW, 1996],
  ])('that is %s', (_, text, nowMs, year) => {
    expect(new Date(at(text, nowMs)).getUTCFullYear()).toBe(year);
  });

  test('is resolved to the second', () => {
    expect(parseDate('Monday, 15-Jul-76 12:00:00 GMT', NOW)).toBe(Date.UTC(2076, 6, 15, 12));
    expect(parseDate('Monday, 15-Jul-76 12:00:01 GMT', NOW)).toBe(Date.UTC(1976, 6, 15, 12, 0, 1));
  });
});

describe('is NaN for what is not a date', () => {
  test.each([
    '',
    ' ',
    '0',
    '784111777',
    'now',
    '1994-11-06T08:49:37Z',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37 gmt',
    'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 06 Nov 1994 08:49:37 GMT ',
    ' Sun, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT; length=5',
    'Sun,  06 Nov 1994 08:49:37 GMT',
    'Sun 06 Nov 1994 08:49:37 GMT',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sun, 06 Nov 01994 08:49:37 GMT',
    'Sun, 06 nov 1994 08:49:37 GMT',
    'Sun, 06 Now 1994 08:49:37 GMT',
    'Sun, 06 November 1994 08:49:37 GMT',
    'Sun, 06-Nov-1994 08:49:37 GMT',
    'Sonntag, 06 Nov 1994 08:49:37 GMT',
    'Son, 06 Nov 1994 08:49:37 GMT',
    'sun, 06 Nov 1994 08:49:37 GMT',
    'Sunday, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06-Nov-94 08:49:37 GMT',
    'Sunday, 06-Nov-1994 08:49:37 GMT',
    'Sunday 06-Nov-94 08:49:37 GMT',
    'Sunday, 6-Nov-94 08:49:37 GMT',
    'Sun Nov 6 08:49:37 1994',
    'Sun Nov  6 08:49:37 1994 GMT',
    'Sun Nov  6 08:49:37 94',
    'Sun, Nov  6 08:49:37 1994',
    'Sun, 00 Nov 1994 08:49:37 GMT',
    'Sun, 31 Nov 1994 08:49:37 GMT',
    'Sun, 32 Dec 1994 08:49:37 GMT',
    'Sun, 30 Feb 2024 08:49:37 GMT',
    'Sun, 29 Feb 2023 08:49:37 GMT',
    'Sun, 29 Feb 1900 08:49:37 GMT',
    'Sunday, 29-Feb-93 08:49:37 GMT',
    'Sunday, 30-Feb-76 08:49:37 GMT',
    'Sun Feb 30 08:49:37 2024',
    'Sun Nov  0 08:49:37 1994',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 06 Nov 1994 8:49:37 GMT',
    'Sun, 06 Nov 1994 -8:49:37 GMT',
    'Sun, 06 Nov 1994 08:49 GMT',
    'Sun, 06 Nov 1994 08:49:37.5 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT\n',
    'Sun, \xb06 Nov 1994 08:49:37 GMT',
  ])('%j', (text) => {
    expect(parseDate(text, NOW)).toBeNaN();
  });
});

describe('DateClock', () => {
  test('has the second as bytes, as text and as a log stamp', () => {
    const clock = new DateClock();
    clock.tick(RFC_EXAMPLE + 999);
    expect(clock.bytes.toString('latin1')).toBe('Sun, 06 Nov 1994 08:49:37 GMT');
    expect(clock.bytes.length).toBe(DATE_BYTES);
    expect(clock.logStamp).toBe('06/Nov/1994:08:49:37 +0000');
    expect(clock.second).toBe(RFC_EXAMPLE / 1000);
  });

  test('formats only once per second', () => {
    const clock = new DateClock();
    const { bytes } = clock;
    clock.tick(RFC_EXAMPLE);
    bytes.fill('x');
    for (const ms of [0, 1, 500, 999, 999.9]) clock.tick(RFC_EXAMPLE + ms);
    expect(bytes.toString('latin1')).toBe('x'.repeat(DATE_BYTES));
    clock.tick(RFC_EXAMPLE + 1000);
    expect(clock.bytes).toBe(bytes);
    expect(bytes.toString('latin1')).toBe('Sun, 06 Nov 1994 08:49:38 GMT');
    expect(clock.logStamp).toBe('06/Nov/1994:08:49:38 +0000');
  });

  test('follows the wall clock back', () => {
    const clock = new DateClock();
    clock.tick(RFC_EXAMPLE);
    clock.tick(RFC_EXAMPLE - 1);
    expect(clock.bytes.toString('latin1')).toBe('Sun, 06 Nov 1994 08:49:36 GMT');
  });
});
