import { BlockList } from 'node:net';
import { expect, test } from 'vitest';
import { IpAddress } from '../../../../src/net/ip/ip-address.js';
import { isNetwork, Networks } from '../../../../src/net/ip/networks.js';
import { below, seeded } from '../../../support/random.js';

const contains = (networks: Networks, text: string): boolean => {
  const address = new IpAddress();
  expect(address.parse(text), text).toBe(true);
  return networks.contains(address);
};

test.each<[network: string, inside: string[], outside: string[]]>([
  ['192.0.2.1', ['192.0.2.1', '::ffff:192.0.2.1'], ['192.0.2.0', '192.0.2.2', '::192.0.2.1']],
  ['10.0.0.0/8', ['10.0.0.0', '10.255.255.255', '::ffff:10.1.2.3'], ['9.255.255.255', '11.0.0.0', 'a00::']],
  ['10.1.2.3/8', ['10.255.255.255'], ['11.0.0.0']], // what is behind the prefix does not count
  ['192.0.2.128/25', ['192.0.2.128', '192.0.2.255'], ['192.0.2.127', '192.0.3.0']],
  ['192.0.2.4/31', ['192.0.2.4', '192.0.2.5'], ['192.0.2.3', '192.0.2.6']],
  ['0.0.0.0/0', ['0.0.0.0', '255.255.255.255', '128.0.0.0'], ['::', 'ffff::']],
  ['::/0', ['::', '::1', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'], ['0.0.0.0', '::ffff:1.2.3.4']],
  ['2001:db8::/32', ['2001:db8::', '2001:db8:ffff:ffff::1'], ['2001:db7:ffff::', '2001:db9::']],
  ['2001:db8::/33', ['2001:db8:7fff::'], ['2001:db8:8000::']],
  ['2001:db8:1:2::/64', ['2001:db8:1:2:ffff::'], ['2001:db8:1:3::', '2001:db8:1:1:ffff::']],
  ['2001:db8::f0/124', ['2001:db8::f0', '2001:db8::ff'], ['2001:db8::ef', '2001:db8::100']],
  ['2001:db8::/96', ['2001:db8::ffff:ffff'], ['2001:db8::1:0:0']],
  ['2001:db8::1/128', ['2001:db8::1'], ['2001:db8::', '2001:db8::3']],
  ['::ffff:10.0.0.0/104', ['10.9.9.9', '::ffff:10.0.0.1'], ['11.0.0.0']],
  ['::ffff:0:0/96', ['1.2.3.4'], ['::1:0:0', '::1']],
])('%s', (network, inside, outside) => {
  const networks = new Networks(['198.51.100.7', network, 'fd00::1:2:3/127']);
  for (const text of [...inside, '198.51.100.7', 'fd00::1:2:2']) expect(contains(networks, text), text).toBe(true);
  for (const text of outside) expect(contains(networks, text), text).toBe(false);
});

test.each([
  '',
  '/8',
  '10.0.0.0/',
  '10.0.0.0/33',
  '10.0.0.0/08',
  '10.0.0.0/-1',
  '10.0.0.0/8/8',
  '10.0.0.0/255.0.0.0',
  '10.0.0/8',
  '10/8',
  '10.*',
  'localhost',
  'unix',
  '::/129',
  '[::1]/128',
  'fe80::1%eth0',
  '::ffff:0:0/95', // IPv4 and more
  ' 10.0.0.0/8',
])('%j is not a network', (text) => expect(isNetwork(text)).toBe(false));

test('it contains what a BlockList of Node contains', () => {
  const random = seeded();
  const group = (): string => [0, 1, 0x8000, 0xffff, below(random, 65536)][below(random, 5)]!.toString(16);
  const addressOf = (isIPv6: boolean): string =>
    isIPv6
      ? `2001:db8:${Array.from({ length: 6 }, group).join(':')}`
      : `10.${below(random, 2)}.${below(random, 256)}.${below(random, 256)}`;
  let hits = 0;
  for (let i = 0; i < 200; i++) {
    const list = new BlockList();
    const texts = Array.from({ length: 3 }, (_, at) => {
      const isIPv6 = at % 2 === 0;
      // A shorter prefix of 2001: has IPv4-mapped addresses in it, which a BlockList finds there.
      const [address, prefix] = [addressOf(isIPv6), isIPv6 ? 3 + below(random, 126) : below(random, 33)];
      list.addSubnet(address, prefix, isIPv6 ? 'ipv6' : 'ipv4');
      return `${address}/${prefix}`;
    });
    const networks = new Networks(texts);
    for (let j = 0; j < 20; j++) {
      const isIPv6 = j % 2 === 0;
      const address = addressOf(isIPv6);
      const expected = list.check(address, isIPv6 ? 'ipv6' : 'ipv4');
      expect([texts, address, contains(networks, address)]).toEqual([texts, address, expected]);
      if (expected) hits++;
    }
  }
  expect(hits).toBeGreaterThan(100);
});
