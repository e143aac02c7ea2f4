import { describe, expect, test } from 'vitest';
import { lastElementStart, parseForwarded, schemeOf } from '../../../src/http/forwarded.js';

/** The elements of a list from its end; null for one that cannot be found. */
function elementsOf(list: string): (string | null)[] {
  const elements: (string | null)[] = [];
  for (let end = list.length, start = 0; end >= 0; end = start - 1) {
    start = lastElementStart(list, end);
    elements.push(start < 0 ? null : list.slice(start, end));
    if (start < 0) break;
  }
  return elements;
}

test.each<[string, (string | null)[]]>([
  ['', ['']],
  ['a', ['a']],
  ['a,b', ['b', 'a']],
  ['a, ,b', ['b', ' ', 'a']],
  ['for="a,b",c', ['c', 'for="a,b"']],
  ['a,for="b\\",c"', ['for="b\\",c"', 'a']],
  ['a,for="b\\\\",c', ['c', 'for="b\\\\"', 'a']],
  ['"a,b";c="d,e",f', ['f', '"a,b";c="d,e"']],
  // What a client has sent in front does not hide the element of the proxy.
  ['for=", for=b', [' for=b', null]],
  ['for="a\\, for="[::1]"', [' for="[::1]"', null]],
  ['", for="[::1]"', [' for="[::1]"', null]],
  ['"', [null]],
  ['\\"', [null]],
  ['a"', [null]],
  ['a\\",b"', [null]],
])('the elements of %j from its end', (list, elements) => expect(elementsOf(list)).toEqual(elements));

describe('an element', () => {
  test.each<[string, string | null, string | null]>([
    ['for=192.0.2.1', '192.0.2.1', null],
    ['For=192.0.2.1;PROTO=https;By=_proxy', '192.0.2.1', 'https'],
    ['for="[2001:db8::1]:4711";host=x.example', '[2001:db8::1]:4711', null],
    ['for=[2001:db8::1]', '[2001:db8::1]', null],
    ['for="_a\\"b\\\\"', '_a"b\\', null],
    ['proto=http; for=unknown', 'unknown', 'http'],
    ['for=_hidden ; proto=HTTPS', '_hidden', 'HTTPS'],
    [';for=192.0.2.1;;', '192.0.2.1', null],
    ['by=192.0.2.1;x-own="a=b;for=c"', null, null],
    ['for=""', '', null],
  ])('%s', (element, node, proto) => expect(parseForwarded(element)).toEqual({ node, proto }));

  test.each([
    '192.0.2.1',
    'for',
    'for=',
    '=192.0.2.1',
    'for =192.0.2.1',
    'for= 192.0.2.1',
    'for=192.0.2.1;proto',
    'for=192.0.2.1 proto=https',
    'for=192.0.2.1;for=192.0.2.2',
    'proto=http;for=192.0.2.1;proto=https',
    'for="192.0.2.1',
    'for="192.0.2.1"x',
    'for="192.0.2.1\\"',
    'for=a"b',
    'for=a=b',
    'f(r=1',
  ])('%j is not valid', (element) => expect(parseForwarded(element)).toBeNull());
});

test('schemes', () => {
  expect(['http', 'HTTPS', 'ws', '', 'https ', null].map(schemeOf)).toEqual(['http', 'https', null, null, null, null]);
});
