/** Half of the threads that libuv has by default: the others are for the files and names of an app. */
const UNDER_WAY = 2;
/** More would be asked for again before their turn came. */
const WAITING = 64;

/** Work for another thread. */
export interface CompressionJob {
  /** False when nobody needs the result any longer. */
  readonly isWanted: boolean;
  /** Takes what memory it needs only when it is called. */
  run(): Promise<void>;
}

/**
 * What is to be compressed, for all sites of a server: a few at a time in the order in which they were asked for, so that
 * neither memory nor threads are taken by how much is asked for at once.
 */
export class CompressionQueue {
  private waiting: CompressionJob[] = [];
  private underWay = 0;

  constructor(
    private readonly mostUnderWay = UNDER_WAY,
    private readonly mostWaiting = WAITING,
  ) {}

  /** @returns false when there is no room: it is to be asked for again */
  add(job: CompressionJob): boolean {
    if (this.waiting.length >= this.mostWaiting) this.waiting = this.waiting.filter(({ isWanted }) => isWanted);
    if (this.waiting.length >= this.mostWaiting) return false;
    this.waiting.push(job);
    this.begin();
    return true;
  }

  private begin(): void {
    while (this.underWay < this.mostUnderWay) {
      const job = this.waiting.shift();
      if (job === undefined) return;
      if (!job.isWanted) continue;
      this.underWay++;
      // To begin takes a moment of this thread: who has asked gets an answer first.
      setImmediate(() => this.work(job));
    }
  }

  private async work(job: CompressionJob): Promise<void> {
    try {
      if (job.isWanted) await job.run();
    } catch {
      // Out of memory, say: the file is served as it is.
    }
    this.underWay--;
    this.begin();
  }
}
