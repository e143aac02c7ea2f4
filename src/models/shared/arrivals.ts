import { kernel, type LoopWatch, systemError } from '../../sys/index.js';
import { Door } from './listen.js';

/**
 * Accepts for a model whose first thread must not block, since libuv brings it more than connections: the ends of its
 * children and threads. uv_poll tells that somebody waits; one connection is accepted each time, for the next is told
 * again.
 */
export class Arrivals {
  private readonly door: Door;
  private watch: LoopWatch | null = null;
  private closed = false;

  /**
   * @param listener non-blocking, owned from here on
   * @param onArrival gets each connection, which blocks, and owns it
   */
  constructor(
    private readonly listener: number,
    private readonly onArrival: (fd: number) => void,
  ) {
    this.door = new Door(listener);
    this.resume();
  }

  /** Leaves those who come in the accept queue. */
  pause(): void {
    if (this.watch !== null) kernel.loopStop(this.watch);
    this.watch = null;
  }

  resume(): void {
    if (this.watch !== null || this.closed) return;
    const watch = kernel.loopStart(this.listener, () => {
      const fd = this.door.accept(0);
      if (fd >= 0) this.onArrival(fd);
    });
    if (typeof watch === 'number') throw systemError('epoll_ctl', watch);
    this.watch = watch;
  }

  close(): void {
    this.pause();
    this.closed = true;
    this.door.close();
    kernel.close(this.listener);
  }
}
