import { listElements } from '../headers.js';
import { parseQvalue, splitUnquoted } from './accept.js';

/** The content codings that are served, in the server's order of preference: br is smallest, zstd decompresses fastest. */
export const CODINGS = ['br', 'zstd', 'gzip'] as const;
export type ContentCoding = (typeof CODINGS)[number];

/** The suffix of a precompressed file, after the name of its original. */
export const PRECOMPRESSED_SUFFIXES: { readonly [coding in ContentCoding]: string } = {
  br: '.br',
  zstd: '.zst',
  gzip: '.gz',
};

const IDENTITY_ONLY: readonly (ContentCoding | 'identity')[] = ['identity'];

/**
 * The codings that a client accepts, best first, by Accept-Encoding, RFC 9110 section 12.5.3: by weight, equal ones in the
 * order of CODINGS with identity after them. Identity goes last unless it is listed. A coding that is listed twice has the
 * higher weight; invalid elements are ignored.
 * @param value null without the field. That permits every coding, but is also what clients send that support none: they get
 *   identity.
 * @returns an empty list if the client does not accept even identity
 */
export function codingPreferences(value: string | null): readonly (ContentCoding | 'identity')[] {
  if (value === null) return IDENTITY_ONLY;
  const weights = parseWeights(value);
  const otherWeight = weights.get('*') ?? 0;
  const accepted: { coding: ContentCoding | 'identity'; weight: number }[] = [];
  for (const coding of CODINGS) accepted.push({ coding, weight: weights.get(coding) ?? otherWeight });
  const identity = weights.get('identity');
  if (identity !== undefined) accepted.push({ coding: 'identity', weight: identity });
  const preferences: (ContentCoding | 'identity')[] = accepted
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ coding }) => coding);
  if (identity === undefined && weights.get('*') !== 0) preferences.push('identity');
  return preferences;
}

function parseWeights(value: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const element of listElements(value)) {
    const [name, parameter, ...more] = splitUnquoted(element, ';');
    const weight = parameter === undefined ? 1000 : parameterWeight(parameter);
    if (weight < 0 || more.length > 0) continue;
    const coding = name === 'x-gzip' ? 'gzip' : name!; // RFC 9110 section 8.4.1.3
    weights.set(coding, Math.max(weight, weights.get(coding) ?? 0));
  }
  return weights;
}

/** A coding has no other parameter than its weight. In lower case. */
function parameterWeight(parameter: string): number {
  return parameter.startsWith('q=') ? parseQvalue(parameter.slice(2)) : -1;
}

/** Values cached at once: the browsers in use send about five different ones. */
const CACHED_VALUES = 8;
/** A browser's are below 40 bytes. Longer ones are parsed each time, so that no client decides how much is cached. */
const CACHED_VALUE_BYTES = 128;

/** `codingPreferences` for the hot path: a recent value costs a comparison of bytes, and no allocation. */
export class AcceptEncodingCache {
  readonly #values: Uint8Array[] = [];
  readonly #preferences: (readonly (ContentCoding | 'identity')[])[] = [];
  /** The index of the oldest value, which the next new one replaces. */
  #oldest = 0;

  /** For the value from `start` to before `end` of `bytes`. An empty one, as without the field, is identity only. */
  preferences(bytes: Uint8Array, start: number, end: number): readonly (ContentCoding | 'identity')[] {
    const values = this.#values;
    for (let i = 0; i < values.length; i++) if (equals(values[i]!, bytes, start, end)) return this.#preferences[i]!;
    return this.#parse(bytes, start, end);
  }

  #parse(bytes: Uint8Array, start: number, end: number): readonly (ContentCoding | 'identity')[] {
    const value = Buffer.from(bytes.subarray(start, end));
    const preferences = codingPreferences(value.toString('latin1'));
    if (value.length > CACHED_VALUE_BYTES) return preferences;
    this.#values[this.#oldest] = value;
    this.#preferences[this.#oldest] = preferences;
    this.#oldest = (this.#oldest + 1) % CACHED_VALUES;
    return preferences;
  }
}

function equals(value: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const { length } = value;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== value[i]) return false;
  return true;
}
