import { Root } from '../files/resolve/root.js';
import { Epoll } from '../sys/epoll.js';
import { constants, EAGAIN, EPOLLIN, EPOLLONESHOT, EPOLLOUT, kernel, systemError } from '../sys/index.js';
import { Answers } from './shared/answers.js';
import { hangUp } from './shared/hang-up.js';
import { Door, listen } from './shared/listen.js';
import { Pool } from './shared/pool.js';
import { type ModelOptions, type RunningModel, running } from './shared/program.js';
import { NEED_MORE, parseRequest } from './shared/request.js';

/** What waits for a disk needs no core: more threads than most machines have cores. */
const THREADS = 4;

const shared = Buffer.allocUnsafeSlow(65_536);
const EMPTY = Buffer.alloc(0);

interface Client {
  readonly fd: number;
  /** Received and not answered. */
  bytes: Buffer;
  /** What is left of an answer. */
  unsent: Buffer;
  ending: boolean;
}

/**
 * Two kinds of waiting, each where it costs least: one thread has all the sockets and waits for them by epoll; a pool
 * of others waits for files, and may take its time over an answer. No slow answer stops the sockets, no slow client
 * stops a thread of the pool. For a page that is in memory anyway the way there and back costs far more than the
 * answer: a pool is for work.
 *
 * EPOLLONESHOT reports a descriptor once and then is silent until armed again. It is what this model needs: while the
 * pool has a request of a client's, nobody looks at that client, and its answers stay in order.
 */
export async function start({ root, host, port: wanted }: ModelOptions): Promise<RunningModel> {
  Root.open(kernel, root).close();
  const { fd: listener, port } = listen(host, wanted, constants.SOCK_NONBLOCK);
  const answers = new Answers(root, 'kept'); // of refusals, which need no thread
  const door = new Door(listener);
  const pool = await Pool.open(root, THREADS);
  const epoll = new Epoll();
  epoll.register(listener, EPOLLIN);
  const clients = new Map<number, Client>();

  const accept = (): void => {
    const fd = door.accept(constants.SOCK_NONBLOCK);
    if (fd < 0) return;
    clients.set(fd, { fd, bytes: EMPTY, unsent: EMPTY, ending: false });
    epoll.register(fd, EPOLLIN | EPOLLONESHOT);
  };

  const end = ({ fd }: Client): void => {
    clients.delete(fd);
    hangUp(fd);
  };

  const receive = (client: Client): void => {
    const count = kernel.recv(client.fd, shared, 0, shared.length, 0);
    if (count <= 0 && count !== EAGAIN) return end(client);
    if (count > 0) client.bytes = Buffer.concat([client.bytes, shared.subarray(0, count)]);
    next(client);
  };

  /** Hands the next request to the pool, or waits for the rest of it. */
  const next = (client: Client): void => {
    const request = parseRequest(client.bytes, 0, client.bytes.length);
    if (request === NEED_MORE) return epoll.modify(client.fd, EPOLLIN | EPOLLONESHOT);
    if (typeof request === 'number') {
      client.ending = true;
      return send(client, answers.refusal(request).bytes);
    }
    client.bytes = client.bytes.subarray(request.end);
    client.ending = !request.keeps;
    pool.ask(request, (bytes) => send(client, bytes));
  };

  const send = (client: Client, bytes: Buffer): void => {
    const count = kernel.send(client.fd, bytes, 0, bytes.length, 0);
    if (count < 0 && count !== EAGAIN) return end(client);
    client.unsent = bytes.subarray(Math.max(0, count));
    if (client.unsent.length > 0) epoll.modify(client.fd, EPOLLOUT | EPOLLONESHOT);
    else if (client.ending) end(client);
    else next(client);
  };

  // The answers come by messages, which libuv brings: so libuv waits for the epoll set as well, which is a descriptor.
  const watch = kernel.loopStart(epoll.fd, () => {
    for (const { fd } of epoll.poll(0)) {
      const client = clients.get(fd);
      if (client === undefined) accept();
      else if (client.unsent.length > 0) send(client, client.unsent);
      else receive(client);
    }
  });
  if (typeof watch === 'number') throw systemError('epoll_ctl', watch);

  return running('http', host, port, async () => {
    kernel.loopStop(watch);
    await pool.close();
    for (const { fd } of clients.values()) hangUp(fd);
    epoll.close();
    door.close();
    kernel.close(listener);
    answers.close();
  });
}
