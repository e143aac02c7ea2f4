import { constants, ECANCELED, EINVAL, EMFILE, ENFILE, ENOBUFS, EPOLLIN, kernel } from '../sys/index.js';
import { Accepter, ENDED } from './shared/listen.js';
import type { ModelContext } from './shared/model-context.js';
import { NEED_MORE, parseRequest } from './shared/request.js';
import { Responder } from './shared/responder.js';
import { BUFFER, bufferOf, MORE, type OnCompletion, Ring } from './shared/ring.js';

const { MSG_NOSIGNAL, MSG_WAITALL, O_CLOEXEC, SHUT_RDWR } = constants;

/** What a completion belongs to, next to its descriptor. */
const Kind = { accept: 0, receive: 1, send: 2, poll: 3, cancel: 4 } as const;

const BUFFER_GROUP = 0;
const BUFFERS = 1024;
/** Of a request; a longer one comes in several. */
const BUFFER_BYTES = 4096;
/** Responses to pipelined requests are sent together up to this size. */
const JOINED_BYTES = 65_536;
/** A client that sends more while it does not read its responses is not received any more. */
const MAX_UNREAD_BYTES = 65_536;

/** While something is going on with it, neither is the descriptor closed nor `unsent` dropped. */
class Client {
  unread: Buffer | null = null;
  unsent: Buffer | null = null;
  isReceiving = false;
  isPaused = false;
  hasEnded = false;
  closesAfterSend = false;
  isClosing = false;

  constructor(readonly fd: number) {}
}

/**
 * Epoll turned around: not readiness is reported, after which the program makes the system call, but the completion of
 * system calls that were requested before. One request stands for all connections that will be accepted, and one per
 * connection for everything that will be received on it; for each response there is a further one. Requests and
 * completions are in memory that is shared with the kernel, so the one system call left is io_uring_enter(2), which
 * submits and waits for all connections at once: the busier the server, the fewer system calls per request.
 *
 * In return, memory must be provided before it is known who needs it: the kernel takes a buffer from a pool when
 * something has arrived, so that idle connections have none. And what the kernel works on must be left alone until it
 * reports the completion: a response must not be dropped, and a descriptor is closed only after shutdown(2) has ended
 * what is going on with it. What epoll does by not reading, backpressure, takes a cancellation here.
 */
export function serve({ listener, root }: ModelContext): void {
  const responder = new Responder(root, 'keep-alive');
  const accepter = new Accepter(listener);
  const ring = Ring.open();
  const buffers = ring.provide(BUFFER_GROUP, BUFFERS, BUFFER_BYTES);
  const clients: (Client | undefined)[] = [];
  let clientCount = 0;
  let open = true;

  const accept = (): void => ring.accept(listener, Kind.accept, O_CLOEXEC);

  const onAccept = (result: number, flags: number): void => {
    if (result >= 0) {
      ring.own(result);
      start(result);
    }
    if (flags & MORE) return;
    if (result === EINVAL)
      open = false; // the socket no longer listens
    else if (result === EMFILE || result === ENFILE) rejectConnections();
    else accept();
  };

  /** Without a free descriptor accept fails even if there is no connection. So the next one is waited for first. */
  const rejectConnections = (): void => {
    let fd = accepter.accept(0);
    for (; fd >= 0; fd = accepter.accept(0)) start(fd);
    if (fd === ENDED) open = false;
    else ring.poll(listener, Kind.poll, EPOLLIN);
  };

  const start = (fd: number): void => {
    clients[fd] = new Client(fd);
    clientCount++;
    proceed(clients[fd]);
  };

  const onReceive = (client: Client, result: number, flags: number): void => {
    if (!(flags & MORE)) client.isReceiving = false;
    if (flags & BUFFER) {
      const id = bufferOf(flags);
      if (!client.isClosing) onBytes(client, id * BUFFER_BYTES, id * BUFFER_BYTES + result);
      buffers.release(id);
    } else if (result !== ENOBUFS && result !== ECANCELED) {
      client.hasEnded = true; // the end of file, or an error
    }
    proceed(client);
  };

  const onBytes = (client: Client, start: number, end: number): void => {
    if (client.unread === null && client.unsent === null) return respond(client, buffers.bytes, start, end);
    const bytes = buffers.bytes.subarray(start, end);
    client.unread = client.unread === null ? Buffer.from(bytes) : Buffer.concat([client.unread, bytes]);
    if (client.unread.length <= MAX_UNREAD_BYTES || client.unsent === null || client.isPaused) return;
    client.isPaused = true;
    ring.cancel(client.fd, Kind.receive, Kind.cancel);
  };

  const respond = (client: Client, bytes: Buffer, start: number, end: number): void => {
    const responses: Buffer[] = [];
    let length = 0;
    while (start < end && length < JOINED_BYTES && !client.closesAfterSend) {
      const request = parseRequest(bytes, start, end);
      if (request === NEED_MORE) break;
      const isError = typeof request === 'number';
      const response = isError ? responder.errorResponse(request).bytes : responder.bytesFor(request);
      client.closesAfterSend = isError || !responder.keepsAlive(request);
      start = isError ? end : request.end;
      responses.push(response);
      length += response.length;
    }
    client.unread = start < end ? Buffer.from(bytes.subarray(start, end)) : null;
    if (length === 0) return;
    client.unsent = responses.length === 1 ? responses[0]! : Buffer.concat(responses, length);
    // With MSG_WAITALL the kernel waits for room in the send buffer, and goes on.
    ring.send(client.fd, Kind.send, client.unsent, MSG_NOSIGNAL | MSG_WAITALL);
  };

  const onSend = (client: Client, result: number): void => {
    const isSent = result === client.unsent!.length;
    client.unsent = null;
    if (isSent) proceed(client);
    else close(client); // the peer is gone
  };

  /** What is next, after each completion. */
  const proceed = (client: Client): void => {
    if (client.isClosing) return close(client);
    if (client.unsent === null && client.unread !== null) respond(client, client.unread, 0, client.unread.length);
    if (client.unsent !== null) return;
    if (client.hasEnded || client.closesAfterSend) return close(client);
    if (client.isReceiving) return;
    client.isReceiving = true;
    client.isPaused = false;
    ring.receive(client.fd, Kind.receive, BUFFER_GROUP);
  };

  /** Closing a descriptor ends nothing that the kernel does with it; shutdown(2) does, and each of it completes. */
  const close = (client: Client): void => {
    if (!client.isClosing) kernel.shutdown(client.fd, SHUT_RDWR);
    client.isClosing = true;
    if (client.isReceiving || client.unsent !== null) return;
    kernel.close(client.fd);
    clients[client.fd] = undefined;
    clientCount--;
  };

  const onCompletion: OnCompletion = (fd, kind, result, flags) => {
    if (kind === Kind.receive) onReceive(clients[fd]!, result, flags);
    else if (kind === Kind.send) onSend(clients[fd]!, result);
    else if (kind === Kind.accept) onAccept(result, flags);
    else if (kind === Kind.poll) accept();
  };

  accept();
  while (open) ring.turn(onCompletion);

  for (const client of clients) if (client !== undefined) close(client);
  while (clientCount > 0) ring.turn(onCompletion);
  ring.close();
  accepter.close();
  responder.close();
}
