import type { Representation } from '../files/representation/representation.js';
import type { Resolved } from '../files/resolve/resolver.js';
import { mediaTypeOf } from '../files/rules/media-type.js';
import { FieldId } from '../http/headers.js';
import type { RequestParser } from '../http/request/parser.js';
import {
  AVAILABLE_CODINGS,
  COMPRESSION_MIN_BYTES,
  codingPreferences,
  isCompressible,
  PRECOMPRESSED_SUFFIXES,
} from '../http/semantics/accept-encoding.js';
import { parseRanges } from '../http/semantics/byte-range.js';
import { CONDITIONAL_FIELDS, etagPending, evaluate, ifRangeMatches } from '../http/semantics/preconditions.js';
import type { Beside, Composition, RecordingSite } from './recording-site.js';

/** Where it is told. */
export interface Teller {
  readonly site: RecordingSite;
  readonly request: RequestParser;
  readonly composition: Composition | null;
  add(topic: 'sidecar' | 'variant' | 'condition' | 'range', text: string): void;
}

const UNDECIDED = 'If-Match may have the ETag, which is not known yet';

/**
 * Tells in which form a file is sent: coded or not, whole or in part, or not at all.
 * @param beside null where the forms beside the file were not looked for
 */
export function tellForm(teller: Teller, survey: Resolved, beside: readonly Beside[] | null): void {
  const { request } = teller;
  const { content } = teller.composition!;
  if (beside !== null) tellSidecars(teller, survey, beside);
  const variant = content.selectByEncoding(request);
  teller.add('variant', whyVariant(teller, survey, variant));
  if (variant !== null) tellPart(teller, variant);
}

/** Tells whether a form is sent whole, in part, or not at all. */
export function tellPart(teller: Teller, variant: Representation): void {
  const { site, request } = teller;
  const nowMs = site.context.kernel.wallMs;
  if (request.presentMask & CONDITIONAL_FIELDS) {
    const verdict = evaluate(request, variant.validators, nowMs);
    const why = verdict === 200 && etagPending(request, variant.validators) ? UNDECIDED : whyVerdict(request, verdict);
    teller.add('condition', `${why}: ${verdict === 200 ? 'it is answered' : verdict}`);
    if (verdict !== 200) return;
  }
  if (request.has(FieldId.range)) teller.add('range', whyRange(request, variant, nowMs));
}

function tellSidecars(teller: Teller, survey: Resolved, beside: readonly Beside[]): void {
  const { precompressed } = teller.site.options;
  const file = survey.file!;
  for (const { coding, name, size, modifiedMs } of beside) {
    const used = survey.precompressed.some((sidecar) => sidecar.coding === coding);
    const seconds = ((file.modifiedMs - modifiedMs) / 1000).toFixed(3);
    const fault = !precompressed ? 'sidecars is off' : used ? null : `outdated, ${seconds} s older than the file`;
    teller.add('sidecar', `${name}, ${bytesOf(size)}${fault === null ? '' : `, left alone: ${fault}`}`);
  }
  if (beside.length === 0 && precompressed)
    teller.add('sidecar', `none: no ${Object.values(PRECOMPRESSED_SUFFIXES).join(', ')}`);
}

function whyVariant({ site, request, composition }: Teller, survey: Resolved, variant: Representation | null): string {
  const accepts = request.list(FieldId.acceptEncoding);
  const asked = codingPreferences(accepts);
  const why =
    accepts === null
      ? 'no Accept-Encoding was sent'
      : asked.length === 0
        ? 'Accept-Encoding takes nothing'
        : `Accept-Encoding prefers ${asked.join(', then ')}`;
  if (variant === null) return `none: ${why}`;
  const { compressor } = composition!.content;
  const place = asked.indexOf(variant.coding);
  const better = place < 0 ? asked : asked.slice(0, place);
  const next =
    compressor === null ? undefined : better.find((coding) => (AVAILABLE_CODINGS as typeof asked).includes(coding));
  const anyway = place < 0 ? '; it takes none that there is, and is sent this one all the same' : '';
  const later =
    next !== undefined
      ? `; ${next} is made now, and sent to who asks after that, if it pays off`
      : site.options.compress && compressor === null
        ? `; ${whyNotPacked(survey)}`
        : '';
  return `${variant.coding}, ${bytesOf(variant.size)}: ${why}${anyway}${later}`;
}

function whyNotPacked({ name, file }: Resolved): string {
  const type = mediaTypeOf(name);
  if (!isCompressible(type)) return `compress leaves ${type} alone`;
  return `compress leaves it alone, ${file!.size < COMPRESSION_MIN_BYTES ? 'for it is small' : 'for it is not held, or too large'}`;
}

/** In the order of RFC 9110 section 13.2.2. */
function whyVerdict(request: RequestParser, verdict: 200 | 304 | 412): string {
  const match = request.has(FieldId.ifMatch);
  if (verdict === 412) {
    return match ? 'If-Match does not have the ETag' : 'it has changed since If-Unmodified-Since';
  }
  if (request.has(FieldId.ifNoneMatch)) {
    return `If-None-Match ${verdict === 304 ? 'has' : 'does not have'} the ETag`;
  }
  if (request.has(FieldId.ifModifiedSince)) {
    return verdict === 304
      ? 'it has not changed since If-Modified-Since'
      : 'it may have changed since If-Modified-Since';
  }
  return match ? 'If-Match has the ETag' : 'it has not changed since If-Unmodified-Since';
}

function whyRange(request: RequestParser, variant: Representation, nowMs: () => number): string {
  if (request.method !== 'GET') return `ignored: it has no meaning for ${request.method}`;
  if (request.isRepeated(FieldId.range)) return 'ignored: it was sent twice';
  if (etagPending(request, variant.validators)) return `ignored: ${UNDECIDED}, and the whole is sent`;
  if (!ifRangeMatches(request, variant.validators, nowMs))
    return 'ignored: If-Range does not hold, and the whole is sent';
  const ranges = parseRanges(
    request.bytes,
    request.valueStart(FieldId.range),
    request.valueEnd(FieldId.range),
    variant.size,
  );
  if (ranges === null) return 'ignored: it is none that is served, or not worth it';
  if (ranges === 416) return `416: nothing of it is within ${bytesOf(variant.size)}`;
  const which = ranges.map(({ start, end }) => `${start}-${end - 1}`).join(', ');
  const isWhole = ranges.length > 1 && variant.coding !== 'identity';
  return isWhole ? 'ignored: several parts of a coded form' : `${which} of ${bytesOf(variant.size)}`;
}

export const bytesOf = (size: number): string => `${size.toLocaleString('en')} byte${size === 1 ? '' : 's'}`;
