import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as zlib from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  AcceptEncodingCache,
  AVAILABLE_CODINGS,
  CODINGS,
  COMPRESSION_MIN_BYTES,
  codingPreferences,
  compress,
  isCompressible,
  isWorthwhile,
  PRECOMPRESSED_SUFFIXES,
} from '../../../../src/http/semantics/accept-encoding.js';
import { ACCEPT_ENCODINGS, CHROME } from '../../../support/accept-encodings.js';

describe('preferences', () => {
  test.each(ACCEPT_ENCODINGS)('%j: %s', (value, preferences) =>
    expect(codingPreferences(value).join(' ')).toBe(preferences),
  );
  test('no field: identity', () => expect(codingPreferences(null)).toEqual(['identity']));

  test('a field that a peer makes as long as it can takes no time', () => {
    const startMs = performance.now();
    for (const unit of [',', ';', '"', ' ', '=', '*,', 'gzip,', 'gzip;q=1,', 'gzip;', 'q=', '\t,', 'a ']) {
      const tail = unit.repeat(48_000 / unit.length);
      for (const value of [tail, `gzip${tail}`, `gzip;q=${tail}`])
        expect(codingPreferences(value)).toContain('identity');
    }
    const many = Array.from({ length: 8000 }, (_, i) => `c${i}`).join();
    expect(codingPreferences(many)).toEqual(['identity']);
    expect(performance.now() - startMs).toBeLessThan(3000);
  });
});

describe('the memo', () => {
  const memo = new AcceptEncodingCache();
  /** As it lies in a receive buffer, among other bytes. */
  const recall = (value: string, from: AcceptEncodingCache = memo) => {
    const bytes = Buffer.from(`x: ${value}\r\n`, 'latin1');
    return from.preferences(bytes, 3, bytes.length - 2);
  };

  test.each([...ACCEPT_ENCODINGS, ...ACCEPT_ENCODINGS])('%j: %s', (value, preferences) =>
    expect(recall(value).join(' ')).toBe(preferences),
  );

  test('nothing is identity', () => {
    expect(memo.preferences(Buffer.from('gzip'), 2, 2)).toEqual(['identity']);
    expect(memo.preferences(Buffer.from('gzip'), -1, -1)).toEqual(['identity']);
  });

  test('a value seen lately is answered by the same list', () => {
    const fresh = new AcceptEncodingCache();
    const first = recall(CHROME, fresh);
    for (let i = 0; i < 7; i++) recall(`other${i}`, fresh);
    expect(recall(CHROME, fresh)).toBe(first);
    recall('other7', fresh);
    expect(recall(CHROME, fresh)).not.toBe(first);
    expect(recall(CHROME, fresh)).toEqual(first);
  });

  test('a hit makes no string', () => {
    const fresh = new AcceptEncodingCache();
    const bytes = Buffer.from(CHROME);
    const first = fresh.preferences(bytes, 0, bytes.length);
    bytes.toString = bytes.subarray = () => {
      throw new Error('made');
    };
    expect(fresh.preferences(bytes, 0, bytes.length)).toBe(first);
  });

  test('it keeps a copy, not the bytes of the buffer, which others overwrite', () => {
    const fresh = new AcceptEncodingCache();
    const bytes = Buffer.from('gzip');
    fresh.preferences(bytes, 0, 4);
    bytes.write('gzi~');
    expect(fresh.preferences(bytes, 0, 4)).toEqual(['identity']);
    expect(recall('gzip', fresh)).toEqual(['gzip', 'identity']);
  });

  test('long values are answered, and not kept', () => {
    const fresh = new AcceptEncodingCache();
    const kept = recall(`gzip${','.repeat(124)}`, fresh);
    expect(recall(`gzip${','.repeat(124)}`, fresh)).toBe(kept);
    const long = recall(`gzip${','.repeat(125)}`, fresh);
    expect(long).toEqual(['gzip', 'identity']);
    expect(recall(`gzip${','.repeat(125)}`, fresh)).not.toBe(long);
  });
});

describe('a media type is worth compressing', () => {
  test.each([
    'text/html',
    'text/html; charset=utf-8',
    'TEXT/HTML;charset=utf-8',
    ' text/plain ',
    'text/css',
    'text/csv',
    'text/javascript; charset=utf-8',
    'text/x-something-new',
    'application/javascript',
    'application/node',
    'application/json; charset=utf-8',
    'application/ld+json',
    'application/x-new+json',
    'application/manifest+json',
    'application/xml',
    'application/rss+xml',
    'application/xhtml+xml',
    'application/wasm',
    'application/sql',
    'application/toml',
    'image/svg+xml',
    'image/x-icon',
    'image/vnd.microsoft.icon',
    'image/bmp',
    'font/ttf',
    'font/otf',
    'font/collection',
    'application/vnd.ms-fontobject',
  ])('%s', (type) => expect(isCompressible(type)).toBe(true));

  test.each([
    '',
    ';',
    'text',
    'image/png',
    'image/jpeg',
    'image/webp',
    'image/avif',
    'font/woff',
    'font/woff2',
    'video/mp4',
    'audio/mpeg',
    'application/zip',
    'application/gzip',
    'application/pdf',
    'application/octet-stream',
    'application/x-new',
    'application/json+x',
    'constructor',
    '__proto__',
  ])('not %j', (type) => expect(isCompressible(type)).toBe(false));
});

describe('compression', () => {
  const text = readFileSync(new URL('../../../../html/index.html', import.meta.url));
  const uncompress: Record<string, (bytes: Buffer) => Buffer> = {
    br: zlib.brotliDecompressSync,
    gzip: zlib.gunzipSync,
    ...('zstdDecompressSync' in zlib && { zstd: zlib.zstdDecompressSync as (bytes: Buffer) => Buffer }),
  };

  test('every coding has a suffix of its own', () => {
    expect(CODINGS.map((coding) => PRECOMPRESSED_SUFFIXES[coding])).toEqual(['.br', '.zst', '.gz']);
  });

  test('the available codings are those that this Node has', () => {
    expect(AVAILABLE_CODINGS).toEqual('zstdCompress' in zlib ? ['br', 'zstd', 'gzip'] : ['br', 'gzip']);
  });

  test.each(AVAILABLE_CODINGS)('%s comes back as it was', async (coding) => {
    for (const bytes of [text, Buffer.alloc(0), Buffer.from('x'), randomBytes(70_000), new Uint8Array(100_000)]) {
      const compressed = await compress(bytes, coding);
      expect(uncompress[coding]!(compressed).equals(bytes)).toBe(true);
    }
  });

  test.each(AVAILABLE_CODINGS)('%s saves more than half of a page, and nothing of noise', async (coding) => {
    expect((await compress(text, coding)).length).toBeLessThan(text.length / 2);
    const noise = randomBytes(10_000);
    expect(isWorthwhile(noise.length, (await compress(noise, coding)).length)).toBe(false);
  });

  test.each(AVAILABLE_CODINGS)('%s makes the same of the same', async (coding) => {
    expect((await compress(text, coding)).equals(await compress(text, coding))).toBe(true);
  });

  test.runIf(!AVAILABLE_CODINGS.includes('zstd'))('a coding that is not there is refused', async () => {
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
  ])('%d to %d bytes pays off: %s', (original, compressed, expected) => {
    expect(isWorthwhile(original, compressed)).toBe(expected);
  });

  test('what is too small for an attempt fits one packet with its head', () => {
    expect(COMPRESSION_MIN_BYTES + 300).toBeLessThan(1460);
  });
});
