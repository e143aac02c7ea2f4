import { constants, EAGAIN, kernel } from '../sys/index.js';
import { Door, ENDED, NOBODY } from './shared/listen.js';
import { peerOf, shown } from './shared/peer.js';
import type { Stage } from './shared/stage.js';

/**
 * Polling without HTTP: what recv(2) can say, and nothing else. A number is bytes; 0 is the end, for the peer has shut
 * down its side; EAGAIN is "not yet"; anything else is a connection that is broken. That a peer is offline is heard
 * only by asking, and of one whose cable was cut it is not heard at all until something is sent to it, tcp(7).
 */
export function serve({ listener, say }: Stage): void {
  const door = new Door(listener);
  const bytes = Buffer.alloc(65_536);
  const peers = new Map<number, string>();
  for (;;) {
    const fd = door.accept(constants.SOCK_NONBLOCK);
    if (fd === ENDED) break;
    if (fd !== NOBODY) {
      peers.set(fd, peerOf(fd));
      say(`${peers.get(fd)} is online`);
    }
    for (const [each, peer] of peers) {
      const count = kernel.recv(each, bytes, 0, bytes.length, 0);
      if (count > 0) say(`${peer} sent ${shown(bytes.subarray(0, count))}`);
      if (count > 0 || count === EAGAIN) continue;
      say(`${peer} is offline`);
      peers.delete(each);
      kernel.close(each);
    }
  }
  for (const fd of peers.keys()) kernel.close(fd);
  door.close();
}
