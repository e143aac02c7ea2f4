import { reasonOf } from '../status.js';
import { DATE_PLACEHOLDER, statusLineAndDateName } from './head.js';
import { bytesOfFields, type Field, fieldLines } from './response.js';

/** Digits of 2^53 and two line ends. */
const LENGTH_BYTES = 20;
const LAST_MODIFIED = 'Last-Modified: ';

/**
 * The heads of the 200 of many files that have the same fields, except for ETag, Last-Modified and Content-Length: the rest is
 * made once. For persistent HTTP/1.1 connections.
 */
export class FileHead {
  /** Where the Date is in each head. */
  readonly dateAt: number;
  /** As long as a head can be. */
  readonly maxBytes: number;
  /** Of the names and values that all have. */
  readonly fieldBytes: number;
  private readonly front: string;
  private readonly back: string;

  /**
   * @param contentFields before the validators
   * @param etagBytes the most that a tag takes
   */
  constructor(
    readonly contentFields: readonly Field[],
    readonly otherFields: readonly Field[],
    etagBytes: number,
  ) {
    const start = statusLineAndDateName(200, reasonOf(200));
    this.dateAt = start.length;
    this.front = `${start}${DATE_PLACEHOLDER}\r\n${fieldLines(contentFields)}ETag: `;
    this.back = `${fieldLines(otherFields)}Content-Length: `;
    const validators = etagBytes + LAST_MODIFIED.length + DATE_PLACEHOLDER.length + 4;
    this.fieldBytes = bytesOfFields(contentFields) + bytesOfFields(otherFields);
    this.maxBytes = this.front.length + validators + this.back.length + LENGTH_BYTES;
  }

  /** @param modified null for a file without a date */
  text(etag: string, modified: string | null, size: number): string {
    const date = modified === null ? '' : `${LAST_MODIFIED}${modified}\r\n`;
    return `${this.front}${etag}\r\n${date}${this.back}${size}\r\n\r\n`;
  }
}
