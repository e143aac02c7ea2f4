import { constants, kernel } from '../../sys/index.js';

/** What a model that blocks is given, in the thread that it has to itself. */
export interface Stage {
  /** Open until the model has returned, and not its own to close. Once shut down, accept says ENDED: return then. */
  readonly listener: number;
  /** The folder. */
  readonly root: string;
  say(line: string): void;
  /** For a model that waits on a connection: what to write down while it does. */
  readonly waiting: Waiting;
}

/** A model that blocks: it returns when its listener is shut down, and has closed then whatever it opened. */
export interface BlockingModel {
  serve(stage: Stage): void;
}

const NOTHING = 0;
const ENDING = -1;

/**
 * The connection that one thread waits on, in memory that it shares with another, so that the other can end the wait:
 * shutdown(2) makes recv(2) return 0 and send(2) fail. Both sides change the word in one step, so that either the
 * second sees the connection or the first sees that it is to end.
 */
export class Waiting {
  private readonly word: Int32Array;

  constructor(readonly memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.word = new Int32Array(memory);
  }

  /** The thread that waits: from here on `fd` may be shut down. */
  begin(fd: number): void {
    if (Atomics.exchange(this.word, 0, fd) === ENDING) this.end(fd);
  }

  /** The thread that waits: from here on it may be closed. */
  done(fd: number): void {
    Atomics.compareExchange(this.word, 0, fd, NOTHING);
  }

  /** The other one: no wait that has begun, or begins later, lasts. */
  end(fd = Atomics.exchange(this.word, 0, ENDING)): void {
    if (fd <= NOTHING) return;
    Atomics.store(this.word, 0, ENDING);
    kernel.shutdown(fd, constants.SHUT_RDWR);
  }
}
