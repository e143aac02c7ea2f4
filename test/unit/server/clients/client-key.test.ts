import { describe, expect, test } from 'vitest';
import { ClientKey } from '../../../../src/server/clients/client-key.js';

const keyOf = (address: string): [number, number] | null => {
  const key = new ClientKey();
  key.parse('9999:9999:9999:9999:9999:9999:9999:9999'); // what was parsed before must not show
  return key.parse(address) ? [key.high >>> 0, key.low >>> 0] : null;
};

describe('the key of an address', () => {
  test.each<[string, number, number]>([
    ['127.0.0.1', 0xffffffff, 0x7f000001],
    ['255.255.255.255', 0xffffffff, 0xffffffff],
    ['0.0.0.0', 0xffffffff, 0],
    ['::ffff:127.0.0.1', 0xffffffff, 0x7f000001],
    ['::FFFF:7f00:1', 0xffffffff, 0x7f000001],
    ['0:0:0:0:0:ffff:7f00:0001', 0xffffffff, 0x7f000001],
    ['::', 0, 0],
    ['::1', 0, 0],
    ['2001:db8:1:2::', 0x20010db8, 0x00010002],
    ['2001:db8:1:2:3:4:5:6', 0x20010db8, 0x00010002],
    ['2001:DB8:1:2:ffff::', 0x20010db8, 0x00010002],
    ['2001:db8::2:0:0:5:6', 0x20010db8, 2],
    ['2001:db8::5', 0x20010db8, 0],
    ['1::2:3:4:5:6:7', 0x00010000, 0x00020003],
    ['fe80::1%eth0', 0xfe800000, 0],
    ['64:ff9b::192.0.2.1', 0x0064ff9b, 0],
    ['1:2:3:4:5:6:192.0.2.1', 0x00010002, 0x00030004],
  ])('%s', (address, high, low) => {
    expect(keyOf(address)).toEqual([high, low]);
  });

  test.each([
    '',
    '/run/x.sock',
    'unknown',
    '_hidden',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '1.2.3.4000',
    '1..2.3',
    '1.2.3.',
    '1.2.3.4:80',
    '1',
    '12345::',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8:9',
    '1::2::3',
    ':1::',
    '1:',
    '1:2:3:4:5:6:7:1.2.3.4',
    'g::',
    '::1 ',
    '[::1]',
    ':::',
  ])('%j is not one', (address) => {
    expect(keyOf(address)).toBeNull();
  });
});
