/** Half of libuv's threads by default: the others are for the file system and DNS calls of an app. */
const MAX_RUNNING = 2;
/** More would be requested again before their turn. */
const MAX_WAITING = 64;

export interface CompressionJob {
  /** False when the result is not needed any more. */
  readonly isWanted: boolean;
  /** Allocates memory only once it is called. */
  run(): Promise<void>;
}

/**
 * The compression jobs of all sites of a server, in the order of their requests and a few at a time: a burst of requests
 * must not take all threads and memory.
 */
export class CompressionQueue {
  private waiting: CompressionJob[] = [];
  private running = 0;

  constructor(
    private readonly maxRunning = MAX_RUNNING,
    private readonly maxWaiting = MAX_WAITING,
  ) {}

  /** @returns false if the queue is full: the job is to be added again at a later request */
  add(job: CompressionJob): boolean {
    if (this.waiting.length >= this.maxWaiting) this.waiting = this.waiting.filter(({ isWanted }) => isWanted);
    if (this.waiting.length >= this.maxWaiting) return false;
    this.waiting.push(job);
    this.startNext();
    return true;
  }

  private startNext(): void {
    while (this.running < this.maxRunning) {
      const job = this.waiting.shift();
      if (job === undefined) return;
      if (!job.isWanted) continue;
      this.running++;
      // Not before the response of the request is sent: starting takes a moment of this thread.
      setImmediate(() => this.run(job));
    }
  }

  private async run(job: CompressionJob): Promise<void> {
    try {
      if (job.isWanted) await job.run();
    } catch {
      // Out of memory, for example: the file is served uncompressed.
    }
    this.running--;
    this.startNext();
  }
}
