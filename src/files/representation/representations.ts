import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import { type Field, type FileBody, type HttpResponse, textResponse } from '../../http/response/response.js';
import {
  type AcceptEncodingCache,
  type ContentCoding,
  codingPreferences,
} from '../../http/semantics/accept-encoding.js';
import { parseRanges, partialResponse, unsatisfiable } from '../../http/semantics/byte-range.js';
import { CONDITIONAL_FIELDS, evaluate, ifRangeMatches } from '../../http/semantics/preconditions.js';
import type { Kernel } from '../../sys/kernel.js';
import { type CacheContent, DESCRIPTOR_BYTES } from '../cache/entry.js';
import type { OpenFile } from '../resolve/open-file.js';
import { type Representation, withFields } from './representation.js';
import { smallRangeResponse } from './single-range.js';

const NO_CACHE: Field = ['Cache-Control', 'no-cache'];
const PRECONDITION_FAILED = textResponse(412, 'Precondition failed.\n', [NO_CACHE]);
const NOT_ACCEPTABLE = textResponse(406, 'No representation matches Accept-Encoding.\n', [
  NO_CACHE,
  ['Vary', 'Accept-Encoding'],
]);
/** What of a file's fields is said of the sentence too that stands in its place: who may read it, and that it is no script. */
const ERROR_FIELDS = /^(?:access-control-.*|x-content-type-options)$/i;

const ENCODING_BIT = 1 << FieldId.acceptEncoding;
const RANGE_BIT = 1 << FieldId.range;
const NONE_MATCH_BIT = 1 << FieldId.ifNoneMatch;

/** Most files are in memory. */
const NONE: readonly OpenFile[] = [];

/** Who can make further variants, and does so in its own time. */
export interface OnDemandCompressor {
  /**
   * A client would prefer this coding, which there is not.
   * @returns whether it is to be expected
   */
  request(coding: ContentCoding): boolean;
}

/** A file in all its forms: which of them, whole or in part, or not at all, RFC 9110 sections 12 to 14. */
export class Representations implements CacheContent {
  /** As it is, and then those with a coding. */
  readonly list: Representation[];
  /** Null when these variants are all that there will be. */
  compressor: OnDemandCompressor | null = null;
  isClosed = false;
  /** Those of its variants that are sent from descriptors. */
  openFiles: readonly OpenFile[] = NONE;

  constructor(
    private readonly kernel: Kernel,
    private readonly memo: AcceptEncodingCache,
    identity: Representation,
    private readonly isCacheable: boolean,
  ) {
    this.list = [identity];
  }

  get identity(): Representation {
    return this.list[0]!;
  }

  /** Puts a variant in the place of the one with the same coding. */
  replace(variant: Representation): void {
    this.list[this.list.findIndex(({ coding }) => coding === variant.coding)] = variant;
  }

  /** The request's fields that can make a difference. */
  get relevantFields(): number {
    const choice = this.list.length > 1 || this.compressor !== null ? ENCODING_BIT : 0;
    return CONDITIONAL_FIELDS | RANGE_BIT | choice;
  }

  get bytes(): number {
    let bytes = 0;
    for (const { ok } of this.list) bytes += ok.body.kind === 'bytes' ? ok.body.bytes.length : DESCRIPTOR_BYTES;
    return bytes;
  }

  respond(request: RequestParser): HttpResponse {
    const response = this.select(request);
    if (!this.isCacheable) this.releaseFiles(response);
    return response;
  }

  close(): void {
    if (this.isClosed || !this.isCacheable) return; // what is not kept was let go with its answer
    this.isClosed = true;
    for (const file of this.files()) file.release(this.kernel);
  }

  private select(request: RequestParser): HttpResponse {
    const variant = this.selectByEncoding(request);
    if (variant === null) return this.errorResponse(NOT_ACCEPTABLE);
    const nowMs = this.kernel.wallMs;
    if (request.presentMask & CONDITIONAL_FIELDS) {
      const { cachedSection } = request;
      // Who asks again says the same to the letter: what was compared once is not compared again.
      if (cachedSection !== null && cachedSection === variant.matchingFields) return variant.notModified;
      const verdict = evaluate(request, variant.validators, nowMs);
      if (verdict === 412) return this.errorResponse(PRECONDITION_FAILED);
      if (verdict === 304) {
        if ((request.presentMask & CONDITIONAL_FIELDS) === NONE_MATCH_BIT) variant.matchingFields = cachedSection;
        return variant.notModified;
      }
    }
    // Range has a meaning for GET only, RFC 9110 section 14.2, and sent twice it has none.
    const ranged = request.presentMask & RANGE_BIT && request.method === 'GET' && !request.isRepeated(FieldId.range);
    if (ranged && ifRangeMatches(request, variant.validators, nowMs)) {
      return this.rangeResponse(variant, request);
    }
    return variant.ok;
  }

  private errorResponse(refusal: HttpResponse): HttpResponse {
    const fields = this.identity.ok.fields.filter(([name]) => ERROR_FIELDS.test(name));
    return fields.length === 0 ? refusal : withFields(refusal, fields);
  }

  /**
   * The form that a request prefers; null when it takes none of several. While one that it takes is being made, and where
   * there is but one, it is sent as it is: RFC 9110 section 12.5.3 leaves that to the server, and who refuses it would
   * otherwise get nothing at all.
   */
  selectByEncoding(request: RequestParser): Representation | null {
    if (this.list.length === 1 && this.compressor === null) return this.identity;
    if (!(request.presentMask & ENCODING_BIT)) return this.identity;
    const preferences = request.isRepeated(FieldId.acceptEncoding)
      ? codingPreferences(request.list(FieldId.acceptEncoding))
      : this.memo.preferences(
          request.bytes,
          request.valueStart(FieldId.acceptEncoding),
          request.valueEnd(FieldId.acceptEncoding),
        );
    let isExpected = false; // one coding at a time, the best that can be made
    for (const coding of preferences) {
      for (const variant of this.list) if (variant.coding === coding) return variant;
      if (!isExpected && coding !== 'identity' && this.compressor !== null)
        isExpected = this.compressor.request(coding);
    }
    return this.list.length === 1 || isExpected ? this.identity : null;
  }

  private rangeResponse(variant: Representation, request: RequestParser): HttpResponse {
    const { ok, size } = variant;
    if (ok.body.kind !== 'bytes' && ok.body.kind !== 'file') return ok;
    const ranges = parseRanges(request.bytes, request.valueStart(FieldId.range), request.valueEnd(FieldId.range), size);
    if (ranges === null) return ok;
    if (ranges === 416) return unsatisfiable(ok.fields, size);
    const [range] = ranges;
    const short = ranges.length === 1 ? smallRangeResponse(this.kernel, variant, ok.body, range!) : null;
    return short ?? partialResponse({ fields: ok.fields, body: ok.body }, ranges, size);
  }

  /** This answer was the content's only one: what it sends is let go by whoever has sent it, the rest now. */
  private releaseFiles(response: HttpResponse): void {
    const { body } = response;
    const used = body.kind === 'file' ? body.file : body.kind === 'parts' ? fileIn(body.parts) : null;
    for (const file of this.files()) {
      if (file === used) response.ownedFile = file;
      else file.release(this.kernel);
    }
  }

  private files() {
    return this.list.flatMap(({ ok }) => (ok.body.kind === 'file' ? [ok.body.file] : []));
  }
}

function fileIn(parts: readonly { kind: string }[]) {
  const part = parts.find(({ kind }) => kind === 'file');
  return part === undefined ? null : (part as FileBody).file;
}
