import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  AVAILABLE_CODINGS,
  COMPRESSION_MIN_BYTES,
  compress,
  isWorthwhile,
} from '../../../../src/files/representation/compress.js';

describe('compress', () => {
  const text = readFileSync(new URL('../../../../html/index.html', import.meta.url));
  const uncompress: Record<string, (bytes: Buffer) => Buffer> = {
    br: zlib.brotliDecompressSync,
    gzip: zlib.gunzipSync,
    ...('zstdDecompressSync' in zlib && { zstd: zlib.zstdDecompressSync as (bytes: Buffer) => Buffer }),
  };

  test('the available codings are those that this Node has', () => {
    expect(AVAILABLE_CODINGS).toEqual('zstdCompress' in zlib ? ['br', 'zstd', 'gzip'] : ['br', 'gzip']);
  });

  test.each(AVAILABLE_CODINGS)('%s decompresses to the same bytes', async (coding) => {
    for (const bytes of [text, Buffer.alloc(0), Buffer.from('x'), randomBytes(70_000), new Uint8Array(100_000)]) {
      const compressed = await compress(bytes, coding);
      expect(uncompress[coding]!(compressed).equals(bytes)).toBe(true);
    }
  });

  test.each(AVAILABLE_CODINGS)('%s is worthwhile for a page, and not for noise', async (coding) => {
    expect((await compress(text, coding)).length).toBeLessThan(text.length / 2);
    const noise = randomBytes(10_000);
    expect(isWorthwhile(noise.length, (await compress(noise, coding)).length)).toBe(false);
  });

  test.each(AVAILABLE_CODINGS)('%s is deterministic', async (coding) => {
    expect((await compress(text, coding)).equals(await compress(text, coding))).toBe(true);
  });

  test.runIf(!AVAILABLE_CODINGS.includes('zstd'))('an unavailable coding throws', async () => {
    await expect(compress(text, 'zstd')).rejects.toThrow('AVAILABLE_CODINGS');
  });

  test.each<[original: number, compressed: number, expected: boolean]>([
    [1024, 960, true],
    [1024, 961, false],
    [1280, 1216, true],
    [1280, 1217, false],
    [2000, 1900, true],
    [2000, 1901, false],
    [100_000, 95_000, true],
    [100_000, 95_001, false],
    [100_000, 99_936, false],
    [64, 0, true],
    [63, 0, false],
    [0, 0, false],
    [1024, 1024, false],
    [1024, 2000, false],
  ])('%d to %d bytes is worthwhile: %s', (original, compressed, expected) => {
    expect(isWorthwhile(original, compressed)).toBe(expected);
  });

  test('a body below COMPRESSION_MIN_BYTES fits one packet with its head', () => {
    expect(COMPRESSION_MIN_BYTES + 300).toBeLessThan(1460);
  });
});
