import { serveConnection } from './shared/blocking-connection.js';
import { closeGracefully } from './shared/close-gracefully.js';
import { Accepter, ENDED } from './shared/listen.js';
import type { ModelContext } from './shared/model-context.js';
import { Responder } from './shared/responder.js';

/**
 * One client at a time like fixed-page, but serving files. These few lines are the whole server, and nothing happens
 * concurrently. A client that connects and sends nothing blocks the server, which is why all the following models exist.
 */
export function serve({ listener, root, current }: ModelContext): void {
  const responder = new Responder(root, 'close');
  const accepter = new Accepter(listener);
  for (let fd = accepter.accept(0); fd !== ENDED; fd = accepter.accept(0)) {
    current.set(fd);
    serveConnection(fd, responder);
    current.clear(fd);
    closeGracefully(fd);
  }
  accepter.close();
  responder.close();
}
