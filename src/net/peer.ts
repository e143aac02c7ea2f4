import type { SocketAddress } from '../sys/kernel.js';
import type { Connection } from './connection.js';

/** The peer's address, getpeername(2); null once either side has closed. */
export function peerOf({ isClosed, context, fd }: Connection): SocketAddress | null {
  const address = isClosed ? null : context.kernel.getpeername(fd); // a closed descriptor's number may be in use again
  return typeof address === 'number' ? null : address;
}
