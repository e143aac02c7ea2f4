import { Epoll } from '../epoll/epoll.js';
import { Root } from '../files/resolve/root.js';
import { check, constants, EAGAIN, EPOLLIN, EPOLLONESHOT, EPOLLOUT, kernel } from '../sys/index.js';
import { closeGracefully } from './shared/close-gracefully.js';
import { Accepter, listen } from './shared/listen.js';
import { Pool } from './shared/pool.js';
import { NEED_MORE, parseRequest } from './shared/request.js';
import { Responder } from './shared/responder.js';
import { type ModelOptions, type RunningModel, runningModel } from './shared/running-model.js';

/** A thread that waits for a disk needs no core, so this may exceed the number of cores. */
const THREADS = 4;

const shared = Buffer.allocUnsafeSlow(65_536);
const EMPTY = Buffer.alloc(0);

interface Client {
  readonly fd: number;
  /** Received, not yet parsed. */
  unread: Buffer;
  /** The rest of a response. */
  unsent: Buffer;
  closeAfterSend: boolean;
}

/**
 * Two kinds of waiting, each where it is cheapest: one thread owns all sockets and waits for them in epoll_wait(2); the
 * threads of a pool block on files. A slow file does not stop the sockets, and a slow client does not occupy a thread of
 * the pool. For a page that is in memory anyway, the round trip to the pool costs far more than the response: a pool is
 * for work.
 *
 * EPOLLONESHOT reports a descriptor once and disables it until it is rearmed. This model needs that: while the pool has
 * a request of a client, the client is not read, and its responses stay in order.
 */
export async function start({ root, host, port: requestedPort }: ModelOptions): Promise<RunningModel> {
  Root.open(kernel, root).close();
  const { fd: listener, port } = listen(host, requestedPort, constants.SOCK_NONBLOCK);
  const responder = new Responder(root, 'keep-alive'); // for error responses, which need no thread
  const accepter = new Accepter(listener);
  const pool = await Pool.open(root, THREADS);
  const epoll = new Epoll();
  epoll.register(listener, EPOLLIN);
  const clients = new Map<number, Client>();

  const accept = (): void => {
    const fd = accepter.accept(constants.SOCK_NONBLOCK);
    if (fd < 0) return;
    clients.set(fd, { fd, unread: EMPTY, unsent: EMPTY, closeAfterSend: false });
    epoll.register(fd, EPOLLIN | EPOLLONESHOT);
  };

  const close = ({ fd }: Client): void => {
    clients.delete(fd);
    closeGracefully(fd);
  };

  const receive = (client: Client): void => {
    const count = kernel.recv(client.fd, shared, 0, shared.length, 0);
    if (count <= 0 && count !== EAGAIN) return close(client);
    if (count > 0) client.unread = Buffer.concat([client.unread, shared.subarray(0, count)]);
    serveNext(client);
  };

  /** Submits the next request to the pool, or waits for the rest of it. */
  const serveNext = (client: Client): void => {
    const request = parseRequest(client.unread, 0, client.unread.length);
    if (request === NEED_MORE) return epoll.modify(client.fd, EPOLLIN | EPOLLONESHOT);
    if (typeof request === 'number') {
      client.closeAfterSend = true;
      return send(client, responder.errorResponse(request).bytes);
    }
    client.unread = client.unread.subarray(request.end);
    client.closeAfterSend = !request.keepAlive;
    pool.submit(request, (bytes) => send(client, bytes));
  };

  const send = (client: Client, bytes: Buffer): void => {
    const count = kernel.send(client.fd, bytes, 0, bytes.length, 0);
    if (count < 0 && count !== EAGAIN) return close(client);
    client.unsent = bytes.subarray(Math.max(0, count));
    if (client.unsent.length > 0) epoll.modify(client.fd, EPOLLOUT | EPOLLONESHOT);
    else if (client.closeAfterSend) close(client);
    else serveNext(client);
  };

  // Responses arrive as messages, which libuv delivers, so libuv waits for the epoll descriptor as well.
  const onReadable = (): void => {
    for (const { fd } of epoll.poll(0)) {
      const client = clients.get(fd);
      if (client === undefined) accept();
      else if (client.unsent.length > 0) send(client, client.unsent);
      else receive(client);
    }
  };
  const watch = check('epoll_ctl', kernel.loopStart(epoll.fd, onReadable));

  return runningModel('http', host, port, async () => {
    kernel.loopStop(watch);
    await pool.close();
    for (const { fd } of clients.values()) closeGracefully(fd);
    epoll.close();
    accepter.close();
    kernel.close(listener);
    responder.close();
  });
}
