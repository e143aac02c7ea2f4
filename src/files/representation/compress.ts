import { promisify } from 'node:util';
import { CODINGS, type ContentCoding } from '../../http/semantics/accept-encoding.js';
import { assert } from '../../sys/assert.js';

/** Smaller bodies are not compressed: with its head such a response fits one packet of 1,460 bytes already. */
export const COMPRESSION_MIN_BYTES = 1024;

/** Content-Encoding and Vary are about as long: smaller savings make the response longer. */
const MIN_SAVED_BYTES = 64;
/** One in 20 bytes at least: below that, decompressing and caching the file twice cost more than sending the rest. */
const MIN_SAVED_SHARE = 20;

/** Loaded when it is first needed, which takes milliseconds. */
const zlib = () => process.getBuiltinModule('node:zlib');

/** Node has zstd from 22.15 and 23.8 on. */
type Zstd = (bytes: Uint8Array, options: object, done: (error: Error | null, result: Buffer) => void) => void;
const hasZstd = 'zstd' in process.versions;
/** ZSTD_c_compressionLevel of zstd.h, which Node 20 has no name for. */
const ZSTD_COMPRESSION_LEVEL = 100;

/** The codings that this Node can compress with. Precompressed files are served in all of CODINGS. */
export const AVAILABLE_CODINGS: readonly ContentCoding[] = CODINGS.filter((coding) => coding !== 'zstd' || hasZstd);

/**
 * Compresses on a thread of libuv's pool. The levels are for compression during requests; the highest, for precompressed
 * files, take ten times as long.
 * @param bytes not to be written to meanwhile
 * @param coding one of AVAILABLE_CODINGS
 */
export async function compress(bytes: Uint8Array, coding: ContentCoding): Promise<Buffer> {
  if (coding === 'gzip') return promisify(zlib().gzip)(bytes, { level: 6 });
  if (coding === 'br') {
    // No mode: below quality 10, text compresses to the same bytes as with the generic one.
    const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT } = zlib().constants;
    return promisify(zlib().brotliCompress)(bytes, {
      params: { [BROTLI_PARAM_QUALITY]: 5, [BROTLI_PARAM_SIZE_HINT]: bytes.length },
    });
  }
  assert(hasZstd, 'this Node has no zstd: check AVAILABLE_CODINGS');
  // At its default of 3 it compresses worse than gzip at 6. The window is below the 8 MiB of RFC 9659.
  const { zstdCompress } = zlib() as unknown as { zstdCompress: Zstd };
  return promisify(zstdCompress)(bytes, { params: { [ZSTD_COMPRESSION_LEVEL]: 9 } });
}

/** Whether the compressed bytes are small enough to be cached and sent. */
export function isWorthwhile(originalBytes: number, compressedBytes: number): boolean {
  const saved = originalBytes - compressedBytes;
  return saved >= MIN_SAVED_BYTES && saved * MIN_SAVED_SHARE >= originalBytes;
}
