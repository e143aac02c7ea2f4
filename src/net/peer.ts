import type { SocketAddress } from '../sys/kernel.js';
import type { Connection } from './connection.js';

/** Who is at the other end, getpeername(2), asked when wanted; null when the peer is gone already. */
export function peerOf({ isClosed, context, fd }: Connection): SocketAddress | null {
  const address = isClosed ? null : context.kernel.getpeername(fd); // closed, the number may be another's by now
  return typeof address === 'number' ? null : address;
}
