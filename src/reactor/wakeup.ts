import { constants } from '../sys/binding.js';
import { EAGAIN, systemError } from '../sys/errno.js';
import { READABLE } from './interest.js';
import type { Reactor } from './reactor.js';
import type { Handler, Token } from './registry.js';

/**
 * An eventfd in the epoll set, through which another thread makes a waiting reactor return, eventfd(2): hand `fd` to
 * the thread, which calls `kernel.eventfdWrite(fd, 1)`. Any number of notifications before the turn are one call.
 * Owns the descriptor; close it before the reactor.
 */
export class Wakeup implements Handler {
  fd: number;
  private readonly token: Token;

  constructor(
    private readonly reactor: Reactor,
    private readonly onWakeup: () => void,
  ) {
    const fd = reactor.kernel.eventfd(0, constants.EFD_NONBLOCK);
    if (fd < 0) throw systemError('eventfd', fd);
    this.fd = fd;
    try {
      this.token = reactor.register(fd, this, READABLE);
    } catch (error) {
      reactor.kernel.close(fd);
      throw error;
    }
  }

  /** The same as what another thread does with `fd`. A full counter (EAGAIN) wakes as well as a fuller one. */
  notify(): void {
    const result = this.reactor.kernel.eventfdWrite(this.fd, 1);
    if (result < 0 && result !== EAGAIN) throw systemError('write', result);
  }

  onReady(): void {
    if (this.reactor.kernel.eventfdRead(this.fd) > 0) this.onWakeup();
  }

  /** Twice is fine. */
  close(): void {
    if (this.fd < 0) return;
    this.reactor.unregister(this.token);
    this.reactor.kernel.close(this.fd);
    this.fd = -1;
  }
}
