import { constants } from '../sys/index.js';
import { Answers } from './shared/answers.js';
import { Connection, State } from './shared/connection.js';
import { hangUp } from './shared/hang-up.js';
import { Door, ENDED, NOBODY } from './shared/listen.js';
import type { Stage } from './shared/stage.js';

/**
 * One thread for all, by non-blocking sockets: recv(2) and accept(2) return at once, with EAGAIN when there is
 * nothing. So the thread walks its list again and again and asks each one. Nobody can hold up the others any more.
 * But it asks when nothing has happened as well, which is nearly always: a core is busy without a single client, and
 * with a thousand silent ones each answer waits for a thousand vain system calls. It would be enough to be told.
 */
export function serve(stage: Stage): void {
  walk(stage, 'closed');
}

/** @param connections whether they stay in the list after an answer */
export function walk({ listener, root }: Stage, connections: 'kept' | 'closed'): void {
  const answers = new Answers(root, connections);
  const door = new Door(listener);
  const list: Connection[] = [];
  for (;;) {
    const fd = door.accept(constants.SOCK_NONBLOCK);
    if (fd === ENDED) break;
    if (fd !== NOBODY) list.push(new Connection(fd, answers));
    // Backwards, so that the last one can take the place of one that is over.
    for (let at = list.length - 1; at >= 0; at--) {
      const connection = list[at]!;
      if (connection.advance() !== State.over) continue;
      hangUp(connection.fd);
      const last = list.pop()!;
      if (last !== connection) list[at] = last;
    }
  }
  for (const { fd } of list) hangUp(fd);
  door.close();
  answers.close();
}
