import { Epoll } from '../../epoll/epoll.js';
import { constants, EAGAIN, EPOLLIN, kernel } from '../../sys/index.js';
import { Accepter, ENDED, NONE } from '../shared/listen.js';
import type { ModelContext } from '../shared/model-context.js';
import { peerName, quoteBytes } from '../shared/peer.js';

/**
 * The minimum that epoll takes: create, register, wait, and make the one call that is known not to block. Compare it
 * with tcp-polling: it prints the same about the same peers, and sleeps in between. The end of a connection is reported
 * as readable.
 */
export function serve({ listener, print }: ModelContext): void {
  const accepter = new Accepter(listener);
  const bytes = Buffer.alloc(65_536);
  const peers = new Map<number, string>();
  using epoll = new Epoll();
  epoll.register(listener, EPOLLIN);
  for (let open = true; open; ) {
    for (const { fd } of epoll.poll()) {
      if (fd === listener) {
        const accepted = accepter.accept(constants.SOCK_NONBLOCK);
        if (accepted === ENDED) open = false;
        if (accepted === ENDED || accepted === NONE) continue;
        peers.set(accepted, peerName(accepted));
        epoll.register(accepted, EPOLLIN);
        print(`${peers.get(accepted)} is online`);
        continue;
      }
      const count = kernel.recv(fd, bytes, 0, bytes.length, 0);
      if (count > 0) print(`${peers.get(fd)} sent ${quoteBytes(bytes.subarray(0, count))}`);
      if (count > 0 || count === EAGAIN) continue;
      print(`${peers.get(fd)} is offline`);
      peers.delete(fd);
      kernel.close(fd); // which also unregisters it, epoll(7)
    }
  }
  for (const fd of peers.keys()) kernel.close(fd);
  accepter.close();
}
