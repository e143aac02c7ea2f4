import { constants, kernel } from '../../sys/index.js';

const { MSG_DONTWAIT, SHUT_WR } = constants;

const thrownAway = Buffer.allocUnsafeSlow(65_536);
const READS_MAX = 16;

/**
 * Ends a connection in order, but for close(2). To close with bytes unread is to reset, and a reset may overtake the
 * answer, RFC 9112 section 9.6: what has come already is read and thrown away. What comes later is not waited for; a
 * server that is not for teaching lingers, as src/net does.
 */
export function finish(fd: number): void {
  kernel.shutdown(fd, SHUT_WR);
  for (let i = 0; i < READS_MAX && kernel.recv(fd, thrownAway, 0, thrownAway.length, MSG_DONTWAIT) > 0; i++);
}

/** The same, and closes it. */
export function hangUp(fd: number): void {
  finish(fd);
  kernel.close(fd);
}
