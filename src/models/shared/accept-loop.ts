import { kernel, type LoopWatch, systemError } from '../../sys/index.js';
import { Accepter } from './listen.js';

/**
 * Accepts connections for a model whose main thread must not block, because libuv also delivers the exits of its child
 * processes and threads. uv_poll is level-triggered, so one connection per callback suffices: the next one is reported
 * again.
 */
export class AcceptLoop {
  private readonly accepter: Accepter;
  private watch: LoopWatch | null = null;
  private closed = false;

  /**
   * @param listener non-blocking; owned by the loop from here on
   * @param onConnection takes ownership of each accepted descriptor, which blocks
   */
  constructor(
    private readonly listener: number,
    private readonly onConnection: (fd: number) => void,
  ) {
    this.accepter = new Accepter(listener);
    this.resume();
  }

  /** Leaves new connections in the accept queue. */
  pause(): void {
    if (this.watch !== null) kernel.loopStop(this.watch);
    this.watch = null;
  }

  resume(): void {
    if (this.watch !== null || this.closed) return;
    const watch = kernel.loopStart(this.listener, () => {
      const fd = this.accepter.accept(0);
      if (fd >= 0) this.onConnection(fd);
    });
    if (typeof watch === 'number') throw systemError('epoll_ctl', watch);
    this.watch = watch;
  }

  close(): void {
    this.pause();
    this.closed = true;
    this.accepter.close();
    kernel.close(this.listener);
  }
}
