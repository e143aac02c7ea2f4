import { CLASSES, equalsIgnoreCase, FieldId, fieldIdOf, TARGET, TOKEN } from '../headers.js';
import type { Limits } from '../limits.js';
import type { ErrorStatus } from '../status.js';
import { HASH_PRIME, HASH_SEED } from '../text.js';
import type { FieldSection } from './field-section.js';
import { FieldSectionCache } from './field-section-cache.js';
import { RequestFields } from './fields.js';
import { contentLength, isHost, transferEncoding } from './framing.js';
import {
  authorityEnd,
  isHttp11,
  METHOD_BYTES_MAX,
  METHODS,
  type Method,
  matchesVersionAt,
  methodOf,
  VERSION_BYTES,
} from './line.js';
import { endOfValue, wordsOf } from './scan.js';

/** The parser's answers; the third is a refusal: the status, from 400. */
export const NEED_MORE = 0;
export const COMPLETE = 1;
export type ParseResult = 0 | 1 | ErrorStatus;

// A constant of its own is one to the compiler; an imported one is looked up at every byte, a tenth of the parse.
const classes = CLASSES;
const token = TOKEN;
const target = TARGET;

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const HT = 0x09;
const COLON = 0x3a;
const SLASH = 0x2f;
const QUESTION = 0x3f;

const BODY_FIELDS = (1 << FieldId.contentLength) | (1 << FieldId.transferEncoding) | (1 << FieldId.expect);

const CONTINUE_100 = Buffer.from('100-continue');

/**
 * Reads a request's head in place, RFC 9112 sections 2 to 7, strictly: no bare LF or CR, no folding, no space before
 * the colon. What it has read is in its own fields, as positions in the caller's bytes, valid until the bytes or the
 * parser are used again; for a request that is answered from memory nothing is allocated. Any cut of the same bytes
 * gives the same answer. Never throws on what a peer sent.
 */
export class RequestParser extends RequestFields {
  /** Where the head begins (after an empty line that is skipped) and ends; the body or the next request follows. */
  headStart = 0;
  headEnd = 0;
  method: Method = 'GET';
  minorVersion = 1;
  targetStart = 0;
  targetEnd = 0;
  /** The path, without the query; `*` and an absolute target without a path have an empty one. */
  pathStart = 0;
  pathEnd = 0;
  pathHash = 0;
  /** Of the body, 0 when there is none; -1 when it is chunked. */
  contentLength = 0;
  /** Whether the peer wants the connection kept, RFC 9112 section 9.3. */
  keepAlive = true;
  expectContinue = false;
  /** After NEED_MORE: with fewer bytes than this and no further line's end the head is neither whole nor too long. */
  minBytesToRetry = 0;

  private words: Int32Array = new Int32Array(0);
  /** What is read anew is noted here; what is known from before has a section of its own. */
  private readonly ownSection = this.section;
  private readonly sectionCache = new FieldSectionCache();

  constructor(private readonly limits: Limits) {
    super(limits.headFields);
  }

  /**
   * @param bytes must have one writable byte at `end`: a stop for the inner loops, put back before the return
   * @param start where the request begins
   * @param end how far there are bytes
   */
  parse(bytes: Uint8Array, start: number, end: number): ParseResult {
    // A head that passes the limit is looked at no further than that, so that every cut of it is refused alike.
    const limit = Math.min(end, start + this.limits.headBytes);
    const covered = bytes[limit]!;
    bytes[limit] = 0;
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.words = wordsOf(bytes);
    }
    this.reset();
    const answer = this.parseHead(bytes, start, limit);
    bytes[limit] = covered;
    if (answer === COMPLETE) return this.validateHead();
    return answer === NEED_MORE && end - start >= this.limits.headBytes ? 431 : answer;
  }

  /** Knows of no request: what is read of the next one must not be taken for this one's. */
  reset(): void {
    this.method = 'GET';
    this.minorVersion = 1;
    this.targetStart = this.targetEnd = 0;
    this.section = this.ownSection;
    this.ownSection.reset();
  }

  /** The section of fields, when the same bytes came before and are kept: one object for all who say the same. */
  get cachedSection(): FieldSection | null {
    return this.section === this.ownSection ? null : this.section;
  }

  /** Whether the request line was understood as far as the target. */
  get hasTarget(): boolean {
    return this.targetEnd > 0;
  }

  private parseHead(bytes: Uint8Array, start: number, end: number): ParseResult {
    this.minBytesToRetry = start + this.limits.headBytes;
    let at = start;
    // A robust server ignores an empty line before the request line, RFC 9112 section 2.2.
    if (bytes[at] === CR) {
      if (at + 1 >= end) return NEED_MORE;
      if (bytes[at + 1] !== LF) return 400;
      at += 2;
    }
    this.headStart = at;

    while (classes[bytes[at]!]! & token) at++;
    if (at - this.headStart > METHOD_BYTES_MAX) return 501;
    if (at >= end) return this.needMoreLine(at);
    if (bytes[at] !== SP || at === this.headStart) return 400;
    const method = methodOf(bytes, this.headStart, at);
    if (method < 0) return 501;
    this.method = METHODS[method]!;
    at++;

    const targetStart = at;
    this.targetStart = targetStart;
    const answer = this.parseTarget(bytes, targetStart, end);
    if (answer !== COMPLETE) return answer;
    at = this.targetEnd + 1;

    if (!isHttp11(bytes, at)) {
      for (let i = 0; i < VERSION_BYTES; i++) {
        if (at + i >= end) return NEED_MORE;
        if (!matchesVersionAt(bytes[at + i]!, i)) return 400;
      }
      if (bytes[at + 5] !== 0x31) return 505;
      // A later 1.x is read as 1.1, RFC 9112 section 2.3.
      this.minorVersion = bytes[at + 7] === 0x30 ? 0 : 1;
    }
    const fieldsStart = at + VERSION_BYTES;
    this.fieldsStart = fieldsStart;
    const known = this.sectionCache.find(bytes, this.words, fieldsStart, end);
    if (known !== null) {
      this.section = known;
      this.headEnd = fieldsStart + this.sectionCache.length;
      return COMPLETE;
    }
    const result = this.parseFields(bytes, fieldsStart, end);
    if (result === COMPLETE) this.sectionCache.insert(bytes, fieldsStart, this.headEnd, this.ownSection);
    return result;
  }

  /** Origin-form, absolute-form or asterisk-form, up to the space behind it, RFC 9112 section 3.2. */
  private parseTarget(bytes: Uint8Array, start: number, end: number): ParseResult {
    let at = start;
    let pathStart = start;
    if (bytes[at] !== SLASH) {
      if (at >= end) return this.needMoreLine(start);
      if (bytes[at] === 0x2a) {
        if (at + 1 >= end) return NEED_MORE;
        if (bytes[at + 1] !== SP || this.method !== 'OPTIONS') return 400;
        this.pathStart = this.pathEnd = at;
        this.pathHash = HASH_SEED;
        this.targetEnd = at + 1;
        return COMPLETE;
      }
      while (classes[bytes[at]!]! & target) at++;
      if (at - start > this.limits.targetBytes) return 414;
      if (at >= end) return this.needMoreLine(start);
      if (bytes[at] !== SP) return 400;
      pathStart = authorityEnd(bytes, start, at);
      if (pathStart < 0) return 400;
    }
    at = pathStart;
    let hash = HASH_SEED;
    let byte = bytes[at]!;
    while (classes[byte]! & target && byte !== QUESTION) {
      hash = Math.imul(hash ^ byte, HASH_PRIME);
      byte = bytes[++at]!;
    }
    this.pathStart = pathStart;
    this.pathEnd = at;
    this.pathHash = hash;
    if (byte === QUESTION) while (classes[bytes[at]!]! & target) at++;
    if (at - start > this.limits.targetBytes) return 414;
    if (at >= end) return this.needMoreLine(start);
    if (bytes[at] !== SP) return 400;
    this.targetEnd = at;
    return COMPLETE;
  }

  private parseFields(bytes: Uint8Array, start: number, end: number): ParseResult {
    const { ownSection, words } = this;
    const { positions, fieldIds } = ownSection;
    let count = 0;
    let at = start;
    for (;;) {
      if (bytes[at] === CR) {
        if (at + 1 >= end) return NEED_MORE;
        if (bytes[at + 1] !== LF) return 400;
        this.headEnd = at + 2;
        ownSection.count = count;
        return COMPLETE;
      }
      const nameStart = at;
      while (classes[bytes[at]!]! & token) at++;
      if (at >= end) return NEED_MORE;
      if (bytes[at] !== COLON || at === nameStart) return 400;
      const nameEnd = at++;
      while (bytes[at] === SP || bytes[at] === HT) at++;
      const valueStart = at;
      at = endOfValue(bytes, words, at);
      if (at >= end) return NEED_MORE;
      if (bytes[at] !== CR) return 400;
      if (at + 1 >= end) return NEED_MORE;
      if (bytes[at + 1] !== LF) return 400;
      let valueEnd = at;
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HT)) valueEnd--;
      at += 2;

      if (count === this.limits.headFields) return 431;
      const field = 4 * count++;
      positions[field] = nameStart - start;
      positions[field + 1] = nameEnd - start;
      positions[field + 2] = valueStart - start;
      positions[field + 3] = valueEnd - start;
      const name = fieldIdOf(bytes, nameStart, nameEnd);
      if (name < 0) continue;
      const bit = 1 << name;
      ownSection.repeated |= ownSection.presentMask & bit;
      ownSection.presentMask |= bit;
      fieldIds[name] = field;
      if (name === FieldId.host) ownSection.hostIsValid = isHost(bytes, valueStart, valueEnd);
      else if (name === FieldId.connection) ownSection.connection(bytes, valueStart, valueEnd);
    }
  }

  /** What can be said only of a whole head: its host and its body's length. */
  private validateHead(): ParseResult {
    const { section } = this;
    this.contentLength = 0;
    this.expectContinue = false;
    this.keepAlive = !section.close && (this.minorVersion === 1 || section.keep);
    if (this.isRepeated(FieldId.host)) return 400;
    if (this.has(FieldId.host) ? !section.hostIsValid : this.minorVersion === 1) return 400;
    return section.presentMask & BODY_FIELDS ? this.validateBodyFields() : COMPLETE;
  }

  private validateBodyFields(): ParseResult {
    const { bytes } = this;
    if (this.has(FieldId.transferEncoding)) {
      // Both lengths, or a coding where 1.0 has none, is how requests are smuggled, RFC 9112 section 6.1 and 11.2.
      if (this.has(FieldId.contentLength) || this.minorVersion === 0 || this.isRepeated(FieldId.transferEncoding))
        return 400;
      const refusal = transferEncoding(this.value(FieldId.transferEncoding)!);
      if (refusal !== 0) return refusal;
      this.contentLength = -1;
    } else if (this.has(FieldId.contentLength)) {
      if (this.isRepeated(FieldId.contentLength)) return 400;
      this.contentLength = contentLength(
        bytes,
        this.valueStart(FieldId.contentLength),
        this.valueEnd(FieldId.contentLength),
      );
      if (this.contentLength < 0) return 400;
      if (this.contentLength > this.limits.bodyBytes) return 413;
    }
    if (this.has(FieldId.expect) && this.minorVersion === 1) {
      const start = this.valueStart(FieldId.expect);
      const isContinue = equalsIgnoreCase(bytes, start, this.valueEnd(FieldId.expect), CONTINUE_100);
      if (this.isRepeated(FieldId.expect) || !isContinue) return 417;
      this.expectContinue = this.contentLength !== 0;
    }
    return COMPLETE;
  }

  /** In the request line the answer can change without a line's end: the target may become too long. */
  private needMoreLine(start: number): ParseResult {
    this.minBytesToRetry = Math.min(this.minBytesToRetry, start + this.limits.targetBytes + 1);
    return NEED_MORE;
  }
}
