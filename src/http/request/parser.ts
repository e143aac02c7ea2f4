import { CLASSES, equalsIgnoreCase, FieldId, fieldIdOf, TARGET, TOKEN } from '../headers.js';
import type { Limits } from '../limits.js';
import type { ErrorStatus } from '../status.js';
import { HASH_MULTIPLIER, HASH_SEED, latin1 } from '../text.js';
import { FieldSection } from './field-section.js';
import { FieldSectionCache } from './field-section-cache.js';
import { contentLength, isHost, transferEncoding } from './framing.js';
import {
  authorityEnd,
  extensionMethod,
  isHttp11,
  METHOD_BYTES_MAX,
  METHODS,
  matchesVersionAt,
  methodOf,
  VERSION_BYTES,
} from './line.js';
import { endOfValue, wordsOf } from './scan.js';

/** The results of a parse; the third is the status of an error response, from 400. */
export const NEED_MORE = 0;
export const COMPLETE = 1;
export type ParseResult = 0 | 1 | ErrorStatus;

// V8 inlines a constant of this module; an imported one is loaded for every byte, which costs a tenth of the parse.
const classes = CLASSES;
const token = TOKEN;
const target = TARGET;
const seed = HASH_SEED;
const multiplier = HASH_MULTIPLIER;

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
 * Parses the head of a request in place, strictly, RFC 9112 sections 2 to 7. The result is one of three:
 * - NEED_MORE: the head is not complete; parse again, from the same start, when more bytes have arrived.
 * - COMPLETE: the fields of this object describe the request; the body or the next request starts at `headEnd`.
 * - an error status: nothing that follows on the connection can be trusted to be a request.
 *
 * Steps:
 * 1. the request line: method, target with the hash of its path, version
 * 2. the field section: from the cache, if the same bytes came before, or field by field
 * 3. the rules for a complete head: one valid Host, the framing of the body, Expect
 *
 * Rules:
 * - Bytes are never copied: everything is a position in the caller's bytes, valid until they or the parser are used
 *   again. Strings are made on request; for a response from memory nothing is allocated.
 * - However the bytes are cut into reads, the result is the same.
 * - No bare LF or CR, no folding, no space before the colon. It never throws on what a client sends.
 */
export class RequestParser {
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the head starts (after an empty line that is skipped) and ends. */
  headStart = 0;
  headEnd = 0;
  method = 'GET';
  minorVersion = 1;
  targetStart = 0;
  targetEnd = 0;
  /** The path, without the query; empty for `*` and for an absolute target without a path. */
  pathStart = 0;
  pathEnd = 0;
  pathHash = 0;
  /** Bytes of the body: 0 without one, -1 when it is chunked. */
  contentLength = 0;
  /** Whether the connection is to persist, RFC 9112 section 9.3. */
  keepAlive = true;
  expectContinue = false;
  /** After NEED_MORE: with fewer bytes than this and no further line feed, the result stays NEED_MORE. */
  minBytesToRetry = 0;

  /** Whether the client asks for another protocol, RFC 9110 section 7.8: in HTTP/1.0 that is ignored. */
  get asksForUpgrade(): boolean {
    return this.section.upgrade && this.minorVersion === 1 && this.has(FieldId.upgrade);
  }

  private fieldsStart = 0;
  private section: FieldSection;
  private words: Int32Array = new Int32Array(0);
  /** Filled by `parseFields`; a section from the cache is an object of its own. */
  private readonly ownSection: FieldSection;
  private readonly sectionCache = new FieldSectionCache();

  /** @param takesAnyMethod whether the request may have a method that is not in METHODS, else it is 501 */
  constructor(
    private readonly limits: Limits,
    private readonly takesAnyMethod = false,
  ) {
    this.section = this.ownSection = new FieldSection(limits.headFields);
  }

  /**
   * @param bytes must have one writable byte at `end`: a sentinel for the inner loops, restored before the return
   * @param start where the request starts
   * @param end where the bytes received so far end
   */
  parse(bytes: Uint8Array, start: number, end: number): ParseResult {
    // Nothing beyond the limit is read, so that a head that is too long gets the same status however it is cut.
    const limit = Math.min(end, start + this.limits.headBytes);
    const covered = bytes[limit]!;
    bytes[limit] = 0;
    if (bytes !== this.bytes) {
      this.bytes = bytes;
      this.words = wordsOf(bytes);
    }
    this.reset();
    const result = this.parseHead(bytes, start, limit);
    bytes[limit] = covered;
    if (result === COMPLETE) return this.validateHead();
    return result === NEED_MORE && end - start >= this.limits.headBytes ? 431 : result;
  }

  /** Forgets the request, so that a partly parsed one cannot be mistaken for the one before it. */
  reset(): void {
    this.method = 'GET';
    this.minorVersion = 1;
    this.targetStart = this.targetEnd = 0;
    this.section = this.ownSection;
    this.ownSection.reset();
  }

  /** Returns a copy of the head, with one spare byte behind it, for `restoreHead`. */
  copyHead(): Buffer {
    const head = Buffer.allocUnsafe(this.headEnd - this.headStart + 1);
    head.set(this.bytes.subarray(this.headStart, this.headEnd));
    return head;
  }

  restoreHead(head: Uint8Array): void {
    this.parse(head, 0, head.length - 1);
  }

  /** Whether the request line was parsed up to the end of the target. */
  get hasTarget(): boolean {
    return this.targetEnd > 0;
  }

  /** The field section if it came from the cache: the same object for every request with the same bytes; else null. */
  get cachedSection(): FieldSection | null {
    return this.section === this.ownSection ? null : this.section;
  }

  get presentMask(): number {
    return this.section.presentMask;
  }

  /** Whether the field section was parsed to its end; false as well if it has no field. */
  get hasAllFields(): boolean {
    return this.section.count > 0;
  }

  get fieldCount(): number {
    return this.section.count;
  }

  has(id: number): boolean {
    return ((this.section.presentMask >> id) & 1) === 1;
  }

  isRepeated(id: number): boolean {
    return ((this.section.repeated >> id) & 1) === 1;
  }

  /** Where the value of a known field that is present starts; of a repeated one, the last. */
  valueStart(id: number): number {
    return this.indexOf(this.section.fieldIds[id]! + 2);
  }

  valueEnd(id: number): number {
    return this.indexOf(this.section.fieldIds[id]! + 3);
  }

  /** The last value of a known field as latin1; null when the field is absent. */
  value(id: number): string | null {
    return this.has(id) ? latin1(this.bytes, this.valueStart(id), this.valueEnd(id)) : null;
  }

  /** Where the host of an absolute target starts, which ends where the path starts; -1 for other targets. */
  get authorityStart(): number {
    const { targetStart } = this;
    if (!this.hasTarget || this.pathStart === targetStart) return -1;
    return targetStart + (this.bytes[targetStart + 4] === COLON ? 'http://' : 'https://').length;
  }

  /** The host with its port as the client sent it: that of an absolute target, else of the Host field, RFC 9112 section 3.2.2. */
  get host(): string | null {
    const start = this.authorityStart;
    return start < 0 ? this.value(FieldId.host) : latin1(this.bytes, start, this.pathStart);
  }

  /** All values of a known field whose value is a list, joined, RFC 9110 section 5.3; null when it is absent. */
  list(id: number): string | null {
    if (!this.isRepeated(id)) return this.value(id);
    const values: string[] = [];
    for (let field = 0; field < this.fieldCount; field++) {
      if (fieldIdOf(this.bytes, this.indexOf(4 * field), this.indexOf(4 * field + 1)) === id) {
        values.push(latin1(this.bytes, this.indexOf(4 * field + 2), this.indexOf(4 * field + 3)));
      }
    }
    return values.join(', ');
  }

  /** The position in `bytes` of an entry of `FieldSection.positions`: four for each field. */
  indexOf(entry: number): number {
    return this.fieldsStart + this.section.positions[entry]!;
  }

  private parseHead(bytes: Uint8Array, start: number, end: number): ParseResult {
    this.minBytesToRetry = start + this.limits.headBytes;
    let at = start;
    // One empty line before the request line is ignored, RFC 9112 section 2.2.
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
    if (method >= 0) this.method = METHODS[method]!;
    else {
      const name = this.takesAnyMethod ? extensionMethod(bytes, this.headStart, at) : null;
      if (name === null) return 501;
      this.method = name;
    }
    at++;

    const targetStart = at;
    this.targetStart = targetStart;
    const targetResult = this.parseTarget(bytes, targetStart, end);
    if (targetResult !== COMPLETE) return targetResult;
    at = this.targetEnd + 1;

    if (!isHttp11(bytes, at)) {
      for (let i = 0; i < VERSION_BYTES; i++) {
        if (at + i >= end) return NEED_MORE;
        if (!matchesVersionAt(bytes[at + i]!, i)) return 400;
      }
      if (bytes[at + 5] !== 0x31) return 505;
      // A later 1.x is treated as 1.1, RFC 9112 section 2.3.
      this.minorVersion = bytes[at + 7] === 0x30 ? 0 : 1;
    }
    const fieldsStart = at + VERSION_BYTES;
    this.fieldsStart = fieldsStart;
    const cached = this.sectionCache.find(bytes, this.words, fieldsStart, end);
    if (cached !== null) {
      this.section = cached;
      this.headEnd = fieldsStart + this.sectionCache.length;
      return COMPLETE;
    }
    const result = this.parseFields(bytes, fieldsStart, end);
    if (result === COMPLETE) this.sectionCache.insert(bytes, fieldsStart, this.headEnd, this.ownSection);
    return result;
  }

  /** Parses origin-form, absolute-form or asterisk-form, up to the space behind it, RFC 9112 section 3.2. */
  private parseTarget(bytes: Uint8Array, start: number, end: number): ParseResult {
    let at = start;
    let pathStart = start;
    if (bytes[at] !== SLASH) {
      if (at >= end) return this.needMoreLine(start);
      if (bytes[at] === 0x2a) {
        if (at + 1 >= end) return NEED_MORE;
        if (bytes[at + 1] !== SP || this.method !== 'OPTIONS') return 400;
        this.pathStart = this.pathEnd = at;
        this.pathHash = seed;
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
    let hash = seed;
    let byte = bytes[at]!;
    while (classes[byte]! & target && byte !== QUESTION) {
      hash = Math.imul(hash ^ byte, multiplier);
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
      const id = fieldIdOf(bytes, nameStart, nameEnd);
      if (id < 0) continue;
      const bit = 1 << id;
      ownSection.repeated |= ownSection.presentMask & bit;
      ownSection.presentMask |= bit;
      fieldIds[id] = field;
      if (id === FieldId.host) ownSection.hostIsValid = isHost(bytes, valueStart, valueEnd);
      else if (id === FieldId.connection) ownSection.addConnection(bytes, valueStart, valueEnd);
    }
  }

  /** Applies the rules that need the complete head: its host and the framing of its body. */
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
      // Both lengths, or a transfer coding in HTTP/1.0, is how requests are smuggled, RFC 9112 sections 6.1 and 11.2.
      if (this.has(FieldId.contentLength) || this.minorVersion === 0 || this.isRepeated(FieldId.transferEncoding))
        return 400;
      const status = transferEncoding(this.value(FieldId.transferEncoding)!);
      if (status !== 0) return status;
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

  /** In the request line the result can change without a line feed: the target may become too long. */
  private needMoreLine(start: number): ParseResult {
    this.minBytesToRetry = Math.min(this.minBytesToRetry, start + this.limits.targetBytes + 1);
    return NEED_MORE;
  }
}
