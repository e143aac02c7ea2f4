import { constants } from '../sys/index.js';
import { closeGracefully } from './shared/close-gracefully.js';
import { Connection, State } from './shared/connection.js';
import { Accepter, ENDED, NONE } from './shared/listen.js';
import type { ModelContext } from './shared/model-context.js';
import { type Persistence, Responder } from './shared/responder.js';

/**
 * One thread for all clients, with non-blocking sockets: recv(2) and accept(2) return at once, with EAGAIN if there is
 * nothing. So the thread walks its list again and again and tries each connection. No client can block the others any
 * more. But it also polls while nothing happens, which is nearly always: it occupies a core without a single client, and
 * with a thousand idle ones each response waits for a thousand useless system calls.
 */
export function serve(context: ModelContext): void {
  poll(context, 'close');
}

export function poll({ listener, root }: ModelContext, persistence: Persistence): void {
  const responder = new Responder(root, persistence);
  const accepter = new Accepter(listener);
  const list: Connection[] = [];
  for (;;) {
    const fd = accepter.accept(constants.SOCK_NONBLOCK);
    if (fd === ENDED) break;
    if (fd !== NONE) list.push(new Connection(fd, responder));
    // Backwards, so that the last connection can replace a closed one.
    for (let at = list.length - 1; at >= 0; at--) {
      const connection = list[at]!;
      if (connection.advance() !== State.closed) continue;
      closeGracefully(connection.fd);
      const last = list.pop()!;
      if (last !== connection) list[at] = last;
    }
  }
  for (const { fd } of list) closeGracefully(fd);
  accepter.close();
  responder.close();
}
