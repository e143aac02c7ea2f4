import { constants } from '../sys/binding.js';
import { EAGAIN, systemError } from '../sys/errno.js';
import { assertFunction, assertReactor, closedError } from './arguments.js';
import { READABLE } from './interest.js';
import type { Reactor } from './reactor.js';
import type { Handler, Token } from './registry.js';

/**
 * Wakes a waiting reactor from another thread, through an eventfd(2) in the epoll set: pass `fd` to the thread, which
 * calls `kernel.eventfdWrite(fd, 1)`. All notifications before a turn make one call of `onWakeup`. It owns the
 * descriptor; close it before the reactor.
 */
export class Wakeup implements Handler {
  /** The eventfd; -1 once closed. */
  fd: number;
  private readonly token: Token;

  /** @throws a system error: EMFILE, ENFILE, ENOMEM, or one of `Reactor.register` */
  constructor(
    private readonly reactor: Reactor,
    private readonly onWakeup: () => void,
  ) {
    assertReactor(reactor);
    assertFunction('onWakeup', onWakeup);
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

  /**
   * Does what another thread does with `fd`. EAGAIN: the counter is full, which wakes the reactor as well.
   * @throws ERR_EPOLLET_CLOSED
   */
  notify(): void {
    if (this.fd < 0) throw closedError('Wakeup');
    const result = this.reactor.kernel.eventfdWrite(this.fd, 1);
    if (result < 0 && result !== EAGAIN) throw systemError('write', result, `fd ${this.fd}`);
  }

  onReady(): void {
    if (this.reactor.kernel.eventfdRead(this.fd) > 0) this.onWakeup();
  }

  /** Idempotent. @throws EBADF or ENOENT if `fd` was closed by another */
  close(): void {
    if (this.fd < 0) return;
    const { fd } = this;
    this.fd = -1;
    this.reactor.unregister(this.token);
    this.reactor.kernel.close(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
