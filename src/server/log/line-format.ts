import type { RequestParser } from '../../http/request/parser.js';
import type { Line } from './line.js';
import type { LogEntry } from './log-entry.js';

/**
 * How a request becomes a line: its start and its fields are bytes as soon as it is parsed, for the parser's are used again
 * before the response is sent. Field sections that come again have their part of the line already.
 */
export interface LineFormat {
  /** The most bytes that `write` adds to those of `start` and `writeFields`. */
  readonly mostBytes: number;
  /** Whether `writeFields` depends on the field section alone. */
  hasFieldsOnly(request: RequestParser): boolean;
  /**
   * The first part of the line, up to what the response decides.
   * @param client the client's address, in ASCII
   * @param millisecond of the second of `setSecond`
   */
  start(line: Line, request: RequestParser, client: Uint8Array, millisecond: number): void;
  /** The part of the line that is made of fields. */
  writeFields(line: Line, request: RequestParser): void;
  /** The whole line. */
  write(line: Line, entry: LogEntry, nowMs: number): void;
  /** A new second of the wall clock has begun. */
  setSecond(): void;
}

/** The most bytes of a decimal integer. */
export const DECIMAL_BYTES = 16;

/** By byte: printable ASCII but quotes and backslashes, which both formats leave as it is. */
export const IS_PLAIN: Uint8Array = new Uint8Array(256);
for (let byte = 0x20; byte < 0x7f; byte++) IS_PLAIN[byte] = Number(byte !== 0x22 && byte !== 0x5c);
