import { Epoll, WORDS_PER_EVENT } from '../sys/epoll.js';
import { constants, EPOLLIN, EPOLLOUT } from '../sys/index.js';
import { Answers } from './shared/answers.js';
import { Connection, State } from './shared/connection.js';
import { hangUp } from './shared/hang-up.js';
import { Door, ENDED } from './shared/listen.js';
import type { Stage } from './shared/stage.js';

const EVENTS_MAX = 1024;

/**
 * Polling turned round: the kernel keeps the list, and epoll_wait(2) returns those of it that are ready, however many
 * are not. Nobody ready, and the thread sleeps. A silent connection costs memory and no time at all.
 *
 * Level-triggered, which is the default, epoll reports a descriptor as long as it is ready. So each report may be
 * answered with one step, whatever is left comes back with the next wait, and nothing can be forgotten. What must not
 * happen is to ask for what one does not want: a socket has room to send nearly always, and who asked for EPOLLOUT
 * without having anything to send would never sleep.
 */
export function serve({ listener, root }: Stage): void {
  const answers = new Answers(root, 'kept');
  const door = new Door(listener);
  const epoll = new Epoll();
  epoll.register(listener, EPOLLIN);
  // By descriptor. A number comes back when its connection is closed, but a connection is closed at its own event, of
  // which there is one in a batch: no event of the batch can be meant for the one before.
  const connections: (Connection | undefined)[] = [];
  const events = new Uint32Array(WORDS_PER_EVENT * EVENTS_MAX);

  const accept = (): boolean => {
    const fd = door.accept(constants.SOCK_NONBLOCK); // one: who waits behind it is reported again
    if (fd >= 0) {
      connections[fd] = new Connection(fd, answers);
      epoll.register(fd, EPOLLIN);
    }
    return fd !== ENDED;
  };

  const advance = (connection: Connection): void => {
    const wasFull = connection.isFull;
    if (connection.advance() === State.over) {
      connections[connection.fd] = undefined;
      hangUp(connection.fd); // which takes it out of the set as well, epoll(7)
    } else if (connection.isFull !== wasFull) {
      epoll.modify(connection.fd, wasFull ? EPOLLIN : EPOLLOUT);
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

  for (const connection of connections) if (connection !== undefined) hangUp(connection.fd);
  epoll.close();
  door.close();
  answers.close();
}
