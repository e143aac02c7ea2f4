import { isIPv4, isIPv6 } from 'node:net';
import { describe, expect, test } from 'vitest';
import { IpAddress, parseNode, portOf } from '../../../../src/net/ip/ip-address.js';
import { below, seeded } from '../../../support/random.js';

const textOf = (text: string): string | null => {
  const address = new IpAddress();
  address.parse('9999:9999:9999:9999:9999:9999:9999:9999'); // what was parsed before must not show
  return address.parse(text) ? address.toString() : null;
};

describe('an address, and its one text', () => {
  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:c000:201', '192.0.2.1'],
    ['0:0:0:0:0:ffff:c000:0201', '192.0.2.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8::A', '2001:db8::a'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
    ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['2001:0:0:1:1:0:0:1', '2001::1:1:0:0:1'], // of two gaps of the same length the first
    ['1:0:2:3:4:5:6:7', '1:0:2:3:4:5:6:7'], // one group does not make a gap
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
    ['1:2:3:4:5:6:192.0.2.1', '1:2:3:4:5:6:c000:201'],
    ['::ffff:0:192.0.2.1', '::ffff:0:c000:201'],
  ])('%s is %s', (text, expected) => {
    expect(textOf(text)).toBe(expected);
    expect(textOf(expected)).toBe(expected);
    const address = new IpAddress();
    address.parse(text);
    expect(address.isIPv4).toBe(isIPv4(expected));
    // The same from its bytes.
    const bytes = Uint8Array.from([7, ...Array.from(address.groups, (group) => [group >> 8, group & 255]).flat()]);
    address.read(bytes, 1, 16);
    expect(address.toString()).toBe(expected);
    if (address.isIPv4) address.read(bytes, 13, 4);
    expect(address.toString()).toBe(expected);
  });

  test.each([
    '',
    'unknown',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1.2.3.4000',
    '01.2.3.4',
    '1.2.3.00',
    '1..2.3',
    '1.2.3.',
    '1.2.3.4:80',
    '1.2.3.4 ',
    '0x1.2.3.4',
    '1',
    '12345::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8:9',
    '1::2::3',
    ':1::',
    '1:',
    '::1:',
    '::1.2.3.4:5',
    '1:2:3:4:5:6:7:1.2.3.4',
    'g::',
    '::1 ',
    '[::1]',
    ':::',
    'fe80::1%eth0',
  ])('%j is not one', (text) => expect(textOf(text)).toBeNull());

  test('what Node has for an address is one, and nothing else', () => {
    const random = seeded();
    const parts = ['0', '1', '255', '256', 'ffff', 'db8', '.', '.', ':', ':', ':', '::', '192.0.2.1', 'g', '%'];
    let valid = 0;
    for (let i = 0; i < 20_000; i++) {
      const text = Array.from({ length: 1 + below(random, 9) }, () => parts[below(random, parts.length)]).join('');
      const isAddress = (isIPv4(text) || isIPv6(text)) && !text.includes('%');
      expect([text, textOf(text) !== null]).toEqual([text, isAddress]);
      if (isAddress) valid++;
    }
    expect(valid).toBeGreaterThan(50);
  });

  test('a part of a text', () => {
    const address = new IpAddress();
    for (const [text, start, end] of [
      ['x1.2.3.4y', 1, 8],
      ['f::1:5', 1, 4],
      ['1:2::1::', 0, 6],
      ['10::1.2.3.49', 2, 11],
    ] as const) {
      const part = text.slice(start, end);
      expect([part, address.parse(text, start, end) && address.toString()]).toEqual([part, textOf(part)]);
    }
  });
});

test.each<[string, string, number]>([
  ['192.0.2.1', '192.0.2.1', 0],
  ['192.0.2.1:47', '192.0.2.1', 47],
  ['192.0.2.1:0', '192.0.2.1', 0],
  ['192.0.2.1:65535', '192.0.2.1', 65535],
  ['192.0.2.1:_gazonk', '192.0.2.1', 0],
  ['[2001:db8::1]', '2001:db8::1', 0],
  ['[2001:db8::1]:4711', '2001:db8::1', 4711],
  ['[2001:db8::1]:_x', '2001:db8::1', 0],
  ['2001:db8::1', '2001:db8::1', 0],
  ['::1', '::1', 0],
  ['[::ffff:192.0.2.1]:5', '192.0.2.1', 5],
])('parseNode of %s', (text, address, port) => {
  const parsed = new IpAddress();
  expect(parseNode(text, parsed)).toBe(port);
  expect(parsed.toString()).toBe(address);
});

test.each([
  '',
  ':',
  ':80',
  'unknown',
  'unknown:80',
  '_hidden',
  '_hidden:_port',
  'localhost',
  'unix:',
  'unix:/run/x.sock',
  '192.0.2.1:',
  '192.0.2.1:65536',
  '192.0.2.1:080',
  '192.0.2.1:8a',
  '192.0.2.1:_',
  '192.0.2.1:80:80',
  '[2001:db8::1',
  '2001:db8::1]',
  '[]',
  '[2001:db8::1]x',
  '[2001:db8::1]80',
  '[[::1]]',
  '"192.0.2.1"',
  ' 192.0.2.1',
])('parseNode finds no address in %j', (text) => expect(parseNode(text, new IpAddress())).toBe(-1));

test.each([
  ['0', 0],
  ['80', 80],
  ['65535', 65535],
  ['65536', -1],
  ['00', -1],
  ['080', -1],
  ['', -1],
  ['-1', -1],
  ['1e3', -1],
  [' 1', -1],
])('portOf %j', (text, port) => expect(portOf(text)).toBe(port));
