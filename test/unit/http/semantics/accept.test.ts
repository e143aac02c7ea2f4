import { describe, expect, test } from 'vitest';
import { mayRequestPage, parseQvalue, prefersJson, quality } from '../../../../src/http/semantics/accept.js';

/** The tables of RFC 9110 section 12.5.1. */
const AUDIO = 'audio/*; q=0.2, audio/basic';
const DRAFTS = 'text/plain; q=0.5, text/html, text/x-dvi; q=0.8, text/x-c';
const SPECIFIC = 'text/*, text/plain, text/plain;format=flowed, */*';
const LEVELS = 'text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5';
/** As browsers and tools send them. */
const CHROME =
  'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7';
const AXIOS = 'application/json, text/plain, */*';
const OLD_JAVA = 'text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2';

describe('quality', () => {
  test.each<[accept: string | null, type: string, quality: number]>([
    [null, 'text/html', 1],
    ['*/*', 'text/html', 1],
    ['text/*', 'text/html', 1],
    ['text/html', 'text/html', 1],
    ['text/html', 'text/plain', 0],
    ['text/html', 'application/json', 0],
    ['text/*', 'application/json', 0],
    [AUDIO, 'audio/basic', 1],
    [AUDIO, 'audio/ogg', 0.2],
    [AUDIO, 'text/html', 0],
    [DRAFTS, 'text/plain', 0.5],
    [DRAFTS, 'text/html', 1],
    [DRAFTS, 'text/x-dvi', 0.8],
    [DRAFTS, 'text/x-c', 1],
    [SPECIFIC, 'image/jpeg', 1],
    [LEVELS, 'text/plain;format=flowed', 1],
    [LEVELS, 'text/plain', 0.7],
    [LEVELS, 'text/html', 0.3],
    [LEVELS, 'image/jpeg', 0.5],
    [LEVELS, 'text/plain;format=fixed', 0.4],
    [LEVELS, 'text/html;level=3', 0.3],
    [CHROME, 'text/html', 1],
    [CHROME, 'application/json', 0.8],
    [AXIOS, 'application/json', 1],
    [AXIOS, 'image/png', 1],
    [OLD_JAVA, 'text/html', 1],
    [OLD_JAVA, 'image/gif', 1],
    // the most specific range decides, at any position and with any weight
    ['text/html;q=0.1, */*', 'text/html', 0.1],
    ['*/*, text/html;q=0.1', 'text/html', 0.1],
    ['text/html;q=0, text/*', 'text/html', 0],
    ['*/*;q=0', 'text/html', 0],
    ['*/*;q=0, text/*;q=0.5', 'text/html', 0.5],
    ['text/*;q=0.2, */*;q=0.9', 'text/html', 0.2],
    ['text/html;q=0.2, text/html;q=0.7', 'text/html', 0.7],
    ['text/html;q=0.7, text/html;q=0.2', 'text/html', 0.7],
    ['text/html;q=0, text/html', 'text/html', 1],
    // case and whitespace
    ['TEXT/HTML;Q=0.5', 'text/html', 0.5],
    ['text/html;q=0.5', 'Text/Html', 0.5],
    [' text/html\t;\tq=0.5 ', 'text/html', 0.5],
    [',, ,text/html;q=0.5,\t,', 'text/html', 0.5],
    ['text/html;;q=0.5; ;', 'text/html', 0.5],
    // parameters
    ['text/html;charset=utf-8', 'text/html', 0],
    ['text/html;charset=UTF-8', 'text/html; charset=utf-8', 1],
    ['text/html;charset="utf-8"', 'text/html;charset=utf-8', 1],
    ['text/html;charset="u\\tf-8"', 'text/html;charset=utf-8', 1],
    ['text/html;charset=utf-16', 'text/html;charset=utf-8', 0],
    ['text/html', 'text/html;charset=utf-8', 1],
    ['text/html;q=0.5;level=1', 'text/html;level=1', 0.5],
    ['text/html;q=0.5;level=1', 'text/html', 0],
    ['text/html;a="x,y;z";q=0.5, */*;q=0.1', 'text/html;a="x,y;z"', 0.5],
    ['text/html;a="x\\",text/plain"', 'text/plain', 0],
    ['text/html;a="", text/plain', 'text/plain', 1],
    ['*/*;level=1;q=0.3', 'text/html;level=1', 0.3],
    ['*/*;level=1;q=0.3', 'text/html', 0],
    ['*/*;level=1;q=0.3, text/html;q=0.2', 'text/html;level=1', 0.2],
  ])('%s of %s: %d', (accept, type, expected) => expect(quality(accept, type)).toBe(expected));

  test.each([
    'text',
    '/html',
    'text/',
    '/',
    '*',
    '*/html',
    'text/html/x',
    'text /html',
    'text/ html',
    'text/html charset=utf-8',
    'te(xt/html',
    'text/html\xa0',
    'text/html;q',
    'text/html;q=',
    'text/html;q=x',
    'text/html;q =0.5',
    'text/html;q= 0.5',
    'text/html;q=0.1234',
    'text/html;q=1.001',
    'text/html;q=2',
    'text/html;q=-1',
    'text/html;q=.5',
    'text/html;q="0.5"',
    'text/html;q=0.5;q=0.5',
    'text/html;=1',
    'text/html;a',
    'text/html;a=',
    'text/html;a=(',
    'text/html;a="x',
    'text/html;a="x"y',
    'text/html;a="x\\"',
    '"text/html"',
    'q=0.5',
    '\u{1f600}/html',
  ])('%j is invalid, and ignored', (element) => {
    expect(quality(`text/plain;q=0.3, ${element}`, 'text/html')).toBe(0);
    expect(quality(`text/html;q=0.3, ${element}`, 'text/html')).toBe(0.3);
    expect(quality(element, 'text/html')).toBe(1);
  });

  test.each(['', ' ', ',', ', ,\t,'])('%j counts as no field', (accept) => {
    expect(quality(accept, 'text/html')).toBe(1);
    expect(prefersJson(accept)).toBe(false);
  });
});

describe('mayRequestPage', () => {
  test.each<[accept: string | null, by: string]>([
    [null, 'no field: HTTP/1.0 monitors, HAProxy'],
    ['', 'an empty field, as none'],
    ['*/*', 'curl, wget, kubelet, Python'],
    ['text/*', 'by range'],
    ['*/*;q=0.1', 'of any weight'],
    ['text/html', 'by name'],
    ['text/html;q=0.1, application/json', 'by name, of less weight'],
    [CHROME, 'Chrome'],
    [OLD_JAVA, 'old Java'],
    ['application/json;q=0.5, */*', 'others of less weight'],
    ['*/*, application/json;q=0', 'others that are not accepted'],
    ['nonsense', 'no valid range, as none'],
  ])('%s: %s', (accept) => expect(mayRequestPage(accept)).toBe(true));

  test.each<[accept: string | null, by: string]>([
    ['application/json', 'data'],
    [AXIOS, 'axios'],
    ['application/json, */*;q=0.5', 'HTTPie'],
    ['image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8', 'an image in Chrome'],
    ['text/css,*/*;q=0.1', 'a style sheet'],
    ['text/event-stream', 'an event source'],
    ['text/plain', 'text'],
    ['text/html;q=0, */*', 'HTML is not accepted'],
    ['*/*;q=0', 'nothing is accepted'],
    ['text/plain, text/*', 'a type of the same weight'],
  ])('not %s: %s', (accept) => expect(mayRequestPage(accept)).toBe(false));
});

describe('prefersJson', () => {
  test.each([
    'application/json',
    'application/*',
    'APPLICATION/JSON',
    'application/json;charset=utf-8',
    'application/json; charset=UTF-8',
    'application/json, text/html;q=0.9',
    'text/html;q=0.5, application/json;q=0.501',
    'application/json, */*;q=0.5',
    'text/html;q=0, application/json;q=0.001',
    'text/html;q=0, */*;q=0.1',
    'text/*;q=0, */*',
    'text/html;q=2, application/json',
    'application/vnd.api+json, application/json',
  ])('by %s', (accept) => expect(prefersJson(accept)).toBe(true));

  test.each([
    null,
    '*/*',
    'text/html',
    'text/html, application/json',
    'application/json, text/html',
    'text/html, application/json;q=0.9',
    'application/json;q=0',
    'application/json;q=0, text/html;q=0',
    'text/html;q=0',
    'image/png',
    'application/vnd.api+json',
    'application/json;version=2',
    'application/json;q=1.5',
    AXIOS.replace('*/*', 'text/*'),
    CHROME,
    OLD_JAVA,
  ])('not by %s', (accept) => expect(prefersJson(accept)).toBe(false));
});

test.each<[qvalue: string, thousandths: number]>([
  ['0', 0],
  ['1', 1000],
  ['0.', 0],
  ['1.', 1000],
  ['0.5', 500],
  ['0.05', 50],
  ['0.005', 5],
  ['0.999', 999],
  ['0.000', 0],
  ['1.0', 1000],
  ['1.000', 1000],
  ['', -1],
  ['2', -1],
  ['00', -1],
  ['01', -1],
  ['10', -1],
  ['.5', -1],
  ['0,5', -1],
  ['0.5.', -1],
  ['0.0000', -1],
  ['1.0000', -1],
  ['1.001', -1],
  ['1.1', -1],
  ['-0', -1],
  ['+1', -1],
  ['1e0', -1],
  ['0.a', -1],
  ['0. 5', -1],
  ['\u0660', -1],
])('the weight %j is %d', (qvalue, thousandths) => expect(parseQvalue(qvalue)).toBe(thousandths));

test('every valid weight is parsed to its thousandths', () => {
  for (let weight = 0; weight <= 1000; weight++) {
    const qvalue = (weight / 1000).toFixed(3);
    expect(quality(`text/html;q=${qvalue}`, 'text/html')).toBe(Number(qvalue));
  }
});

test('the longest field that a client can send is parsed in linear time', () => {
  const units = [
    ',',
    ';',
    '"',
    '\\',
    '\\"',
    '/',
    ' ',
    '=',
    '*/*,',
    'a/b;',
    'a/b;c="',
    'q=',
    ';q=1',
    'text/html;q=0.5,',
    '\t,',
  ];
  const startMs = performance.now();
  for (const unit of units) {
    const tail = unit.repeat(48_000 / unit.length);
    for (const accept of [tail, `text/html${tail}`, `text/html;a="${tail}`, `text/html;a=${tail}x`]) {
      expect(quality(accept, 'text/html')).toBeGreaterThanOrEqual(0);
      prefersJson(accept);
    }
  }
  expect(performance.now() - startMs).toBeLessThan(3000);
});
