import type { DateClock } from '../../http/date.js';
import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import type { Line } from './line.js';
import { DECIMAL_BYTES, IS_PLAIN, type LineFormat } from './line-format.js';
import type { LogEntry } from './log-entry.js';

const NO_REQUEST_LINE = Buffer.from('-" ');
const VERSIONS = [Buffer.from(' HTTP/1.0" '), Buffer.from(' HTTP/1.1" ')];
const CUT = Buffer.from(' X');
const LONGEST_ESCAPE = '\\xFF'.length;
const SP = 0x20;
const LF = 0x0a;
const QUOTE = 0x22;
const HYPHEN = 0x2d;
const BACKSLASH = 0x5c;
const X = 0x78;
const HEX = Buffer.from('0123456789ABCDEF');

/** Apache's combined format, which tools for logs read; a response that was cut off has ` X` behind it, as `%X` has. */
export class CombinedFormat implements LineFormat {
  readonly mostBytes = ' - - [21/Nov/2026:06:33:00 +0000] "" 200  X\n'.length + DECIMAL_BYTES;
  private stamp: Uint8Array = Buffer.alloc(0);

  constructor(private readonly clock: DateClock) {}

  setSecond(): void {
    this.stamp = Buffer.from(` - - [${this.clock.logStamp}] "`);
  }

  hasFieldsOnly(): boolean {
    return true;
  }

  start(line: Line, request: RequestParser, client: Uint8Array): void {
    const { bytes, headStart, targetEnd, hasTarget } = request;
    line.reserve(client.length + this.mostBytes + (hasTarget ? LONGEST_ESCAPE * (targetEnd - headStart) : 0));
    line.append(client);
    line.append(this.stamp);
    if (!hasTarget) return line.append(NO_REQUEST_LINE);
    appendEscaped(line, bytes, headStart, targetEnd);
    line.append(VERSIONS[request.minorVersion]!);
  }

  writeFields(line: Line, request: RequestParser): void {
    writeField(line, request, FieldId.referer);
    writeField(line, request, FieldId.userAgent);
  }

  write(line: Line, entry: LogEntry): void {
    line.appendStart(entry.line!.bytes, entry.startLength);
    line.appendDigits(entry.status, 3);
    line.bytes[line.length++] = SP;
    line.appendDecimal(entry.contentBytes());
    entry.appendFields(line);
    if (!entry.isComplete) line.append(CUT);
    line.bytes[line.length++] = LF;
  }
}

function writeField(line: Line, request: RequestParser, id: number): void {
  const isPresent = request.has(id);
  const start = isPresent ? request.valueStart(id) : 0;
  const end = isPresent ? request.valueEnd(id) : 0;
  line.reserve(LONGEST_ESCAPE * (end - start) + 4);
  line.bytes[line.length++] = SP;
  line.bytes[line.length++] = QUOTE;
  if (isPresent) appendEscaped(line, request.bytes, start, end);
  else line.bytes[line.length++] = HYPHEN;
  line.bytes[line.length++] = QUOTE;
}

/** Quotes, backslashes and bytes other than printable ASCII as `\xHH`, so that no client can forge a line. */
function appendEscaped(line: Line, from: Uint8Array, start: number, end: number): void {
  const to = line.bytes;
  let length = line.length;
  for (let at = start; at < end; at++) {
    const byte = from[at]!;
    if (IS_PLAIN[byte] === 1) to[length++] = byte;
    else {
      to[length++] = BACKSLASH;
      to[length++] = X;
      to[length++] = HEX[byte >> 4]!;
      to[length++] = HEX[byte & 15]!;
    }
  }
  line.length = length;
}
