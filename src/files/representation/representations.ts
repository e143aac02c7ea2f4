import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import { type Field, type FileBody, type HttpResponse, textResponse } from '../../http/response/response.js';
import {
  type AcceptEncodingCache,
  type ContentCoding,
  codingPreferences,
} from '../../http/semantics/accept-encoding.js';
import { partialResponse, selectRanges, unsatisfiable } from '../../http/semantics/byte-range.js';
import { CONDITIONAL_FIELDS, evaluate } from '../../http/semantics/preconditions.js';
import type { Kernel } from '../../sys/kernel.js';
import { type CacheContent, DESCRIPTOR_BYTES } from '../cache/entry.js';
import type { OpenFile } from '../resolve/open-file.js';
import type { Observe } from './decisions.js';
import { type Representation, withFields } from './representation.js';
import { smallRangeResponse } from './single-range.js';

const NO_CACHE: Field = ['Cache-Control', 'no-cache'];
const PRECONDITION_FAILED = textResponse(412, 'Precondition failed.\n', [NO_CACHE]);
const VARY: Field = ['Vary', 'Accept-Encoding'];
const NOT_ACCEPTABLE = textResponse(406, 'No representation matches Accept-Encoding.\n', [NO_CACHE, VARY]);
/** Fields of a file that its plain-text error responses have too: CORS, and that it is not to be run as a script. */
const ERROR_FIELDS = /^(?:access-control-.*|x-content-type-options)$/i;

const ENCODING_BIT = 1 << FieldId.acceptEncoding;
const RANGE_BIT = 1 << FieldId.range;
const NONE_MATCH_BIT = 1 << FieldId.ifNoneMatch;

/** Most files are in memory. */
const NONE: readonly OpenFile[] = [];

export interface OnDemandCompressor {
  /**
   * Called for a request that prefers this coding, which is not available.
   * @returns whether a representation with it is to be expected
   */
  request(coding: ContentCoding): boolean;
}

/**
 * The representations of a file. For a request that is not plain it selects, in this order:
 *
 * 1. the representation, by Accept-Encoding, or 406: RFC 9110 section 12
 * 2. 304 or 412, by the preconditions: section 13
 * 3. the whole, ranges of it or 416, by Range and If-Range: section 14
 */
export class Representations implements CacheContent {
  /** The file as it is, and then the encoded ones. */
  readonly list: Representation[];
  /** Null if there will not be further representations. */
  compressor: OnDemandCompressor | null = null;
  isClosed = false;
  /** Those of the files that are sent from descriptors. */
  openFiles: readonly OpenFile[] = NONE;

  /** @param isCacheable whether it responds until it is closed; otherwise once */
  constructor(
    private readonly kernel: Kernel,
    private readonly acceptEncodings: AcceptEncodingCache,
    identity: Representation,
    private readonly isCacheable: boolean,
    private readonly observe: Observe | null = null,
  ) {
    this.list = [identity];
  }

  get identity(): Representation {
    return this.list[0]!;
  }

  replace(representation: Representation): void {
    this.list[this.list.findIndex(({ coding }) => coding === representation.coding)] = representation;
  }

  /** The request fields that the response depends on. */
  get relevantFields(): number {
    const encodingBit = this.list.length > 1 || this.compressor !== null ? ENCODING_BIT : 0;
    return CONDITIONAL_FIELDS | RANGE_BIT | encodingBit;
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
    if (this.isClosed || !this.isCacheable) return; // the latter released its files with its response
    this.isClosed = true;
    for (const file of this.files()) file.release(this.kernel);
  }

  private select(request: RequestParser): HttpResponse {
    const representation = this.selectByEncoding(request);
    if (representation === null) return this.errorResponse(NOT_ACCEPTABLE);
    const nowMs = this.kernel.wallMs;
    if (request.presentMask & CONDITIONAL_FIELDS) {
      const { cachedSection } = request;
      // A client that revalidates repeats its fields byte for byte: they are compared once.
      if (cachedSection !== null && cachedSection === representation.matchingFields) return representation.notModified;
      const result = evaluate(request, representation.validators, nowMs);
      this.observe?.('precondition', result);
      if (result.status === 412) return this.errorResponse(PRECONDITION_FAILED);
      if (result.status === 304) {
        if ((request.presentMask & CONDITIONAL_FIELDS) === NONE_MATCH_BIT)
          representation.matchingFields = cachedSection;
        return representation.notModified;
      }
    }
    return request.presentMask & RANGE_BIT ? this.rangeResponse(representation, request) : representation.ok;
  }

  private errorResponse(response: HttpResponse): HttpResponse {
    const fields = this.identity.ok.fields.filter(([name]) => ERROR_FIELDS.test(name));
    return fields.length === 0 ? response : withFields(response, fields);
  }

  /**
   * Null if the request accepts none of several. The identity is sent while an accepted representation is being made, and
   * if it is the only one: RFC 9110 section 12.5.3 leaves that to the server, and a client that does not accept it would
   * never get the file.
   */
  private selectByEncoding(request: RequestParser): Representation | null {
    if (this.list.length === 1 && this.compressor === null) return this.identity;
    return request.presentMask & ENCODING_BIT ? this.negotiate(request) : this.identity;
  }

  private negotiate(request: RequestParser): Representation | null {
    const preferences = request.isRepeated(FieldId.acceptEncoding)
      ? codingPreferences(request.list(FieldId.acceptEncoding))
      : this.acceptEncodings.preferences(
          request.bytes,
          request.valueStart(FieldId.acceptEncoding),
          request.valueEnd(FieldId.acceptEncoding),
        );
    let compressing: ContentCoding | null = null; // one at a time, the best that can be made
    let selected: Representation | null = null;
    for (const coding of preferences) {
      for (const each of this.list) if (each.coding === coding) selected = each;
      if (selected !== null) break;
      if (compressing === null && coding !== 'identity' && this.compressor?.request(coding)) compressing = coding;
    }
    if (selected === null && (this.list.length === 1 || compressing !== null)) selected = this.identity;
    this.observe?.('representation', { representation: selected, compressing });
    return selected;
  }

  private rangeResponse(representation: Representation, request: RequestParser): HttpResponse {
    const { ok, size, validators } = representation;
    if (ok.body.kind !== 'bytes' && ok.body.kind !== 'file') return ok;
    const ranges = selectRanges(request, validators, size, this.kernel.wallMs);
    this.observe?.('range', ranges);
    if (ranges === 416) return unsatisfiable(ok.fields, size);
    if (typeof ranges === 'string') return ok;
    const [range] = ranges;
    const small = ranges.length === 1 ? smallRangeResponse(this.kernel, representation, ok.body, range!) : null;
    return small ?? partialResponse({ fields: ok.fields, body: ok.body }, ranges, size);
  }

  /** For the only response of this content: it owns the file that it sends, and the others are released now. */
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
