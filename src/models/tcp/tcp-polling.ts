import { constants, EAGAIN, kernel } from '../../sys/index.js';
import { Accepter, ENDED, NONE } from '../shared/listen.js';
import type { ModelContext } from '../shared/model-context.js';
import { peerName, quoteBytes } from '../shared/peer.js';

/**
 * Polling without HTTP: the possible results of recv(2), and nothing else. A positive number is bytes; 0 is end of file,
 * because the peer has shut down its side; EAGAIN is "not yet"; anything else is a broken connection. A disconnect is
 * noticed only by polling, and a cut cable not at all until something is sent to the peer, tcp(7).
 */
export function serve({ listener, print }: ModelContext): void {
  const accepter = new Accepter(listener);
  const bytes = Buffer.alloc(65_536);
  const peers = new Map<number, string>();
  for (;;) {
    const fd = accepter.accept(constants.SOCK_NONBLOCK);
    if (fd === ENDED) break;
    if (fd !== NONE) {
      peers.set(fd, peerName(fd));
      print(`${peers.get(fd)} is online`);
    }
    for (const [each, peer] of peers) {
      const count = kernel.recv(each, bytes, 0, bytes.length, 0);
      if (count > 0) print(`${peer} sent ${quoteBytes(bytes.subarray(0, count))}`);
      if (count > 0 || count === EAGAIN) continue;
      print(`${peer} is offline`);
      peers.delete(each);
      kernel.close(each);
    }
  }
  for (const fd of peers.keys()) kernel.close(fd);
  accepter.close();
}
