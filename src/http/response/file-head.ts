import { reasonOf } from '../status.js';
import { DATE_PLACEHOLDER, statusLineAndDateName } from './head.js';
import { digitsOf, writeDecimal, writeLineEnd } from './head-text.js';
import { bytesOfFields, type Field, fieldLines } from './response.js';

/** Digits of 2^53 and two line ends. */
const LENGTH_BYTES = 20;
/** The second quote of a tag, and a line end. */
const TAG_END_BYTES = 3;
const QUOTE = 0x22;

/**
 * The heads of the 200 of many files that have the same fields, except for ETag, Last-Modified and Content-Length: the rest is
 * made once, so that no response makes a string. For persistent HTTP/1.1 connections.
 */
export class FileHead {
  /** Where the Date is in each head. */
  readonly dateAt: number;
  /** Where the tag is, without its quotes. */
  readonly tagAt: number;
  /** As long as a head can be. */
  readonly maxBytes: number;
  /** Of the names and values that all have. */
  readonly fieldBytes: number;
  private readonly front: Buffer;
  private readonly back: Buffer;

  /**
   * @param contentFields before the validators
   * @param tagBytes the most that a tag takes, without its quotes
   * @param modifiedBytes the most that the line of the date takes
   */
  constructor(
    readonly contentFields: readonly Field[],
    readonly otherFields: readonly Field[],
    tagBytes: number,
    modifiedBytes: number,
  ) {
    const start = statusLineAndDateName(200, reasonOf(200));
    this.dateAt = start.length;
    this.front = Buffer.from(`${start}${DATE_PLACEHOLDER}\r\n${fieldLines(contentFields)}ETag: "`, 'latin1');
    this.tagAt = this.front.length;
    this.back = Buffer.from(`${fieldLines(otherFields)}Content-Length: `, 'latin1');
    this.fieldBytes = bytesOfFields(contentFields) + bytesOfFields(otherFields);
    const validators = tagBytes + TAG_END_BYTES + modifiedBytes;
    this.maxBytes = this.front.length + validators + this.back.length + LENGTH_BYTES;
  }

  /**
   * Writes a head that ends at `end`.
   * @param tag begins with the tag, of `tagBytes`
   * @param modified the line of the date, or nothing
   * @returns where it starts
   */
  write(memory: Buffer, end: number, tag: Uint8Array, tagBytes: number, modified: Uint8Array, size: number): number {
    const { front, back } = this;
    const lengthEnd = end - 4;
    const backAt = lengthEnd - digitsOf(size) - back.length;
    const modifiedAt = backAt - modified.length;
    const tagAt = modifiedAt - TAG_END_BYTES - tagBytes;
    const start = tagAt - front.length;
    memory.set(front, start);
    for (let i = 0; i < tagBytes; i++) memory[tagAt + i] = tag[i]!;
    memory[modifiedAt - 3] = QUOTE;
    writeLineEnd(memory, modifiedAt - 2);
    if (modified.length > 0) memory.set(modified, modifiedAt);
    memory.set(back, backAt);
    writeDecimal(memory, lengthEnd, size);
    writeLineEnd(memory, lengthEnd);
    writeLineEnd(memory, lengthEnd + 2);
    return start;
  }

  /** The tag of a head that `write` made, with its quotes. */
  tagOf(bytes: Buffer): string {
    return bytes.toString('latin1', this.tagAt - 1, bytes.indexOf(QUOTE, this.tagAt) + 1);
  }
}
