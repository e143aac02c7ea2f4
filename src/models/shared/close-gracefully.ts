import { constants, kernel } from '../../sys/index.js';

const { MSG_DONTWAIT, SHUT_WR } = constants;

const discarded = Buffer.allocUnsafeSlow(65_536);
const MAX_READS = 16;

/**
 * Shuts down the write side and discards the input received so far: closing a socket with unread input sends a reset,
 * which may overtake the response, RFC 9112 section 9.6. Input that arrives later is not waited for; a production
 * server lingers, as src/net does.
 */
export function shutdownGracefully(fd: number): void {
  kernel.shutdown(fd, SHUT_WR);
  for (let i = 0; i < MAX_READS && kernel.recv(fd, discarded, 0, discarded.length, MSG_DONTWAIT) > 0; i++);
}

export function closeGracefully(fd: number): void {
  shutdownGracefully(fd);
  kernel.close(fd);
}
