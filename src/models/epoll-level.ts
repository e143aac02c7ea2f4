import { Epoll } from '../epoll/epoll.js';
import { WORDS_PER_EVENT } from '../epoll/event.js';
import { constants, EPOLLIN, EPOLLOUT } from '../sys/index.js';
import { closeGracefully } from './shared/close-gracefully.js';
import { Connection, State } from './shared/connection.js';
import { Accepter, ENDED } from './shared/listen.js';
import type { ModelContext } from './shared/model-context.js';
import { Responder } from './shared/responder.js';

const MAX_EVENTS = 1024;

/**
 * Polling turned around: the kernel keeps the list, and epoll_wait(2) returns the ready descriptors in it, however many
 * are not ready. If none is, the thread sleeps. An idle connection costs memory and no time at all.
 *
 * Level-triggered, the default, epoll reports a descriptor as long as it is ready. So one step per event suffices: what
 * remains is reported by the next wait, and nothing can be forgotten. But never register for an event that is not
 * needed: a socket nearly always has room to send, so with EPOLLOUT and nothing to send the thread would never sleep.
 */
export function serve({ listener, root }: ModelContext): void {
  const responder = new Responder(root, 'keep-alive');
  const accepter = new Accepter(listener);
  const epoll = new Epoll();
  epoll.register(listener, EPOLLIN);
  // Indexed by descriptor. The kernel reuses the number of a closed connection, but a connection is closed at its own
  // event, of which a batch has one: no later event of the batch can belong to the previous owner of the number.
  const connections: (Connection | undefined)[] = [];
  const events = new Uint32Array(WORDS_PER_EVENT * MAX_EVENTS);

  const accept = (): boolean => {
    const fd = accepter.accept(constants.SOCK_NONBLOCK); // one: the next in the queue is reported again
    if (fd >= 0) {
      connections[fd] = new Connection(fd, responder);
      epoll.register(fd, EPOLLIN);
    }
    return fd !== ENDED;
  };

  const advance = (connection: Connection): void => {
    const wasBlocked = connection.isWriteBlocked;
    if (connection.advance() === State.closed) {
      connections[connection.fd] = undefined;
      closeGracefully(connection.fd); // which also removes it from the epoll set, epoll(7)
    } else if (connection.isWriteBlocked !== wasBlocked) {
      epoll.modify(connection.fd, wasBlocked ? EPOLLIN : EPOLLOUT);
    }
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
