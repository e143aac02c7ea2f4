import { Epoll } from '../../epoll/epoll.js';
import { WORDS_PER_EVENT } from '../../epoll/event.js';
import { closeGracefully } from '../../models/shared/close-gracefully.js';
import { Connection, State } from '../../models/shared/connection.js';
import { Accepter, ENDED } from '../../models/shared/listen.js';
import { Responder } from '../../models/shared/responder.js';
import { constants, EPOLLEXCLUSIVE, EPOLLIN, EPOLLOUT, kernel } from '../../sys/index.js';

/** How the worker gets its connections. */
export interface SpreadSource {
  /** A listener, or the read end of a pipe with numbers of descriptors. */
  readonly fd: number;
  readonly isPipe: boolean;
  /** Whether it is registered with EPOLLEXCLUSIVE. */
  readonly isExclusive: boolean;
}

const MAX_EVENTS = 1024;
const NUMBER_BYTES = 4;

/**
 * The model epoll-level as one of several workers, which all serve in the same way. Returns the number of connections
 * that it got, once the listener is shut down or the pipe has ended. Closes every connection.
 */
export function work({ fd: source, isPipe, isExclusive }: SpreadSource, root: string): number {
  const responder = new Responder(root, 'keep-alive');
  const accepter = new Accepter(source);
  const epoll = new Epoll();
  epoll.register(source, isExclusive ? EPOLLIN | EPOLLEXCLUSIVE : EPOLLIN);
  const connections: (Connection | undefined)[] = [];
  const events = new Uint32Array(WORDS_PER_EVENT * MAX_EVENTS);
  const handed = Buffer.alloc(NUMBER_BYTES * MAX_EVENTS);
  let count = 0;

  const start = (fd: number): void => {
    count++;
    connections[fd] = new Connection(fd, responder);
    epoll.register(fd, EPOLLIN);
  };

  /** False if there are no more connections. */
  const accept = (): boolean => {
    if (isPipe) {
      const bytes = kernel.read(source, handed, 0, handed.length);
      for (let at = 0; at < bytes; at += NUMBER_BYTES) start(handed.readInt32LE(at));
      return bytes !== 0;
    }
    const fd = accepter.accept(constants.SOCK_NONBLOCK);
    if (fd >= 0) start(fd);
    return fd !== ENDED;
  };

  const advance = (connection: Connection): void => {
    const wasBlocked = connection.isWriteBlocked;
    if (connection.advance() === State.closed) {
      connections[connection.fd] = undefined;
      closeGracefully(connection.fd);
    } else if (connection.isWriteBlocked !== wasBlocked) {
      epoll.modify(connection.fd, wasBlocked ? EPOLLIN : EPOLLOUT);
    }
  };

  for (let open = true; open; ) {
    const ready = epoll.pollInto(events);
    for (let at = 0; at < WORDS_PER_EVENT * ready; at += WORDS_PER_EVENT) {
      const fd = events[at + 1]!;
      if (fd === source) open = accept();
      else advance(connections[fd]!);
    }
  }

  for (const connection of connections) if (connection !== undefined) closeGracefully(connection.fd);
  epoll.close();
  accepter.close();
  responder.close();
  return count;
}
