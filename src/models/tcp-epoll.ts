import { Epoll } from '../sys/epoll.js';
import { constants, EAGAIN, EPOLLIN, kernel } from '../sys/index.js';
import { Door, ENDED, NOBODY } from './shared/listen.js';
import { peerOf, shown } from './shared/peer.js';
import type { Stage } from './shared/stage.js';

/**
 * The least that epoll takes: create, register, wait, and do the one call that is known not to wait. Compare it with
 * tcp-polling: it says the same of the same peers, and sleeps in between. The end of a peer is readable too.
 */
export function serve({ listener, say }: Stage): void {
  const door = new Door(listener);
  const bytes = Buffer.alloc(65_536);
  const peers = new Map<number, string>();
  using epoll = new Epoll();
  epoll.register(listener, EPOLLIN);
  for (let open = true; open; ) {
    for (const { fd } of epoll.poll()) {
      if (fd === listener) {
        const accepted = door.accept(constants.SOCK_NONBLOCK);
        if (accepted === ENDED) open = false;
        if (accepted === ENDED || accepted === NOBODY) continue;
        peers.set(accepted, peerOf(accepted));
        epoll.register(accepted, EPOLLIN);
        say(`${peers.get(accepted)} is online`);
        continue;
      }
      const count = kernel.recv(fd, bytes, 0, bytes.length, 0);
      if (count > 0) say(`${peers.get(fd)} sent ${shown(bytes.subarray(0, count))}`);
      if (count > 0 || count === EAGAIN) continue;
      say(`${peers.get(fd)} is offline`);
      peers.delete(fd);
      kernel.close(fd); // which unregisters it, epoll(7)
    }
  }
  for (const fd of peers.keys()) kernel.close(fd);
  door.close();
}
