import { close, fstatSync, write, writeSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { Line } from './line.js';

/** Lines are written in batches of this size, or after this time. */
const BATCH_BYTES = 65536;
const BATCH_MS = 1000;
/** A batch ends with a whole line; most are shorter. */
const CHUNK_BYTES = BATCH_BYTES + 4096;
/** Bounds memory while lines come faster than they are written: beyond it they are dropped, and counted. */
const QUEUED_BYTES = 16 * 1024 * 1024;
/** A full pipe is tried again after this time. */
const FULL_PIPE_MS = 20;
/** A file system without space, or a pipe without a reader, is tried again after this time. */
const FAILED_MS = 1000;
/** A pipe that is not read must not keep a server from stopping. */
const FLUSH_MS = 1000;
/** A log that is read too slowly all the time is not reported all the time. */
const REPORT_MS = 10_000;
/** PIPE_BUF: what several writers of a pipe write at a time without mixing it, pipe(7). */
const ATOMIC_BYTES = 4096;
const STDERR = 2;

/** What lines are written to. */
export interface LogTarget {
  readonly fd: number;
  /** Closed by the writer when it has another or ends. */
  readonly isOwned: boolean;
}

/** Waits for the end of a batch, by its number. */
interface Flush {
  readonly batch: number;
  resolve(): void;
}

/**
 * Writes lines in batches, by libuv's threads, without a promise: a turn that logs has no microtasks. An error is not the
 * end: the rest of the batch is tried again from the byte at which it stopped, so that no line is torn or lost. What comes
 * meanwhile is kept up to a bound, and beyond it dropped by whole lines, counted, and reported on standard error.
 */
export class LogWriter {
  /** Lines lost so far: the file system had no space, or the pipe no reader or a slow one. */
  dropped = 0;
  private reported = 0;
  private reportedMs = Number.NEGATIVE_INFINITY;
  /** Takes lines. */
  private chunk = new Line(CHUNK_BYTES);
  /** Behind the one that is being written. */
  private readonly full: Line[] = [];
  private fullBytes = 0;
  private spare: Line | null = null;
  /** What is being written, and how much of it is. */
  private batch: Line | null = null;
  private written = 0;
  /** Batches that were filled, and those that are written or given up. */
  private filled = 0;
  private done = 0;
  private flushes: Flush[] = [];
  private isBusy = false;
  private timer: NodeJS.Timeout | null = null;
  /** Ends a pause between two attempts. */
  private retry: NodeJS.Timeout | null = null;
  private isFailing = false;
  private isClosing = false;
  private isClosed = false;
  private isShared = false;
  /** What a write in progress keeps from being used. */
  private next: LogTarget | null = null;

  /**
   * @param warn takes a sentence for the operator
   * @param isWorker whether others write to the same target
   */
  constructor(
    private target: LogTarget,
    private readonly warn: (sentence: string) => void = toStderr,
    private readonly isWorker = !isMainThread,
  ) {
    this.take(target);
  }

  /** Where the next line is to be appended, with room for so many bytes, and then `add` called; null if it is lost. */
  room(most: number): Line | null {
    if (this.isClosed || this.fullBytes > QUEUED_BYTES) {
      this.drop();
      return null;
    }
    this.chunk.reserve(most);
    return this.chunk;
  }

  /** A line was appended, with its line feed. */
  add(): void {
    if (this.chunk.length >= BATCH_BYTES) {
      this.fill();
      this.writeNext();
    } else if (this.timer === null) {
      this.timer = setTimeout(() => this.onTime(), BATCH_MS);
      this.timer.unref();
    }
  }

  /** Resolves when everything so far is written, when that fails, or after a second. */
  async flush(): Promise<void> {
    this.fill();
    const written = new Promise<void>((resolve) => {
      if (this.done === this.filled) return resolve();
      const timer = setTimeout(resolve, FLUSH_MS);
      this.flushes.push({
        batch: this.filled,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      });
    });
    this.endPause();
    this.writeNext();
    await written;
  }

  /**
   * Writes to another target from the next batch on. One that is partly written goes on in the one before, unless that
   * fails: then the line at which it stopped is written whole.
   */
  switchTo(target: LogTarget): void {
    if (this.isClosed) return closeIfOwned(target);
    if (this.next !== null) closeIfOwned(this.next);
    this.next = target;
    if (this.isBusy) return;
    this.switch();
    this.endPause();
    this.writeNext();
  }

  /** Flushes; what cannot be written is dropped, and reported. Resolves within about a second. */
  async close(): Promise<void> {
    this.isClosing = true;
    await this.flush();
    this.isClosed = true;
    this.endPause();
    if (this.timer !== null) clearTimeout(this.timer);
    const { batch, full, chunk } = this;
    this.dropped += batch === null ? 0 : batch.endsFrom(this.written);
    for (const each of [...full.splice(0), chunk]) this.dropped += each.endsFrom(0);
    chunk.length = 0;
    if (this.dropped > this.reported) this.report('the access log could not be written to its end');
    if (!this.isBusy) this.closeTargets();
  }

  private onTime(): void {
    this.timer = null;
    this.fill();
    this.writeNext();
  }

  private fill(): void {
    const { chunk } = this;
    if (chunk.length === 0) return;
    this.full.push(chunk);
    this.fullBytes += chunk.length;
    this.filled++;
    this.chunk = this.spare ?? new Line(CHUNK_BYTES);
    this.spare = null;
  }

  private writeNext(): void {
    if (this.isBusy || this.retry !== null || this.isClosed) return;
    if (this.batch === null) {
      const { full } = this;
      if (full.length === 0) return;
      this.batch = full.shift()!;
      this.fullBytes -= this.batch.length;
      this.written = 0;
    }
    const { batch, written } = this;
    const end = this.isShared ? batch.endOfLines(written, ATOMIC_BYTES) : batch.length;
    this.isBusy = true;
    write(this.target.fd, batch.bytes, written, end - written, null, (error, count) => this.onResult(error, count));
  }

  private onResult(error: NodeJS.ErrnoException | null, count: number): void {
    this.isBusy = false;
    if (this.isClosed) return this.closeTargets();
    if (error !== null) this.onError(error);
    else {
      this.written += count;
      if (this.written === this.batch!.length) this.onWritten();
    }
    if (this.next !== null && (error !== null || this.batch === null)) this.switch();
    this.writeNext();
  }

  private onError(error: NodeJS.ErrnoException): void {
    if (error.code === 'EAGAIN') return this.pause(FULL_PIPE_MS);
    if (!this.isFailing) {
      this.warn(`the access log cannot be written (${error.message}); it is tried again every second.`);
      this.isFailing = true;
    }
    // The next reader of a pipe has use for whole lines only.
    if (error.code === 'EPIPE' || this.isClosing) {
      this.dropped += this.batch!.endsFrom(this.written);
      this.finish();
    }
    if (this.isClosing) return;
    for (const { resolve } of this.flushes.splice(0)) resolve();
    this.pause(FAILED_MS);
  }

  private onWritten(): void {
    if (this.isFailing) this.report('the access log is written again');
    else if (this.dropped > this.reported && this.mayReport()) this.report('the access log was read too slowly');
    this.isFailing = false;
    this.finish();
  }

  /** The batch is written, or given up. */
  private finish(): void {
    const batch = this.batch!;
    this.batch = null;
    this.done++;
    if (batch.bytes.length <= CHUNK_BYTES) {
      batch.length = 0;
      this.spare = batch;
    }
    const { flushes } = this;
    while (flushes.length > 0 && flushes[0]!.batch <= this.done) flushes.shift()!.resolve();
  }

  private drop(): void {
    this.dropped++;
    if (this.isClosed || this.isFailing || !this.mayReport()) return;
    this.reportedMs = performance.now();
    this.warn('the access log is read too slowly, and lines are lost until it is read again.');
  }

  private mayReport(): boolean {
    return performance.now() >= this.reportedMs + REPORT_MS;
  }

  private report(what: string): void {
    const count = this.dropped - this.reported;
    this.reported = this.dropped;
    this.reportedMs = performance.now();
    const lost = count === 0 ? 'no line was lost' : count === 1 ? 'one line was lost' : `${count} lines were lost`;
    this.warn(`${what}; ${lost}.`);
  }

  private pause(ms: number): void {
    this.retry = setTimeout(() => {
      this.retry = null;
      this.writeNext();
    }, ms);
    this.retry.unref();
  }

  private endPause(): void {
    if (this.retry !== null) clearTimeout(this.retry);
    this.retry = null;
  }

  private switch(): void {
    const { target, batch } = this;
    this.take(this.next!);
    this.next = null;
    if (batch !== null) this.written = batch.startOfLine(this.written);
    closeIfOwned(target);
    this.endPause();
  }

  private take(target: LogTarget): void {
    this.target = target;
    // To a file each write is whole, since it appends.
    this.isShared = this.isWorker && !fstatSync(target.fd).isFile();
  }

  private closeTargets(): void {
    closeIfOwned(this.target);
    if (this.next !== null) closeIfOwned(this.next);
    this.next = null;
  }
}

function closeIfOwned({ fd, isOwned }: LogTarget): void {
  if (isOwned) close(fd, () => {});
}

/** Not through process.stderr, whose errors would end the process: standard error may be the same full file. */
function toStderr(sentence: string): void {
  try {
    writeSync(STDERR, `epollet: ${sentence}\n`);
  } catch {
    // there is no place left to report it
  }
}
