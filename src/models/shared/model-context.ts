import { constants, kernel } from '../../sys/index.js';

/** The argument of a blocking model's `serve`, which closes everything that it opened before it returns. */
export interface ModelContext {
  /** Not closed by the model. Once it is shut down, accept returns ENDED, and the model must return. */
  readonly listener: number;
  readonly root: string;
  print(line: string): void;
  /** For a model that blocks on a connection: records which one. */
  readonly current: CurrentConnection;
}

const NOTHING = 0;
const STOPPED = -1;

/**
 * The connection that a thread blocks on, in memory shared with the main thread, which can end the wait: after
 * shutdown(2), recv(2) returns 0 and send(2) fails. Both threads change the word atomically, so either the main thread
 * sees the connection or the model's thread sees that it is stopped.
 */
export class CurrentConnection {
  private readonly word: Int32Array;

  constructor(readonly memory = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.word = new Int32Array(memory);
  }

  /** Model's thread: `fd` may be shut down from here on. */
  set(fd: number): void {
    if (Atomics.exchange(this.word, 0, fd) === STOPPED) this.shutdown(fd);
  }

  /** Model's thread: `fd` may be closed from here on. */
  clear(fd: number): void {
    Atomics.compareExchange(this.word, 0, fd, NOTHING);
  }

  /** Main thread: ends the current wait and all later ones. */
  shutdown(fd = Atomics.exchange(this.word, 0, STOPPED)): void {
    if (fd <= NOTHING) return;
    Atomics.store(this.word, 0, STOPPED);
    kernel.shutdown(fd, constants.SHUT_RDWR);
  }
}
