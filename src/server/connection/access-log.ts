import { write } from 'node:fs';
import type { DateClock } from '../../http/date.js';
import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import { latin1 } from '../../http/text.js';

export type AccessLogFormat = 'off' | 'combined' | 'json';
export const ACCESS_LOG_FORMATS: readonly AccessLogFormat[] = ['off', 'combined', 'json'];

/** Lines are written in batches of this size, or after this time. */
const BATCH_CHARACTERS = 65536;
const BATCH_MS = 1000;
/** Bounds memory when the reader is slower than the log: beyond it lines are dropped, and counted. */
const QUEUED_CHARACTERS = 16 * 1024 * 1024;
const RETRY_MS = 20;
/** A pipe without a reader must not keep a server from stopping. */
const FLUSH_MS = 1000;

/** The part of a line that is known with the request. Strings are latin1, a byte a character. */
export interface LogEntry {
  readonly peer: string;
  /** Null, as is the target, if the request line could not be parsed so far. */
  readonly method: string | null;
  readonly target: string | null;
  readonly minorVersion: number;
  readonly host: string | null;
  readonly referer: string | null;
  readonly userAgent: string | null;
}

/**
 * One line a request, in Apache's combined format or as JSON, written in batches by libuv's threads. The size is that of
 * the body as its head announces it, even if the transfer is cut off.
 */
export class AccessLog {
  /** Lines dropped because the reader was too slow. */
  dropped = 0;
  private batch = '';
  private writing: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private isBroken = false;

  /** @param fd stays the caller's */
  constructor(
    private readonly format: Exclude<AccessLogFormat, 'off'>,
    private readonly clock: DateClock,
    private readonly fd: number,
  ) {}

  /** The entry for the parser's current request, or for as much of it as was parsed. */
  static entryOf(request: RequestParser, peer: string): LogEntry {
    const { hasTarget } = request;
    return {
      peer,
      method: hasTarget ? request.method : null,
      target: hasTarget ? latin1(request.bytes, request.targetStart, request.targetEnd) : null,
      minorVersion: request.minorVersion,
      host: request.value(FieldId.host),
      referer: request.value(FieldId.referer),
      userAgent: request.value(FieldId.userAgent),
    };
  }

  /** @param bytes of the body, as its head announces it */
  record(entry: LogEntry, status: number, bytes: number): void {
    if (this.isBroken) return;
    if (this.batch.length > QUEUED_CHARACTERS) {
      this.dropped++;
      return;
    }
    this.batch += this.format === 'json' ? this.json(entry, status, bytes) : this.combined(entry, status, bytes);
    if (this.batch.length >= BATCH_CHARACTERS) this.writeBatch();
    else if (this.timer === null) {
      this.timer = setTimeout(() => this.writeBatch(), BATCH_MS);
      this.timer.unref();
    }
  }

  /** Resolves when everything recorded so far is written, at the latest after a second. */
  async flush(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FLUSH_MS);
    });
    await Promise.race([this.writeRest(), tooLate]);
    clearTimeout(timer);
  }

  private async writeRest(): Promise<void> {
    while (!this.isBroken && (this.batch !== '' || this.writing !== null)) {
      this.writeBatch();
      await this.writing;
    }
  }

  private combined(entry: LogEntry, status: number, bytes: number): string {
    const line = entry.method === null ? '-' : `${entry.method} ${entry.target} HTTP/1.${entry.minorVersion}`;
    const referer = escaped(entry.referer ?? '-');
    const userAgent = escaped(entry.userAgent ?? '-');
    return `${entry.peer} - - [${this.clock.logStamp}] "${escaped(line)}" ${status} ${bytes} "${referer}" "${userAgent}"\n`;
  }

  private json(entry: LogEntry, status: number, bytes: number): string {
    const line = {
      time: new Date(this.clock.second * 1000).toISOString(),
      peer: entry.peer,
      method: entry.method,
      target: utf8(entry.target),
      host: utf8(entry.host),
      version: `1.${entry.minorVersion}`,
      status,
      bytes,
      referer: utf8(entry.referer),
      userAgent: utf8(entry.userAgent),
    };
    return `${JSON.stringify(line)}\n`;
  }

  private writeBatch(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (this.writing !== null || this.batch === '') return;
    const bytes = Buffer.from(this.batch);
    this.batch = '';
    this.writing = this.writeAll(bytes).then(() => {
      this.writing = null;
      if (this.batch.length >= BATCH_CHARACTERS) this.writeBatch();
    });
  }

  private async writeAll(bytes: Buffer): Promise<void> {
    let at = 0;
    while (at < bytes.length) {
      const result = await new Promise<number | NodeJS.ErrnoException>((resolve) =>
        write(this.fd, bytes, at, bytes.length - at, null, (error, written) => resolve(error ?? written)),
      );
      if (typeof result === 'number') at += result;
      else if (result.code === 'EAGAIN') await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      else return this.giveUp(result);
    }
  }

  private giveUp(error: NodeJS.ErrnoException): void {
    this.isBroken = true;
    this.batch = '';
    process.stderr.write(`epollet: the access log cannot be written and ends here: ${error.message}\n`);
  }
}

/** A field's bytes decoded as UTF-8, with U+FFFD for anything else: JSON has to be UTF-8. */
const utf8 = (text: string | null): string | null => (text === null ? null : Buffer.from(text, 'latin1').toString());

/** Quotes, backslashes and bytes other than printable ASCII as `\xHH`, so that no client can forge a line. */
const escaped = (text: string): string =>
  /["\\]|[^\x20-\x7e]/.test(text)
    ? text.replace(
        /["\\]|[^\x20-\x7e]/g,
        (character) => `\\x${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
      )
    : text;
