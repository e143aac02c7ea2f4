import { write } from 'node:fs';
import type { DateClock } from '../../http/date.js';
import { FieldId } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import { latin1 } from '../../http/text.js';

export type AccessLogFormat = 'off' | 'combined' | 'json';
export const ACCESS_LOG_FORMATS: readonly AccessLogFormat[] = ['off', 'combined', 'json'];

/** Lines wait for a batch of this size, or this long. */
const BATCH_CHARACTERS = 65536;
const BATCH_MS = 1000;
/** A reader that is slower than the requests must not cost memory without end: beyond this lines are dropped, and counted. */
const WAITING_CHARACTERS = 16 * 1024 * 1024;
const RETRY_MS = 20;
/** A pipe that nobody reads must not keep a server from ending. */
const FLUSH_MS = 1000;

/**
 * One line a request, in Apache's combined format or as JSON, written in batches by libuv's threads. The size is that
 * of the body as it was promised; a transfer that is broken off has the same line.
 */
export class AccessLog {
  /** Lines that nobody took in time. */
  dropped = 0;
  private batch = '';
  private writing: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private broken = false;

  /** @param fd stays the caller's */
  constructor(
    private readonly format: Exclude<AccessLogFormat, 'off'>,
    private readonly clock: DateClock,
    private readonly fd: number,
  ) {}

  /**
   * @param request as far as it was understood; a refused one may have no target
   * @param bytes of the body, as they were promised
   */
  record(peer: string, request: RequestParser, status: number, bytes: number): void {
    if (this.broken) return;
    if (this.batch.length > WAITING_CHARACTERS) {
      this.dropped++;
      return;
    }
    this.batch +=
      this.format === 'json' ? this.json(peer, request, status, bytes) : this.combined(peer, request, status, bytes);
    if (this.batch.length >= BATCH_CHARACTERS) this.writeBatch();
    else if (this.timer === null) {
      this.timer = setTimeout(() => this.writeBatch(), BATCH_MS);
      this.timer.unref();
    }
  }

  /** Resolves when everything recorded so far is written, or when nobody has taken it for a second. */
  async flush(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FLUSH_MS);
    });
    await Promise.race([this.writeRest(), tooLate]);
    clearTimeout(timer);
  }

  private async writeRest(): Promise<void> {
    while (!this.broken && (this.batch !== '' || this.writing !== null)) {
      this.writeBatch();
      await this.writing;
    }
  }

  private combined(peer: string, request: RequestParser, status: number, bytes: number): string {
    const line = requestLine(request);
    const referer = escaped(request.value(FieldId.referer) ?? '-');
    const userAgent = escaped(request.value(FieldId.userAgent) ?? '-');
    return `${peer} - - [${this.clock.logStamp}] "${escaped(line)}" ${status} ${bytes} "${referer}" "${userAgent}"\n`;
  }

  private json(peer: string, request: RequestParser, status: number, bytes: number): string {
    const line = {
      time: new Date(this.clock.second * 1000).toISOString(),
      peer,
      method: request.hasTarget ? request.method : null,
      target: request.hasTarget ? utf8(latin1(request.bytes, request.targetStart, request.targetEnd)) : null,
      host: utf8(request.value(FieldId.host)),
      version: `1.${request.minorVersion}`,
      status,
      bytes,
      referer: utf8(request.value(FieldId.referer)),
      userAgent: utf8(request.value(FieldId.userAgent)),
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
    this.broken = true;
    this.batch = '';
    process.stderr.write(`epollet: the access log cannot be written and ends here: ${error.message}\n`);
  }
}

const requestLine = (request: RequestParser): string =>
  request.hasTarget
    ? `${request.method} ${latin1(request.bytes, request.targetStart, request.targetEnd)} HTTP/1.${request.minorVersion}`
    : '-';

/** A field's bytes as the text that they most likely are; what is no UTF-8 becomes U+FFFD, for JSON has to be UTF-8. */
const utf8 = (text: string | null): string | null => (text === null ? null : Buffer.from(text, 'latin1').toString());

/** Quotes, backslashes and bytes that are no ASCII text as `\xHH`, so that no client can forge a line. */
const escaped = (text: string): string =>
  /["\\]|[^\x20-\x7e]/.test(text)
    ? text.replace(
        /["\\]|[^\x20-\x7e]/g,
        (character) => `\\x${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
      )
    : text;
