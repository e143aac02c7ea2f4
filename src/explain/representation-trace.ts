import { COMPRESSION_MIN_BYTES, isCompressible } from '../files/representation/compress.js';
import type { BuiltFile } from '../files/representation/decisions.js';
import type { Resolved } from '../files/resolve/resolver.js';
import { mediaTypeOf } from '../files/rules/media-type.js';
import { Dependencies } from '../files/watch/dependencies.js';
import { FieldId } from '../http/headers.js';
import type { RequestParser } from '../http/request/parser.js';
import { CODINGS, codingPreferences, PRECOMPRESSED_SUFFIXES } from '../http/semantics/accept-encoding.js';
import type { PreconditionResult } from '../http/semantics/preconditions.js';
import type { RequestTrace } from './step.js';

const PENDING = 'If-Match may match the ETag, which is not known yet';

/** Why a file is sent as it is: encoded or not, whole or in part, or not at all. */
export function traceRepresentation(trace: RequestTrace, file: BuiltFile): void {
  const { decisions } = trace.recorder;
  if (trace.outcome === 'file') tracePrecompressed(trace, file.resolved);
  const { representation, compressing } = decisions.representation ?? {
    representation: file.identity,
    compressing: null,
  };
  const accepts = acceptsText(trace.request);
  if (representation === null) return trace.add('representation', `none: ${accepts.text}`);
  const { coding, size } = representation;
  const isAccepted = accepts.codings.includes(coding);
  const anyway = isAccepted ? '' : '; none that exists is accepted, and it is sent anyway (RFC 9110 section 12.5.3)';
  const later =
    compressing !== null
      ? `; ${compressing} is made now, for later requests, if it is worthwhile`
      : trace.site.options.compress && !file.isCompressed
        ? `; ${uncompressedReason(file.resolved)}`
        : '';
  trace.add('representation', `${coding}, ${bytesText(size)}: ${accepts.text}${anyway}${later}`);
  traceConditions(trace, size);
}

/**
 * Whether it is sent whole, in part, or not at all.
 * @param size of the representation
 */
export function traceConditions(trace: RequestTrace, size: number): void {
  const { precondition, range } = trace.recorder.decisions;
  if (precondition !== undefined && precondition.field !== null) {
    const { status } = precondition;
    trace.add('precondition', `${preconditionReason(precondition)}: ${status === 200 ? 'passed' : status}`);
  }
  if (range === undefined) return;
  if (typeof range === 'string') {
    const reason = range === 'method' ? `it has no meaning for ${trace.request.method}` : IGNORED_RANGES[range];
    return trace.add('range', `ignored: ${reason}`);
  }
  if (range === 416) return trace.add('range', `416: no byte of it is within ${bytesText(size)}`);
  if (trace.response.status !== 206) return trace.add('range', 'ignored: several ranges of an encoded representation');
  trace.add('range', `${range.map(({ start, end }) => `${start}-${end - 1}`).join(', ')} of ${bytesText(size)}`);
}

const IGNORED_RANGES = {
  repeated: 'the field was sent twice',
  'if-match': `${PENDING}, and the whole is sent`,
  'if-range': 'If-Range does not match, and the whole is sent',
  invalid: 'it is not supported, or not worth it',
} as const;

function preconditionReason({ status, field, isPending }: PreconditionResult): string {
  if (isPending) return PENDING;
  switch (field) {
    case 'If-Match':
      return `If-Match ${status === 412 ? 'does not match' : 'matches'} the ETag`;
    case 'If-None-Match':
      return `If-None-Match ${status === 304 ? 'matches' : 'does not match'} the ETag`;
    case 'If-Modified-Since':
      return `${status === 304 ? 'not modified' : 'it may be modified'} since If-Modified-Since`;
    default:
      return `${status === 412 ? 'modified' : 'not modified'} since If-Unmodified-Since`;
  }
}

/** The precompressed files that exist, with those that are not used. */
function tracePrecompressed(trace: RequestTrace, { name, file, precompressed }: Resolved): void {
  const { site, recorder } = trace;
  const { lookup } = recorder.decisions.resolution!.release;
  let count = 0;
  for (const coding of CODINGS) {
    const encodedName = Buffer.concat([name, Buffer.from(PRECOMPRESSED_SUFFIXES[coding])]);
    const encoded = lookup.file(encodedName, site.context.kernel.wallMs(), new Dependencies());
    if (typeof encoded !== 'object') continue;
    site.context.kernel.close(encoded.fd);
    count++;
    const seconds = ((file!.modifiedMs - encoded.modifiedMs) / 1000).toFixed(3);
    const isUsed = precompressed.some((each) => each.coding === coding);
    const reason = !site.options.precompressed ? 'precompressed is off' : `${seconds} s older than the file`;
    trace.add('precompressed', `${encodedName}, ${bytesText(encoded.size)}${isUsed ? '' : `, ignored: ${reason}`}`);
  }
  if (count === 0 && site.options.precompressed)
    trace.add('precompressed', `none: no ${Object.values(PRECOMPRESSED_SUFFIXES).join(', ')}`);
}

function acceptsText(request: RequestParser): { text: string; codings: readonly string[] } {
  const value = request.list(FieldId.acceptEncoding);
  const codings = codingPreferences(value);
  if (value === null) return { text: 'the request has no Accept-Encoding', codings };
  if (codings.length === 0) return { text: 'Accept-Encoding accepts nothing', codings };
  return { text: `Accept-Encoding prefers ${codings.join(', then ')}`, codings };
}

function uncompressedReason({ name, file }: Resolved): string {
  const type = mediaTypeOf(name);
  if (!isCompressible(type)) return `not compressed: ${type} is not compressible`;
  return `not compressed: ${file!.size < COMPRESSION_MIN_BYTES ? 'too small' : 'not cached, or too large'}`;
}

export const bytesText = (size: number): string => `${size.toLocaleString('en')} byte${size === 1 ? '' : 's'}`;
