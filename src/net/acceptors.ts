import type { Reactor } from '../reactor/reactor.js';
import { type Accepting, Acceptor, type AcceptorOptions, type DescriptorReserve } from './acceptor.js';
import type { Listener } from './listener.js';

/** The acceptors of a server, one a listener. They share the count of connections, and their limit. */
export class Acceptors implements Accepting {
  accepted = 0;
  open = 0;
  /** How often an acceptor paused at a limit. */
  pauses = 0;
  private readonly all: Acceptor[] = [];

  /**
   * @param onAccept is given each connected, non-blocking descriptor, and owns it
   * @param reserve is asked to close descriptors when accept4 fails with EMFILE or ENFILE, before one more attempt
   */
  constructor(
    readonly reactor: Reactor,
    public options: AcceptorOptions,
    readonly onAccept: (fd: number) => void,
    public reserve: DescriptorReserve | null = null,
  ) {}

  /**
   * Accepts from this listener too.
   * @param exclusive other epoll sets wait for it as well, and the kernel wakes one of them, EPOLLEXCLUSIVE
   */
  add(listener: Listener, exclusive = false): void {
    this.all.push(new Acceptor(this, listener, exclusive));
  }

  /** Must be called when a connection that was accepted here is closed. */
  onConnectionClosed(): void {
    this.open--;
    for (const acceptor of this.all) acceptor.resume();
  }

  /** Accepts what is in the queues, above the limit too, then nothing more. Leaves the listeners open. Idempotent. */
  close(): void {
    for (const acceptor of this.all) acceptor.close();
  }
}
