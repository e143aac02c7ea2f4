import { Known } from '../http/headers.js';
import type { RequestParser } from '../http/request-parser.js';
import { type Field, type FileBody, type Response, textResponse } from '../http/response.js';
import type { Kernel } from '../sys/kernel.js';
import { CONDITIONAL_FIELDS, evaluate, rangeHolds } from './conditional.js';
import { withFields } from './cors-content.js';
import { type AcceptEncodingMemo, type Coding, codingPreferences } from './encoding.js';
import type { OpenFile } from './file.js';
import { partialResponse, rangesOf, unsatisfiable } from './range.js';
import { type Content, DESCRIPTOR_BYTES } from './resource.js';
import { shortPart } from './short-part.js';
import type { Variant } from './variant.js';

const NO_CACHE: Field = ['Cache-Control', 'no-cache'];
const PRECONDITION_FAILED = textResponse(412, 'The file is not in the state that the request expects.\n', [NO_CACHE]);
const NOT_ACCEPTABLE = textResponse(406, 'The file is not to be had in a coding that the request accepts.\n', [
  NO_CACHE,
  ['Vary', 'Accept-Encoding'],
]);
/** What of a file's fields is said of the sentence too that stands in its place: who may read it, and that it is no script. */
const OF_SENTENCES = /^(?:access-control-.*|x-content-type-options)$/i;

const ENCODING_BIT = 1 << Known.acceptEncoding;
const RANGE_BIT = 1 << Known.range;
const NONE_MATCH_BIT = 1 << Known.ifNoneMatch;

/** Most files are in memory. */
const NONE: readonly OpenFile[] = [];

/** Who can make further variants, and does so in its own time. */
export interface VariantMaker {
  /**
   * A client would prefer this coding, which there is not.
   * @returns whether it is to be expected
   */
  wanted(coding: Coding): boolean;
}

/** A file in all its forms: which of them, whole or in part, or not at all, RFC 9110 sections 12 to 14. */
export class FileContent implements Content {
  /** As it is, and then those with a coding. */
  readonly variants: Variant[];
  /** Null when these variants are all that there will be. */
  maker: VariantMaker | null = null;
  isClosed = false;
  /** Those of its variants that are sent from descriptors. */
  opened: readonly OpenFile[] = NONE;

  constructor(
    private readonly kernel: Kernel,
    private readonly memo: AcceptEncodingMemo,
    identity: Variant,
    private readonly isKept: boolean,
  ) {
    this.variants = [identity];
  }

  get identity(): Variant {
    return this.variants[0]!;
  }

  /** Puts a variant in the place of the one with the same coding. */
  replace(variant: Variant): void {
    this.variants[this.variants.findIndex(({ coding }) => coding === variant.coding)] = variant;
  }

  /** The request's fields that can make a difference. */
  get asks(): number {
    const choice = this.variants.length > 1 || this.maker !== null ? ENCODING_BIT : 0;
    return CONDITIONAL_FIELDS | RANGE_BIT | choice;
  }

  get bytes(): number {
    let bytes = 0;
    for (const { ok } of this.variants) bytes += ok.body.kind === 'bytes' ? ok.body.bytes.length : DESCRIPTOR_BYTES;
    return bytes;
  }

  answer(request: RequestParser): Response {
    const response = this.choose(request);
    if (!this.isKept) this.letGo(response);
    return response;
  }

  close(): void {
    if (this.isClosed || !this.isKept) return; // what is not kept was let go with its answer
    this.isClosed = true;
    for (const file of this.files()) file.release(this.kernel);
  }

  private choose(request: RequestParser): Response {
    const variant = this.variantFor(request);
    if (variant === null) return this.sentence(NOT_ACCEPTABLE);
    const nowMs = this.kernel.wallMs;
    if (request.sent & CONDITIONAL_FIELDS) {
      const { keptSection } = request;
      // Who asks again says the same to the letter: what was compared once is not compared again.
      if (keptSection !== null && keptSection === variant.heldBy) return variant.notModified;
      const verdict = evaluate(request, variant.validators, nowMs);
      if (verdict === 412) return this.sentence(PRECONDITION_FAILED);
      if (verdict === 304) {
        if ((request.sent & CONDITIONAL_FIELDS) === NONE_MATCH_BIT) variant.heldBy = keptSection;
        return variant.notModified;
      }
    }
    // Range has a meaning for GET only, RFC 9110 section 14.2, and sent twice it has none.
    const ranged = request.sent & RANGE_BIT && request.method === 'GET' && !request.isRepeated(Known.range);
    if (ranged && rangeHolds(request, variant.validators, nowMs)) {
      return this.part(variant, request);
    }
    return variant.ok;
  }

  private sentence(refusal: Response): Response {
    const fields = this.identity.ok.fields.filter(([name]) => OF_SENTENCES.test(name));
    return fields.length === 0 ? refusal : withFields(refusal, fields);
  }

  /**
   * The form that a request prefers; null when it takes none of several. While one that it takes is being made, and where
   * there is but one, it is sent as it is: RFC 9110 section 12.5.3 leaves that to the server, and who refuses it would
   * otherwise get nothing at all.
   */
  variantFor(request: RequestParser): Variant | null {
    if (this.variants.length === 1 && this.maker === null) return this.identity;
    if (!(request.sent & ENCODING_BIT)) return this.identity;
    const preferences = request.isRepeated(Known.acceptEncoding)
      ? codingPreferences(request.list(Known.acceptEncoding))
      : this.memo.preferences(
          request.bytes,
          request.valueStart(Known.acceptEncoding),
          request.valueEnd(Known.acceptEncoding),
        );
    let isExpected = false; // one coding at a time, the best that can be made
    for (const coding of preferences) {
      for (const variant of this.variants) if (variant.coding === coding) return variant;
      if (!isExpected && coding !== 'identity' && this.maker !== null) isExpected = this.maker.wanted(coding);
    }
    return this.variants.length === 1 || isExpected ? this.identity : null;
  }

  private part(variant: Variant, request: RequestParser): Response {
    const { ok, size } = variant;
    if (ok.body.kind !== 'bytes' && ok.body.kind !== 'file') return ok;
    const ranges = rangesOf(request.bytes, request.valueStart(Known.range), request.valueEnd(Known.range), size);
    if (ranges === null) return ok;
    if (ranges === 416) return unsatisfiable(ok.fields, size);
    const [range] = ranges;
    const short = ranges.length === 1 ? shortPart(this.kernel, variant, ok.body, range!) : null;
    return short ?? partialResponse({ fields: ok.fields, body: ok.body }, ranges, size);
  }

  /** This answer was the content's only one: what it sends is let go by whoever has sent it, the rest now. */
  private letGo(response: Response): void {
    const { body } = response;
    const used = body.kind === 'file' ? body.file : body.kind === 'parts' ? fileIn(body.parts) : null;
    for (const file of this.files()) {
      if (file === used) response.lastUse = file;
      else file.release(this.kernel);
    }
  }

  private files() {
    return this.variants.flatMap(({ ok }) => (ok.body.kind === 'file' ? [ok.body.file] : []));
  }
}

function fileIn(parts: readonly { kind: string }[]) {
  const part = parts.find(({ kind }) => kind === 'file');
  return part === undefined ? null : (part as FileBody).file;
}
