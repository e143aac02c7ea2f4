import type { SocketAddress } from '../sys/kernel.js';
import type { ConnectionContext } from './context.js';

interface Socket {
  readonly isClosed: boolean;
  readonly context: ConnectionContext;
  readonly fd: number;
}

/** The peer's address, getpeername(2); null once either side has closed. */
export function peerOf({ isClosed, context, fd }: Socket): SocketAddress | null {
  const address = isClosed ? null : context.kernel.getpeername(fd); // a closed descriptor's number may be in use again
  return typeof address === 'number' ? null : address;
}

/** A peer for a log: its IP address, `unix:` as nginx has it for the peer of a Unix socket, `-` once it has closed. */
export function peerName(peer: SocketAddress | null): string {
  if (peer === null) return '-';
  return peer.family === 'unix' ? 'unix:' : peer.address;
}
