import { fstatSync, write, writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/** Lines are written in batches of this size, or after this time. */
const BATCH_CHARACTERS = 65536;
const BATCH_MS = 1000;
/** Bounds memory while lines come faster than they are written: beyond it they are dropped, and counted. */
const QUEUED_CHARACTERS = 16 * 1024 * 1024;
/** A full pipe is tried again after this time. */
const FULL_PIPE_MS = 20;
/** A file system without space, or a pipe without a reader, is tried again after this time. */
const FAILED_MS = 1000;
/** A pipe that is not read must not keep a server from stopping. */
const FLUSH_MS = 1000;
/** PIPE_BUF: what several writers of a pipe write at a time without mixing it, pipe(7). */
const ATOMIC_BYTES = 4096;
const STDERR = 2;
const LF = 0x0a;
const EMPTY = Buffer.alloc(0);

/**
 * Writes lines in batches, by libuv's threads. An error is not the end: the rest of the batch is tried again from the
 * byte at which it stopped, so that no line is torn or lost. What comes meanwhile is kept up to a bound, and beyond it
 * dropped by whole lines, counted, and reported on standard error once writing succeeds again.
 */
export class LogWriter {
  /** Lines lost so far: the file system had no space, or the pipe no reader or a slow one. */
  dropped = 0;
  private reported = 0;
  private batch = '';
  private batchLines = 0;
  /** What is not written of the batch before. */
  private rest: Buffer = EMPTY;
  private writing: Promise<void> | null = null;
  private timer: NodeJS.Timeout | null = null;
  private isFailing = false;
  private isClosing = false;
  private isClosed = false;
  /** Ends a pause between two attempts. */
  private retry: (() => void) | null = null;
  /** Other workers write to the same pipe. To a file each write is whole, since it appends. */
  private readonly isShared: boolean;
  /** Ends a flush. */
  private onFailure: (() => void) | null = null;

  /**
   * @param fd stays the caller's
   * @param warn takes a sentence for the operator
   */
  constructor(
    private readonly fd: number,
    private readonly warn: (sentence: string) => void = toStderr,
    isWorker = !isMainThread,
  ) {
    this.isShared = isWorker && !fstatSync(fd).isFile();
  }

  /** @param line with its line feed */
  add(line: string): void {
    if (this.isClosed || this.batch.length > QUEUED_CHARACTERS) {
      this.dropped++;
      return;
    }
    this.batch += line;
    this.batchLines++;
    if (this.batch.length >= BATCH_CHARACTERS) this.writeBatch();
    else if (this.timer === null) {
      this.timer = setTimeout(() => this.writeBatch(), BATCH_MS);
      this.timer.unref();
    }
  }

  /** Resolves when everything so far is written, when that fails, or after a second. */
  async flush(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const noMore = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FLUSH_MS);
      this.onFailure = this.isClosing ? null : resolve;
    });
    this.retry?.();
    await Promise.race([this.writeAll(), noMore]);
    clearTimeout(timer);
  }

  /** Flushes; what cannot be written is dropped, and reported. Resolves within about a second. */
  async close(): Promise<void> {
    this.isClosing = true;
    await this.flush();
    this.isClosed = true;
    this.retry?.();
    if (this.timer !== null) clearTimeout(this.timer);
    this.dropped += this.batchLines + linesIn(this.rest);
    this.batch = '';
    this.batchLines = 0;
    if (this.dropped > this.reported) this.report('the access log could not be written to its end');
  }

  private async writeAll(): Promise<void> {
    while (!this.isClosed && (this.batch !== '' || this.writing !== null)) {
      this.writeBatch();
      await this.writing;
    }
  }

  private writeBatch(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    if (this.writing !== null || this.batch === '') return;
    this.rest = Buffer.from(this.batch);
    this.batch = '';
    this.batchLines = 0;
    this.writing = this.writeRest().then(() => {
      this.writing = null;
      // Its time may have come meanwhile.
      if (this.timer === null || this.batch.length >= BATCH_CHARACTERS) this.writeBatch();
    });
  }

  private async writeRest(): Promise<void> {
    while (this.rest.length > 0 && !this.isClosed) {
      const result = await writeOnce(this.fd, this.isShared ? this.rest.subarray(0, atomicEnd(this.rest)) : this.rest);
      if (typeof result !== 'number') await this.onError(result);
      else {
        this.rest = this.rest.subarray(result);
        if (this.rest.length === 0) this.onWritten();
      }
    }
  }

  private async onError(error: NodeJS.ErrnoException): Promise<void> {
    if (this.isClosed) return;
    if (error.code === 'EAGAIN') return this.pause(FULL_PIPE_MS);
    if (!this.isFailing) {
      this.warn(`the access log cannot be written (${error.message}); it is tried again every second.`);
      this.isFailing = true;
    }
    // The next reader of a pipe has use for whole lines only.
    if (error.code === 'EPIPE' || this.isClosing) {
      this.dropped += linesIn(this.rest);
      this.rest = EMPTY;
    }
    this.onFailure?.();
    if (!this.isClosing) await this.pause(FAILED_MS);
  }

  private onWritten(): void {
    if (this.isFailing) this.report('the access log is written again');
    else if (this.dropped > this.reported) this.report('the access log was read too slowly');
    this.isFailing = false;
  }

  private report(what: string): void {
    const count = this.dropped - this.reported;
    this.reported = this.dropped;
    const lost = count === 0 ? 'no line was lost' : count === 1 ? 'one line was lost' : `${count} lines were lost`;
    this.warn(`${what}; ${lost}.`);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.retry?.(), ms);
      timer.unref();
      this.retry = () => {
        clearTimeout(timer);
        this.retry = null;
        resolve();
      };
    });
  }
}

const writeOnce = (fd: number, bytes: Buffer): Promise<number | NodeJS.ErrnoException> =>
  new Promise((resolve) => {
    write(fd, bytes, 0, bytes.length, null, (error, written) => resolve(error ?? written));
  });

/** The end of the last line that is written whole; of the first one if that is longer. */
function atomicEnd(bytes: Buffer): number {
  if (bytes.length <= ATOMIC_BYTES) return bytes.length;
  return bytes.lastIndexOf(LF, ATOMIC_BYTES - 1) + 1 || bytes.indexOf(LF) + 1;
}

function linesIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) count++;
  return count;
}

/** Not through process.stderr, whose errors would end the process: standard error may be the same full file. */
function toStderr(sentence: string): void {
  try {
    writeSync(STDERR, `epollet: ${sentence}\n`);
  } catch {
    // there is no place left to report it
  }
}
