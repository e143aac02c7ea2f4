import { optionError } from '../files/rules/option-type.js';
import { Listener, type OpenOptions } from '../net/listener.js';
import type { ListenAddress } from '../net/listening/listen-address.js';
import { takeActivated } from '../net/listening/socket-activation.js';
import type { Kernel } from '../sys/kernel.js';

/**
 * Opens every address, or none of them.
 * @throws what Listener.open does, and what the first address that cannot be opened has
 */
export function openListeners(kernel: Kernel, addresses: readonly ListenAddress[], options?: OpenOptions): Listener[] {
  const opened: Listener[] = [];
  try {
    for (const address of addresses) {
      if (address.kind !== 'systemd') opened.push(Listener.open(kernel, address, options));
      else for (const fd of takeActivated(address.name)) opened.push(Listener.adopt(kernel, fd, { owned: false }));
    }
    const twice = opened.find(({ fd }, at) => opened.findIndex((each) => each.fd === fd) !== at);
    if (twice !== undefined) throw optionError(`listen has fd:${twice.fd} twice; leave one out`);
  } catch (error) {
    for (const listener of opened) listener.close();
    throw error;
  }
  return opened;
}

/** A descriptor that listens already, for a server in a worker. It stays open when the server stops. */
export interface HandedListener {
  readonly fd: number;
  /** Other servers accept from it too: the kernel wakes one of them for a connection, EPOLLEXCLUSIVE. */
  readonly exclusive: boolean;
}
