import type { DateClock } from '../../http/date.js';
import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import type { Line } from './line.js';
import { DECIMAL_BYTES, IS_PLAIN, type LineFormat } from './line-format.js';
import type { LogEntry } from './log-entry.js';

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');
const PEER = ascii('Z","peer":"');
const METHOD = ascii('","method":"');
const TARGET = ascii('","target":"');
const NO_REQUEST_LINE = ascii('","method":null,"target":null,"version":"1.1"');
const VERSIONS = [ascii('","version":"1.0"'), ascii('","version":"1.1"')];
const STATUS = ascii(',"status":');
const BYTES = ascii(',"bytes":');
const COMPLETE = ascii(',"complete":true,"durationMs":');
const CUT = ascii(',"complete":false,"durationMs":');
const REQUEST_ID = ascii(',"requestId":"');
const HOST = ascii(',"host":');
const REFERER = ascii(',"referer":');
const USER_AGENT = ascii(',"userAgent":');
const NULL = ascii('null');
const QUOTE = 0x22;
/** A control character, `\u0001`. */
const LONGEST_ESCAPE = 6;

/** One object a line, in UTF-8; access-log.schema.json has its members. */
export class JsonFormat implements LineFormat {
  readonly mostBytes: number;
  private second: Uint8Array = Buffer.alloc(0);
  private readonly end: Uint8Array;

  /** @param worker its number; null without workers */
  constructor(
    private readonly clock: DateClock,
    worker: number | null,
  ) {
    this.end = ascii(worker === null ? '}\n' : `,"worker":${worker}}\n`);
    const constants = [PEER, METHOD, TARGET, NO_REQUEST_LINE, STATUS, BYTES, CUT, REQUEST_ID, this.end];
    this.mostBytes =
      constants.reduce((sum, { length }) => sum + length, '{"time":"2026-11-21T06:33:00.000'.length) +
      3 * DECIMAL_BYTES +
      1;
  }

  setSecond(): void {
    this.second = ascii(`{"time":"${this.clock.isoSecond}.`);
  }

  /** The host may be in an absolute target. */
  hasFieldsOnly(request: RequestParser): boolean {
    return request.authorityStart < 0;
  }

  start(line: Line, request: RequestParser, client: Uint8Array, millisecond: number): void {
    const { bytes, headStart, targetStart, targetEnd, hasTarget } = request;
    line.reserve(client.length + this.mostBytes + (hasTarget ? LONGEST_ESCAPE * (targetEnd - headStart) : 0));
    line.append(this.second);
    line.appendDigits(millisecond, 3);
    line.append(PEER);
    line.append(client);
    if (!hasTarget) return line.append(NO_REQUEST_LINE);
    line.append(METHOD);
    line.appendText(request.method); // a token, without quotes
    line.append(TARGET);
    appendEscaped(line, bytes, targetStart, targetEnd);
    line.append(VERSIONS[request.minorVersion]!);
  }

  writeFields(line: Line, request: RequestParser): void {
    const { authorityStart } = request;
    if (authorityStart >= 0) writeValue(line, HOST, request.bytes, authorityStart, request.pathStart);
    else writeField(line, HOST, request, FieldId.host);
    writeField(line, REFERER, request, FieldId.referer);
    writeField(line, USER_AGENT, request, FieldId.userAgent);
  }

  write(line: Line, entry: LogEntry, nowMs: number): void {
    line.appendStart(entry.line!.bytes, entry.startLength);
    line.append(STATUS);
    line.appendDigits(entry.status, 3);
    line.append(BYTES);
    line.appendDecimal(entry.contentBytes());
    line.append(entry.isComplete ? COMPLETE : CUT);
    line.appendThousandths(Math.max(0, nowMs - entry.startMs));
    if (entry.requestId !== null) {
      line.append(REQUEST_ID);
      line.appendText(entry.requestId);
      line.bytes[line.length++] = QUOTE;
    }
    entry.appendFields(line);
    line.append(this.end);
  }
}

function writeField(line: Line, name: Uint8Array, request: RequestParser, id: number): void {
  if (request.has(id)) return writeValue(line, name, request.bytes, request.valueStart(id), request.valueEnd(id));
  line.reserve(name.length + NULL.length);
  line.append(name);
  line.append(NULL);
}

function writeValue(line: Line, name: Uint8Array, bytes: Uint8Array, start: number, end: number): void {
  line.reserve(name.length + 2 + LONGEST_ESCAPE * (end - start));
  line.append(name);
  line.bytes[line.length++] = QUOTE;
  appendEscaped(line, bytes, start, end);
  line.bytes[line.length++] = QUOTE;
}

/** The inside of a JSON string: the bytes decoded as UTF-8, with U+FFFD for anything else, for JSON has to be UTF-8. */
function appendEscaped(line: Line, from: Uint8Array, start: number, end: number): void {
  const to = line.bytes;
  let length = line.length;
  for (let at = start; at < end; at++) {
    const byte = from[at]!;
    if (IS_PLAIN[byte] === 0) {
      const text = JSON.stringify(Buffer.from(from.subarray(start, end)).toString());
      length = line.length + to.write(text.slice(1, -1), line.length);
      break;
    }
    to[length++] = byte;
  }
  line.length = length;
}
