import { resolve } from 'node:path';
import type { DateClock } from '../../http/date.js';
import type { RequestParser } from '../../http/request/parser.js';
import type { Kernel } from '../../sys/kernel.js';
import { CombinedFormat } from './combined.js';
import { JsonFormat } from './json.js';
import { Line } from './line.js';
import type { LineFormat } from './line-format.js';
import type { LogEntry } from './log-entry.js';
import { openLogFile, reopenLogFile } from './log-file.js';
import { type LogTarget, LogWriter } from './log-writer.js';

export type AccessLogFormat = 'off' | 'combined' | 'json';
export const ACCESS_LOG_FORMATS: readonly AccessLogFormat[] = ['off', 'combined', 'json'];

/** Most starts of lines are shorter, so that they need no more memory. */
const LINE_BYTES = 256;
/** Of requests that are being served at the same time, beyond which memory is not kept. */
const KEPT_LINES = 256;
const KEPT_BYTES = 4096;

export interface AccessLogOptions {
  readonly format: Exclude<AccessLogFormat, 'off'>;
  /** The path of the file that lines are appended to; null for standard output. */
  readonly file: string | null;
}

const STDOUT: LogTarget = { fd: 1, isOwned: false };

/**
 * One line a request, in Apache's combined format or as JSON. It is recorded at the end of the response, with the bytes
 * of its body that were sent, and has the time at which the request was received. A response that was cut off is marked.
 */
export class AccessLog {
  private readonly format: LineFormat;
  private readonly file: string | null;
  private readonly writer: LogWriter;
  /** Those that are not in use. */
  private readonly lines: Line[] = [];
  private second = -1;

  /**
   * @param worker its number; null without workers
   * @throws LogFileError
   */
  constructor(
    { format, file }: AccessLogOptions,
    private readonly kernel: Kernel,
    private readonly clock: DateClock,
    worker: number | null,
  ) {
    this.format = format === 'json' ? new JsonFormat(clock, worker) : new CombinedFormat(clock);
    this.file = file === null ? null : resolve(file);
    this.writer = new LogWriter(this.file === null ? STDOUT : { fd: openLogFile(this.file), isOwned: true });
  }

  /** Lines that were lost. */
  get dropped(): number {
    return this.writer.dropped;
  }

  /**
   * Notes what the line needs of the parser's current request, or of as much of it as was parsed.
   * @param client its address, in ASCII
   */
  note(entry: LogEntry, request: RequestParser, client: Uint8Array): void {
    const { clock, format } = this;
    const line = this.lines.pop() ?? new Line(LINE_BYTES);
    if (clock.second !== this.second) {
      this.second = clock.second;
      format.setSecond();
    }
    line.length = 0;
    format.start(line, request, client, clock.millisecondAt(entry.startMs));
    entry.line = line;
    entry.startLength = line.length;
    const section = format.hasFieldsOnly(request) ? request.cachedSection : null;
    if (section !== null && section.note !== null) {
      entry.fields = section.note;
      return;
    }
    format.writeFields(line, request);
    if (section !== null) section.note = Buffer.from(line.bytes.subarray(entry.startLength, line.length));
  }

  record(entry: LogEntry): void {
    const { format, writer, lines } = this;
    const { line } = entry;
    if (line === null) return; // it came before
    const room = writer.room(entry.partsLength + format.mostBytes);
    if (room !== null) {
      format.write(room, entry, this.kernel.monotonicMs());
      writer.add();
    }
    entry.line = null;
    if (lines.length < KEPT_LINES && line.bytes.length <= KEPT_BYTES) lines.push(line);
  }

  /** Resolves when everything recorded so far is written, at the latest after a second. */
  flush(): Promise<void> {
    return this.writer.flush();
  }

  /**
   * Opens the file anew, which another program has renamed, and then flushes into it.
   * @throws LogFileError; then the lines go to the file from before
   */
  async reopen(): Promise<void> {
    if (this.file !== null) this.writer.switchTo({ fd: await reopenLogFile(this.file), isOwned: true });
    await this.writer.flush();
  }

  /** Flushes; what cannot be written within a second is dropped. */
  close(): Promise<void> {
    return this.writer.close();
  }
}
