import { check, kernel, type LoopWatch } from '../../sys/index.js';
import { Accepter } from './listen.js';

/**
 * Accepts connections for a model that starts a process or a thread per connection. Its main thread must not block,
 * because libuv also delivers their exits. uv_poll is level-triggered, so one connection per callback suffices: the next
 * one is reported again.
 */
export class AcceptLoop {
  private readonly accepter: Accepter;
  private watch: LoopWatch | null = null;
  private active = 0;
  private onIdle: (() => void) | null = null;
  private closed = false;

  /**
   * @param listener non-blocking; owned by the loop from here on
   * @param maxActive the number of connections served at once; further ones wait in the accept queue
   * @param onConnection takes ownership of each accepted descriptor, which blocks, and calls `onEnd` once
   */
  constructor(
    private readonly listener: number,
    private readonly maxActive: number,
    private readonly onConnection: (fd: number, onEnd: () => void) => void,
  ) {
    this.accepter = new Accepter(listener);
    this.resume();
  }

  close(): void {
    this.pause();
    this.closed = true;
    this.accepter.close();
    kernel.close(this.listener);
  }

  /** Resolves when all accepted connections have ended. */
  whenIdle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.active === 0) resolve();
      else this.onIdle = resolve;
    });
  }

  private pause(): void {
    if (this.watch !== null) kernel.loopStop(this.watch);
    this.watch = null;
  }

  private resume(): void {
    if (this.watch !== null || this.closed) return;
    this.watch = check(
      'epoll_ctl',
      kernel.loopStart(this.listener, () => this.accept()),
    );
  }

  private accept(): void {
    const fd = this.accepter.accept(0);
    if (fd < 0) return;
    if (++this.active === this.maxActive) this.pause();
    this.onConnection(fd, () => {
      if (--this.active === 0) this.onIdle?.();
      this.resume();
    });
  }
}
