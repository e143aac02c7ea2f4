import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import {
  bytesOfFields,
  type Field,
  type FileBody,
  type HttpResponse,
  textResponse,
} from '../../http/response/response.js';
import {
  type AcceptEncodingCache,
  type ContentCoding,
  codingPreferences,
} from '../../http/semantics/accept-encoding.js';
import { partialResponse, selectRanges, unsatisfiable } from '../../http/semantics/byte-range.js';
import { CONDITIONAL_FIELDS, evaluate, ifRangeIsDate, namesEtag } from '../../http/semantics/preconditions.js';
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
/** Fields that describe a file or what to do with it: all others are on its plain-text error responses too. */
const FILE_FIELDS =
  /^(?:accept-ranges|cache-control|content-(?!security-policy).*|etag|expires|last-modified|link|pragma|refresh|vary)$/i;

const ENCODING_BIT = 1 << FieldId.acceptEncoding;
const RANGE_BIT = 1 << FieldId.range;
const NONE_MATCH_BIT = 1 << FieldId.ifNoneMatch;
const IF_RANGE_BIT = 1 << FieldId.ifRange;
/** They can have entity tags, which name representations. */
const TAG_FIELDS = NONE_MATCH_BIT | (1 << FieldId.ifMatch) | IF_RANGE_BIT;

/** What the response to a request for a file with one representation depends on. */
export const PLAIN_FIELDS: number = CONDITIONAL_FIELDS | RANGE_BIT;

/** Objects and bookkeeping of a further representation. */
const REPRESENTATION_BYTES = 1024;
/** The fields are in the heads of the 200, the 304, the 206 and of the 200 that closes the connection. */
export const HEADS = 4;

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
 *
 * Those that a compressor adds come and go while clients hold parts and tags of others. So that it does not matter who
 * requested what before, where there is one:
 *
 * - A tag in a precondition selects the representation that has it, if the request accepts its coding: what a client holds is
 *   as current as what it would get now. Not one in a coding that it does not accept: a shared cache revalidates what it holds
 *   for one client with the fields of another, RFC 9111 section 4.3.1.
 * - Without such a tag a request with Range selects among the stored ones: its parts may be joined to parts of an earlier
 *   response, when only those existed.
 * - An added one is not a reason for a 406.
 */
export class Representations implements CacheContent {
  /** The file as it is, and then the encoded ones. */
  readonly list: Representation[];
  /** Null if there will not be further representations. */
  compressor: OnDemandCompressor | null = null;
  /** Whether there is, or was, a compressor; or would be one if it were cached. */
  isCompressible = false;
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
    return PLAIN_FIELDS | this.encodingField;
  }

  get bytes(): number {
    let bytes = (this.list.length - 1) * REPRESENTATION_BYTES;
    for (const { ok } of this.list) {
      bytes += ok.body.kind === 'bytes' ? ok.contentLength : DESCRIPTOR_BYTES;
      bytes += HEADS * bytesOfFields(ok.fields);
    }
    return bytes;
  }

  respond(request: RequestParser): HttpResponse {
    const response = this.select(request);
    if (!this.isCacheable) this.releaseFiles(response);
    return response;
  }

  /** By Accept-Encoding alone, for a response that has neither conditions nor ranges; the identity if none is accepted. */
  forErrorPage(request: RequestParser): Representation {
    return this.selectByEncoding(request) ?? this.identity;
  }

  /** Whether Accept-Encoding decides. */
  get encodingField(): number {
    return this.list.length > 1 || this.compressor !== null ? ENCODING_BIT : 0;
  }

  close(): void {
    if (this.isClosed || !this.isCacheable) return; // the latter released its files with its response
    this.isClosed = true;
    for (const file of this.files()) file.release(this.kernel);
  }

  private select(request: RequestParser): HttpResponse {
    const { cachedSection } = request;
    // A client that revalidates repeats its fields byte for byte: they are compared once.
    if (cachedSection !== null && request.presentMask & CONDITIONAL_FIELDS) {
      for (const each of this.list) if (each.matchingFields === cachedSection) return each.notModified;
    }
    if (cachedSection !== null && request.presentMask & RANGE_BIT && request.method === 'GET') {
      for (const { rangeFields, repeatedRange } of this.list)
        if (rangeFields === cachedSection && repeatedRange !== null) return repeatedRange;
    }
    const representation = this.selectByEncoding(request);
    if (representation === null) return this.errorResponse(NOT_ACCEPTABLE);
    const nowMs = this.kernel.wallMs;
    if (request.presentMask & CONDITIONAL_FIELDS) {
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
    const fields = this.identity.ok.fields.filter(([name]) => !FILE_FIELDS.test(name));
    return fields.length === 0 ? response : withFields(response, fields);
  }

  /**
   * Null if the request accepts none of several stored ones. The identity is sent while an accepted representation is being
   * made, if that cannot be made or is not worthwhile, and if there is nothing else: RFC 9110 section 12.5.3 leaves that to the
   * server, and a client that does not accept it would never get the file.
   */
  private selectByEncoding(request: RequestParser): Representation | null {
    if (this.list.length === 1 && this.compressor === null) return this.identity;
    return request.presentMask & ENCODING_BIT ? this.negotiate(request) : this.identity;
  }

  private negotiate(request: RequestParser): Representation | null {
    const preferences = this.preferencesOf(request);
    const isPart = (request.presentMask & RANGE_BIT) !== 0 && request.method === 'GET';
    let compressing: ContentCoding | null = null; // one at a time, the best that can be made
    let selected = this.isCompressible && request.presentMask & TAG_FIELDS ? this.named(request, preferences) : null;
    for (const coding of selected === null ? preferences : []) {
      for (const each of this.list) if (each.coding === coding && (each.isStored || !isPart)) selected = each;
      if (selected !== null) break;
      if (isPart || compressing !== null || coding === 'identity') continue;
      if (this.compressor?.request(coding)) compressing = coding;
    }
    if (selected === null && this.mayIgnore(preferences)) selected = this.identity;
    this.observe?.('representation', { representation: selected, compressing });
    return selected;
  }

  private preferencesOf(request: RequestParser): readonly Representation['coding'][] {
    if (request.isRepeated(FieldId.acceptEncoding)) return codingPreferences(request.list(FieldId.acceptEncoding));
    const { bytes } = request;
    const [start, end] = [request.valueStart(FieldId.acceptEncoding), request.valueEnd(FieldId.acceptEncoding)];
    return this.acceptEncodings.preferences(bytes, start, end);
  }

  /** The accepted representation of which the request has the entity tag, which its client holds then. */
  private named(request: RequestParser, preferences: readonly Representation['coding'][]): Representation | null {
    for (const coding of preferences) {
      for (const each of this.list) if (each.coding === coding && namesEtag(request, each.validators.etag)) return each;
    }
    return null;
  }

  /** Whether the identity is sent to a client that accepts none of the stored representations. */
  private mayIgnore(preferences: readonly Representation['coding'][]): boolean {
    const isAlone = this.list.every(({ coding, isStored }) => coding === 'identity' || !isStored);
    return isAlone || (this.isCompressible && preferences.length > 0);
  }

  private rangeResponse(representation: Representation, request: RequestParser): HttpResponse {
    const { ok, size, validators } = representation;
    if (ok.body.kind !== 'bytes' && ok.body.kind !== 'file') return ok;
    const ranges = this.isAmbiguous(request) ? 'if-range' : selectRanges(request, validators, size, this.kernel.wallMs);
    this.observe?.('range', ranges);
    if (ranges === 416) return unsatisfiable(ok.fields, size);
    if (typeof ranges === 'string') return ok;
    const [range] = ranges;
    if (ranges.length === 1) {
      const isRepeated = this.isRepeatedRange(representation, request);
      const small = smallRangeResponse(this.kernel, representation, ok.body, range!, isRepeated);
      if (isRepeated) representation.repeatedRange = small;
      if (small !== null) return small;
    }
    return partialResponse({ fields: ok.fields, body: ok.body }, ranges, size);
  }

  /**
   * Whether the request is, byte for byte, that for the last range of a file that is sent from a descriptor: clients of one kind
   * begin at the same places of a film or an archive. Its bytes are kept then: the descriptor is charged with more.
   */
  private isRepeatedRange(representation: Representation, { cachedSection, presentMask }: RequestParser): boolean {
    if (cachedSection === null || (presentMask & (CONDITIONAL_FIELDS | IF_RANGE_BIT)) !== 0) return false;
    if (!this.isCacheable || representation.ok.body.kind !== 'file') return false;
    if (representation.rangeFields === cachedSection) return true;
    representation.rangeFields = cachedSection;
    representation.repeatedRange = null;
    return false;
  }

  /** Whether If-Range has a date, and the client may hold a part of a representation that was made here, which has the same. */
  private isAmbiguous(request: RequestParser): boolean {
    if (!this.isCompressible || (request.presentMask & IF_RANGE_BIT) === 0 || !ifRangeIsDate(request)) return false;
    return request.has(FieldId.acceptEncoding) && this.preferencesOf(request).some((coding) => coding !== 'identity');
  }

  /** For the only response of this content: it owns the file that it sends, and the others are released now. */
  private releaseFiles(response: HttpResponse): void {
    const { body } = response;
    const used = body.kind === 'file' ? body.file : body.kind === 'parts' ? fileIn(body.parts) : null;
    for (const file of this.files()) {
      if (file === used) response.ownedFile = file;
      else file.release(this.kernel);
    }
    const whole = this.identity.ok.body;
    if (whole.kind === 'stream' && whole !== body) void whole.stream.cancel();
  }

  private files() {
    return this.list.flatMap(({ ok }) => (ok.body.kind === 'file' ? [ok.body.file] : []));
  }
}

function fileIn(parts: readonly { kind: string }[]) {
  const part = parts.find(({ kind }) => kind === 'file');
  return part === undefined ? null : (part as FileBody).file;
}
