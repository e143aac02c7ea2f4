import { Epoll } from '../epoll/epoll.js';
import { WORDS_PER_EVENT } from '../epoll/event.js';
import { constants, EPOLLET, EPOLLIN, EPOLLOUT } from '../sys/index.js';
import { closeGracefully } from './shared/close-gracefully.js';
import { Connection, State } from './shared/connection.js';
import { Accepter, ENDED, NONE } from './shared/listen.js';
import type { ModelContext } from './shared/model-context.js';
import { Responder } from './shared/responder.js';

const MAX_EVENTS = 1024;

/**
 * Edge-triggered (EPOLLET), epoll reports a descriptor when input arrives, and not again while it remains unread. So a
 * connection is registered once for reading and writing, and no epoll_ctl(2) follows: EPOLLOUT is reported only when
 * room becomes available after there was none.
 *
 * In return, each event must be used up: read until recv(2) returns EAGAIN, and accept until accept(2) does. If only a
 * part is read, the rest stays in the socket without another event. The client waits for its response and sends nothing
 * more, the server waits for an event that never comes: both wait forever, nothing is logged, and it happens only when a
 * request arrives in two pieces at the right moment. Here the `while` makes the difference; without it this would be
 * epoll-level with a bug.
 *
 * The price is the last recv, which finds nothing: a third system call for each request. A read that does not fill its
 * buffer has emptied the socket too, epoll(7), which `epollet serve --trigger edge` makes use of. That one also stops at
 * a budget; here, a client that sends requests faster than the server responds occupies the thread.
 */
export function serve({ listener, root }: ModelContext): void {
  const responder = new Responder(root, 'keep-alive');
  const accepter = new Accepter(listener);
  const epoll = new Epoll();
  epoll.register(listener, EPOLLIN | EPOLLET);
  // Indexed by descriptor; epoll-level explains why that is safe.
  const connections: (Connection | undefined)[] = [];
  const events = new Uint32Array(WORDS_PER_EVENT * MAX_EVENTS);

  const accept = (): boolean => {
    for (;;) {
      const fd = accepter.accept(constants.SOCK_NONBLOCK);
      if (fd === NONE) return true;
      if (fd === ENDED) return false;
      connections[fd] = new Connection(fd, responder);
      // Input that arrived before the registration is reported as well, epoll_ctl(2).
      epoll.register(fd, EPOLLIN | EPOLLOUT | EPOLLET);
    }
  };

  const advance = (connection: Connection): void => {
    let state = connection.advance();
    while (state === State.progress) state = connection.advance();
    if (state !== State.closed) return;
    connections[connection.fd] = undefined;
    closeGracefully(connection.fd);
  };

  for (let open = true; open; ) {
    const count = epoll.pollInto(events);
    for (let at = 0; at < WORDS_PER_EVENT * count; at += WORDS_PER_EVENT) {
      const fd = events[at + 1]!;
      if (fd === listener) open = accept();
      else advance(connections[fd]!);
    }
  }

  for (const connection of connections) if (connection !== undefined) closeGracefully(connection.fd);
  epoll.close();
  accepter.close();
  responder.close();
}
