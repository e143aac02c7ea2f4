import { Answers } from './shared/answers.js';
import { converse } from './shared/blocking-connection.js';
import { hangUp } from './shared/hang-up.js';
import { Door, ENDED } from './shared/listen.js';
import type { Stage } from './shared/stage.js';

/**
 * One client at a time, as fixed-page, but the file that was asked for. Five lines are the whole of it, and nobody has
 * to think about what else may happen meanwhile: nothing does. A client that connects and says nothing stops the
 * server, which is why every model after this one exists.
 */
export function serve({ listener, root, waiting }: Stage): void {
  const answers = new Answers(root, 'closed');
  const door = new Door(listener);
  for (let fd = door.accept(0); fd !== ENDED; fd = door.accept(0)) {
    waiting.begin(fd);
    converse(fd, answers);
    waiting.done(fd);
    hangUp(fd);
  }
  door.close();
  answers.close();
}
