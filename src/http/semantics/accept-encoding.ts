import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { assert } from '../../sys/assert.js';
import { listElements } from '../headers.js';
import { parseQvalue, splitUnquoted } from './accept.js';

/** The content codings that are served, the best first: br packs a site's files closest, zstd unpacks fastest. */
export const CODINGS = ['br', 'zstd', 'gzip'] as const;
export type ContentCoding = (typeof CODINGS)[number];

/** What a file's name has more when it lies beside the file, already coded. */
export const PRECOMPRESSED_SUFFIXES: { readonly [coding in ContentCoding]: string } = {
  br: '.br',
  zstd: '.zst',
  gzip: '.gz',
};

/**
 * Smaller bodies are left as they are: with its head such an answer fits one packet of 1,460 bytes as it is, and in one
 * packet fewer bytes arrive no sooner.
 */
export const COMPRESSION_MIN_BYTES = 1024;

/** Content-Encoding and Vary are about as long: what saves less makes the answer longer. */
const MIN_SAVED_BYTES = 64;
/** A twentieth at least: below it unpacking, and holding the file in memory twice, costs more than sending the rest. */
const MIN_SAVED_SHARE = 20;

const IDENTITY_ONLY: readonly (ContentCoding | 'identity')[] = ['identity'];

/**
 * What a client takes, by its Accept-Encoding, RFC 9110 section 12.5.3, the best first: by weight, equals in the order of
 * CODINGS with identity behind them. Identity that is not named stands last. A coding that is named twice has the
 * higher weight; an element that cannot be read is left out.
 * @param value null where there is no such field. That permits every coding, but it is also what those send who know
 * none: they get the file as it is.
 * @returns an empty list for a client that refuses even identity
 */
export function codingPreferences(value: string | null): readonly (ContentCoding | 'identity')[] {
  if (value === null) return IDENTITY_ONLY;
  const weights = weightsIn(value);
  const others = weights.get('*') ?? 0;
  const taken: { coding: ContentCoding | 'identity'; weight: number }[] = [];
  for (const coding of CODINGS) taken.push({ coding, weight: weights.get(coding) ?? others });
  const identity = weights.get('identity');
  if (identity !== undefined) taken.push({ coding: 'identity', weight: identity });
  const preferences: (ContentCoding | 'identity')[] = taken
    .filter(({ weight }) => weight > 0)
    .sort((one, other) => other.weight - one.weight)
    .map(({ coding }) => coding);
  if (identity === undefined && weights.get('*') !== 0) preferences.push('identity');
  return preferences;
}

/** The weight of each coding that is named, in thousandths. */
function weightsIn(value: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const element of listElements(value)) {
    const [named, parameter, ...more] = splitUnquoted(element, ';');
    const weight = parameter === undefined ? 1000 : parameterWeight(parameter);
    if (weight < 0 || more.length > 0) continue;
    const coding = named === 'x-gzip' ? 'gzip' : named!; // RFC 9110 section 8.4.1.3
    weights.set(coding, Math.max(weight, weights.get(coding) ?? 0));
  }
  return weights;
}

/** The weight is the only parameter that a coding has; in lower case. */
function parameterWeight(parameter: string): number {
  return parameter.startsWith('q=') ? parseQvalue(parameter.slice(2)) : -1;
}

/** Values remembered at once: the browsers in use send about five between them. */
const MEMO_VALUES = 8;
/** A browser's are below 40 bytes. Longer ones are read each time, so that no peer chooses how much is kept. */
const MEMO_VALUE_BYTES = 128;

/** `codingPreferences` for the hot path: a value that was seen lately costs a comparison of bytes, and makes nothing. */
export class AcceptEncodingCache {
  readonly #values: Uint8Array[] = [];
  readonly #preferences: (readonly (ContentCoding | 'identity')[])[] = [];
  /** The place of the oldest, which the next new value takes. */
  #oldest = 0;

  /** For the value at `start` to `end` of `bytes`. Nothing, as for a field that is not there, is identity only. */
  preferences(bytes: Uint8Array, start: number, end: number): readonly (ContentCoding | 'identity')[] {
    const values = this.#values;
    for (let i = 0; i < values.length; i++) if (equals(values[i]!, bytes, start, end)) return this.#preferences[i]!;
    return this.#read(bytes, start, end);
  }

  #read(bytes: Uint8Array, start: number, end: number): readonly (ContentCoding | 'identity')[] {
    const value = Buffer.from(bytes.subarray(start, end));
    const preferences = codingPreferences(value.toString('latin1'));
    if (value.length > MEMO_VALUE_BYTES) return preferences;
    this.#values[this.#oldest] = value;
    this.#preferences[this.#oldest] = preferences;
    this.#oldest = (this.#oldest + 1) % MEMO_VALUES;
    return preferences;
  }
}

function equals(value: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const { length } = value;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== value[i]) return false;
  return true;
}

/** mime-db is JSON and has no types of its own; mime-types has loaded it already. */
const registry: Readonly<Record<string, { readonly compressible?: boolean }>> = createRequire(import.meta.url)(
  'mime-db',
);

/** What mime-db has no word on although a site may have it, and all of it packs well. */
const ALSO_COMPRESSIBLE = new Set([
  'application/node',
  'application/sql',
  'application/x-ndjson',
  'application/yaml',
  'font/collection',
  'model/mtl',
  'model/obj',
]);

/** Whether files of a media type, with or without parameters, are worth an attempt: mime-db says it of most. */
export function isCompressible(mediaType: string): boolean {
  const semicolon = mediaType.indexOf(';');
  const type = (semicolon < 0 ? mediaType : mediaType.slice(0, semicolon)).trim().toLowerCase();
  // The type of what is unknown: as often an archive or an image of a disk as not, whatever mime-db has it for.
  if (type === 'application/octet-stream') return false;
  const known = Object.hasOwn(registry, type) ? registry[type]!.compressible : undefined;
  return known ?? (type.startsWith('text/') || /\+(?:json|xml|text|yaml)$/.test(type) || ALSO_COMPRESSIBLE.has(type));
}

type Compressor = (bytes: Uint8Array, options: object) => Promise<Buffer>;

/** Node has zstd from 22.15 and 23.8 on. */
const { zstdCompress } = zlib as {
  zstdCompress?: (bytes: Uint8Array, options: object, done: (error: Error | null, result: Buffer) => void) => void;
};
/** ZSTD_c_compressionLevel of zstd.h, of which Node 20 has no name. */
const ZSTD_COMPRESSION_LEVEL = 100;
const zstdCompressed: Compressor | null = zstdCompress === undefined ? null : promisify(zstdCompress);
const brotliCompressed = promisify(zlib.brotliCompress);
const gzipped = promisify(zlib.gzip);

/** Those of CODINGS that this Node can make. A sidecar needs none of it, and is served in any of them. */
export const AVAILABLE_CODINGS: readonly ContentCoding[] = CODINGS.filter(
  (coding) => coding !== 'zstd' || zstdCompressed,
);

/**
 * Compresses on a thread of libuv's pool, so that nobody waits but who asked. The levels are for files that are compressed
 * when they are asked for: the highest, which take ten times as long, are for sidecars.
 * @param bytes not to be written to meanwhile
 * @param coding one of AVAILABLE_CODINGS
 */
export async function compress(bytes: Uint8Array, coding: ContentCoding): Promise<Buffer> {
  if (coding === 'gzip') return gzipped(bytes, { level: 6 });
  if (coding === 'br') {
    // No mode: below quality 10, text comes out the same as with the generic one.
    const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT } = zlib.constants;
    return brotliCompressed(bytes, { params: { [BROTLI_PARAM_QUALITY]: 5, [BROTLI_PARAM_SIZE_HINT]: bytes.length } });
  }
  assert(zstdCompressed !== null, 'this Node has no zstd: ask AVAILABLE_CODINGS');
  // At 3, its default, it packs worse than gzip at 6. The window stays below the 8 MiB of RFC 9659.
  return zstdCompressed(bytes, { params: { [ZSTD_COMPRESSION_LEVEL]: 9 } });
}

/** Whether a compressed form is so much smaller that it is worth being kept and sent. */
export function isWorthwhile(originalBytes: number, compressedBytes: number): boolean {
  const saved = originalBytes - compressedBytes;
  return saved >= MIN_SAVED_BYTES && saved * MIN_SAVED_SHARE >= originalBytes;
}
