import { Listener } from '../net/listener.js';
import type { ListenAddress, TcpAddress } from '../net/listening/listen-address.js';
import { openListeners } from '../server/listeners.js';
import type { AcceptMode } from '../server/workers-option.js';
import type { Kernel } from '../sys/kernel.js';
import type { WorkerListener } from './worker-functions.js';

/** What listens at one address. */
interface Place {
  readonly url: string;
  /** One for each worker, or one for all. */
  readonly listeners: readonly Listener[];
}

/**
 * The listening sockets of all workers. The main thread has them, so that they stay open while a worker is replaced: the
 * kernel resets what waits in the queue of one that closes, and connections that it has given to a socket of SO_REUSEPORT
 * stay there.
 */
export class WorkerListeners {
  private readonly places: readonly Place[];

  /** @throws what `Listener.open` throws; EADDRINUSE also if another process listens with SO_REUSEPORT */
  constructor(kernel: Kernel, addresses: readonly ListenAddress[], workers: number, mode: AcceptMode) {
    const places: Place[] = [];
    try {
      for (const address of addresses) places.push(...open(kernel, address, mode === 'reuseport' ? workers : 1));
    } catch (error) {
      for (const { listeners } of places) for (const listener of listeners) listener.close();
      throw error;
    }
    this.places = places;
  }

  get urls(): string[] {
    return this.places.map(({ url }) => url);
  }

  /** The first TCP socket; null without one. */
  get firstTcp(): Listener | null {
    return this.places.map(({ listeners }) => listeners[0]!).find(({ isTcp }) => isTcp) ?? null;
  }

  /** What a worker accepts from. */
  of(worker: number): WorkerListener[] {
    return this.places.map(({ listeners }) => ({
      fd: listeners[worker % listeners.length]!.fd,
      exclusive: listeners.length === 1,
    }));
  }

  /**
   * The descriptors that a worker closes itself, as soon as it has emptied their queues: its own, and if it is the last to
   * stop, those of all. The main thread would be a moment later, in which the queue may get another connection. Unix
   * sockets have a file that has to be removed first.
   */
  closedBy(worker: number, isLast: boolean): number[] {
    return this.places
      .filter(({ listeners }) => listeners[0]!.isTcp && listeners[0]!.isOwned && (listeners.length > 1 || isLast))
      .map(({ listeners }) => listeners[worker % listeners.length]!.fd);
  }

  /** Removes the files of Unix sockets: what connects later finds no server. */
  withdraw(): void {
    for (const { listeners } of this.places) for (const listener of listeners) listener.withdraw();
  }

  /** These descriptors are closed. */
  forget(descriptors: readonly number[]): void {
    for (const { listeners } of this.places)
      for (const listener of listeners) if (descriptors.includes(listener.fd)) listener.fd = -1;
  }

  /** Idempotent. */
  close(): void {
    for (const { listeners } of this.places) for (const listener of listeners) listener.close();
  }
}

function open(kernel: Kernel, address: ListenAddress, count: number): Place[] {
  if (address.kind !== 'tcp' || count === 1)
    return openListeners(kernel, [address]).map((listener) => ({ url: listener.url, listeners: [listener] }));
  // With SO_REUSEPORT it would share the port with another process of this user: without it that is EADDRINUSE.
  const probe = Listener.open(kernel, address);
  const { port } = probe.address;
  const { url } = probe;
  probe.close();
  const each: TcpAddress = { ...address, port };
  const listeners = openListeners(kernel, new Array<TcpAddress>(count).fill(each), { reusePort: true });
  return [{ url, listeners }];
}
