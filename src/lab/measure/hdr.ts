import { loadOptional } from '../../server/optional-package.js';
import type { Distribution } from '../base/distribution.js';

/** Both in the compressed encoding of HdrHistogram, version 2, in Base64, with values in microseconds. */
export interface EncodedLatencies {
  /** From the time at which a request was due. */
  readonly corrected: string;
  /** From the time at which it was sent. */
  readonly raw: string;
}

type Library = typeof import('hdr-histogram-js');

const DIGITS = 3;
/** The ticks per halving of the distance to 100 % that the tools of HdrHistogram have by default. */
const TICKS_PER_HALF = 5;
const US_PER_MS = 1000;

let library: Library | null | undefined;

const loaded = (): Library | null => {
  library ??= loadOptional<Library>('hdr-histogram-js');
  return library;
};

export const hasHistograms = (): boolean => loaded() !== null;

/** Null without the library, which is optional. */
export function encodeLatencies(corrected: Distribution, raw: Distribution): EncodedLatencies | null {
  const hdr = loaded();
  return hdr === null ? null : { corrected: encode(hdr, corrected), raw: encode(hdr, raw) };
}

/** In the same encoding. Null without the library. */
export function encodeDistribution(distribution: Distribution): string | null {
  const hdr = loaded();
  return hdr === null ? null : encode(hdr, distribution);
}

function encode(hdr: Library, distribution: Distribution): string {
  const histogram = hdr.build({
    bitBucketSize: 64,
    autoResize: true,
    numberOfSignificantValueDigits: DIGITS,
    useWebAssembly: false,
  });
  for (const [us, count] of distribution) histogram.recordValueWithCount(us, count);
  return hdr.encodeIntoCompressedBase64(histogram);
}

/** The text of a .hgrm file, in milliseconds. Null without the library. */
export function percentileText(encoded: string): string | null {
  const hdr = loaded();
  if (hdr === null) return null;
  const histogram = hdr.decodeFromCompressedBase64(encoded, 64, false);
  return histogram.outputPercentileDistribution(TICKS_PER_HALF, US_PER_MS);
}
