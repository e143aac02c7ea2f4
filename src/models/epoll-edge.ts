import { Epoll, WORDS_PER_EVENT } from '../sys/epoll.js';
import { constants, EPOLLET, EPOLLIN, EPOLLOUT } from '../sys/index.js';
import { Answers } from './shared/answers.js';
import { Connection, State } from './shared/connection.js';
import { hangUp } from './shared/hang-up.js';
import { Door, ENDED, NOBODY } from './shared/listen.js';
import type { Stage } from './shared/stage.js';

const EVENTS_MAX = 1024;

/**
 * Edge-triggered, EPOLLET, epoll reports a descriptor when something arrives, and not again while it lies there. So a
 * connection is registered once for everything that will ever matter, and no epoll_ctl(2) comes after that: room to
 * send is told when there was none before, and never else.
 *
 * The other side of it: a report must be used up, by reading until recv(2) says EAGAIN and accepting until accept(2)
 * does. Read only a part, and the rest lies in the socket without another word from epoll. The client waits for its
 * answer and sends nothing more, the server waits for a report that will not come: both wait for ever, nothing is
 * logged, and it happens only when a request comes in two pieces at the right moment. Here it is the `while` that
 * makes the difference; without it this would be epoll-level with a bug.
 *
 * The last recv, which finds nothing, is the price: a third system call for each request. A read that did not fill its
 * buffer has emptied the socket too, epoll(7), and `epollet serve --trigger edge` makes use of that. It also stops at a
 * budget, for here a client that sends requests faster than they are answered keeps the thread to itself.
 */
export function serve({ listener, root }: Stage): void {
  const answers = new Answers(root, 'kept');
  const door = new Door(listener);
  const epoll = new Epoll();
  epoll.register(listener, EPOLLIN | EPOLLET);
  // By descriptor; see epoll-level for why that is safe.
  const connections: (Connection | undefined)[] = [];
  const events = new Uint32Array(WORDS_PER_EVENT * EVENTS_MAX);

  const accept = (): boolean => {
    for (;;) {
      const fd = door.accept(constants.SOCK_NONBLOCK);
      if (fd === NOBODY) return true;
      if (fd === ENDED) return false;
      connections[fd] = new Connection(fd, answers);
      // What has arrived before is an edge as well: the first report comes at once, epoll_ctl(2).
      epoll.register(fd, EPOLLIN | EPOLLOUT | EPOLLET);
    }
  };

  const advance = (connection: Connection): void => {
    let state = connection.advance();
    while (state === State.more) state = connection.advance();
    if (state !== State.over) return;
    connections[connection.fd] = undefined;
    hangUp(connection.fd);
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
