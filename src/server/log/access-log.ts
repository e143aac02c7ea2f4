import type { DateClock } from '../../http/date.js';
import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import { latin1 } from '../../http/text.js';
import { LogEntry, type Output } from './log-entry.js';
import { LogWriter } from './log-writer.js';

export type AccessLogFormat = 'off' | 'combined' | 'json';
export const ACCESS_LOG_FORMATS: readonly AccessLogFormat[] = ['off', 'combined', 'json'];

/**
 * One line a request, in Apache's combined format or as JSON. It is recorded at the end of the response, with the bytes
 * of its body that were sent, and has the time at which the request was received. A response that was cut off is marked:
 * `complete` is false, and a combined line ends with ` X`, as Apache's `%X` has it.
 */
export class AccessLog {
  private readonly writer: LogWriter;

  /** @param fd stays the caller's */
  constructor(
    private readonly format: Exclude<AccessLogFormat, 'off'>,
    private readonly clock: DateClock,
    fd: number,
  ) {
    this.writer = new LogWriter(fd);
  }

  /** Lines that were lost. */
  get dropped(): number {
    return this.writer.dropped;
  }

  /**
   * The entry for the parser's current request, or for as much of it as was parsed.
   * @param output of its connection
   * @param nowMs on the reactor's clock
   */
  entryOf(output: Output, request: RequestParser, peer: string, nowMs: number): LogEntry {
    const { hasTarget } = request;
    const { clock } = this;
    return new LogEntry(
      output,
      this.format === 'json' ? clock.isoSecond : clock.logStamp,
      clock.millisecondAt(nowMs),
      peer,
      hasTarget ? request.method : null,
      hasTarget ? latin1(request.bytes, request.targetStart, request.targetEnd) : null,
      request.minorVersion,
      request.host,
      request.value(FieldId.referer),
      request.value(FieldId.userAgent),
    );
  }

  record(entry: LogEntry): void {
    this.writer.add(this.format === 'json' ? json(entry) : combined(entry));
  }

  /** Resolves when everything recorded so far is written, at the latest after a second. */
  flush(): Promise<void> {
    return this.writer.flush();
  }

  /** Flushes; what cannot be written within a second is dropped. */
  close(): Promise<void> {
    return this.writer.close();
  }
}

function combined(entry: LogEntry): string {
  const line = entry.method === null ? '-' : `${entry.method} ${entry.target} HTTP/1.${entry.minorVersion}`;
  const [referer, userAgent] = [escaped(entry.referer ?? '-'), escaped(entry.userAgent ?? '-')];
  const cut = entry.isComplete ? '' : ' X';
  return `${entry.peer} - - [${entry.stamp}] "${escaped(line)}" ${entry.status} ${entry.contentBytes()} "${referer}" "${userAgent}"${cut}\n`;
}

function json(entry: LogEntry): string {
  const { stamp, millisecond, peer, method, target, host, minorVersion, status, referer, userAgent } = entry;
  const time = `${stamp}.${String(millisecond).padStart(3, '0')}Z`;
  const bytes = entry.contentBytes();
  const isComplete = entry.isComplete;
  return `{"time":"${time}","peer":"${peer}","method":${quoted(method)},"target":${quoted(target)},"host":${quoted(host)},"version":"1.${minorVersion}","status":${status},"bytes":${bytes},"complete":${isComplete},"referer":${quoted(referer)},"userAgent":${quoted(userAgent)}}\n`;
}

/** A JSON string of a field's bytes decoded as UTF-8, with U+FFFD for anything else: JSON has to be UTF-8. */
function quoted(text: string | null): string {
  if (text === null) return 'null';
  if (!/["\\]|[^\x20-\x7e]/.test(text)) return `"${text}"`;
  return JSON.stringify(Buffer.from(text, 'latin1').toString());
}

/** Quotes, backslashes and bytes other than printable ASCII as `\xHH`, so that no client can forge a line. */
const escaped = (text: string): string =>
  /["\\]|[^\x20-\x7e]/.test(text)
    ? text.replace(
        /["\\]|[^\x20-\x7e]/g,
        (character) => `\\x${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
      )
    : text;
