import { expect, test } from 'vitest';
import { FINGERPRINT_BYTES, statFingerprint, writeStatFingerprint } from '../../../../src/files/resolve/fingerprint.js';
import { STAT_WORDS, Stat } from '../../../../src/sys/kernel.js';
import { random as randomFrom } from '../../../support/random.js';

const FIELDS = [
  ...[Stat.mtimeSeconds, Stat.mtimeNanoseconds, Stat.ctimeSeconds, Stat.ctimeNanoseconds],
  ...[Stat.size, Stat.inodeLow, Stat.inodeHigh],
];

/** FNV-1a of the seven low bytes of each field, the second hash with the byte's place added. */
function expected(stat: Float64Array): string {
  let [high, low] = [0x811c9dc5n, 0x2b5a3c17n];
  const step = (hash: bigint, byte: bigint): bigint => BigInt.asUintN(32, (hash ^ byte) * 0x01000193n);
  for (const field of FIELDS) {
    const value = BigInt(stat[field]!);
    for (let i = 0n; i < 7n; i++) {
      const byte = (value >> (8n * i)) & 0xffn;
      high = step(high, byte);
      low = step(low, byte + i);
    }
  }
  return high.toString(36) + low.toString(36);
}

test('a fingerprint is two hashes in base 36, as text and as bytes', () => {
  const random = randomFrom(7);
  for (let i = 0; i < 500; i++) {
    const stat = new Float64Array(STAT_WORDS).map(() => Math.floor(random() * 2 ** (i % 2 === 0 ? 31 : 53)));
    const out = Buffer.alloc(FINGERPRINT_BYTES);
    const length = writeStatFingerprint(stat, out);
    expect(out.toString('latin1', 0, length)).toBe(expected(stat));
    expect(statFingerprint(stat)).toBe(expected(stat));
  }
});
