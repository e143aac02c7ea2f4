import { Root } from '../files/resolve/root.js';
import { BOTH, type Handler, NestedDriver, READABLE, Reactor } from '../reactor/index.js';
import { constants, EAGAIN, kernel } from '../sys/index.js';
import { closeGracefully } from './shared/close-gracefully.js';
import { Accepter, listen } from './shared/listen.js';
import { NEED_MORE, parseRequest } from './shared/request.js';
import { Responder } from './shared/responder.js';
import { type ModelOptions, type RunningModel, runningModel } from './shared/running-model.js';

const EMPTY = Buffer.alloc(0);
/** One receive buffer for all: it is emptied before another coroutine can run, which needs an `await`. */
const shared = Buffer.allocUnsafeSlow(65_536);

/**
 * A socket with awaitable calls: where a blocking call would stop the thread, these suspend the coroutine, which the
 * reactor resumes. Edge-triggered for reading and writing, so that no interest needs to change: any event wakes the
 * suspended call, which retries, and suspends again on EAGAIN. An event without a suspended call may be dropped,
 * because the next call reads or writes before it suspends.
 */
class Socket implements Handler {
  private resume: (() => void) | null = null;

  constructor(private readonly fd: number) {}

  onReady(): void {
    const { resume } = this;
    this.resume = null;
    resume?.();
  }

  /** The received bytes; null at end of file or on an error. */
  async receive(): Promise<Buffer | null> {
    for (;;) {
      const count = kernel.recv(this.fd, shared, 0, shared.length, 0);
      if (count > 0) return Buffer.from(shared.subarray(0, count));
      if (count !== EAGAIN) return null;
      await this.readiness();
    }
  }

  /** Returns false if the peer is gone. */
  async sendAll(bytes: Buffer): Promise<boolean> {
    for (let sent = 0; sent < bytes.length; ) {
      const count = kernel.send(this.fd, bytes, sent, bytes.length - sent, 0);
      if (count >= 0) sent += count;
      else if (count !== EAGAIN) return false;
      else await this.readiness();
    }
    return true;
  }

  private readiness(): Promise<void> {
    return new Promise((resolve) => {
      this.resume = resolve;
    });
  }
}

/**
 * The code of blocking-connection, line by line, with `await` where that one blocks. The only difference is where the
 * state of a client is kept: not in a thread and its stack, but in an object of a few hundred bytes that the compiler
 * makes of this function.
 */
async function serveConnection(socket: Socket, responder: Responder): Promise<void> {
  let unread: Buffer = EMPTY;
  for (;;) {
    const request = parseRequest(unread, 0, unread.length);
    if (request === NEED_MORE) {
      const more = await socket.receive();
      if (more === null) return;
      unread = unread.length === 0 ? more : Buffer.concat([unread, more]);
      continue;
    }
    if (typeof request === 'number') {
      await socket.sendAll(responder.errorResponse(request).bytes);
      return;
    }
    if (!(await socket.sendAll(responder.bytesFor(request))) || !responder.keepsAlive(request)) return;
    unread = unread.subarray(request.end);
  }
}

/** One thread, with a coroutine per connection. */
export function start({ root, host, port: requestedPort }: ModelOptions): RunningModel {
  Root.open(kernel, root).close();
  const { fd: listener, port } = listen(host, requestedPort, constants.SOCK_NONBLOCK);
  const responder = new Responder(root, 'keep-alive');
  const accepter = new Accepter(listener);
  const reactor = new Reactor();
  const open = new Set<number>();

  const serveClient = async (fd: number): Promise<void> => {
    open.add(fd);
    const socket = new Socket(fd);
    const token = reactor.register(fd, socket, BOTH, { trigger: 'edge' });
    await serveConnection(socket, responder);
    if (!open.delete(fd)) return; // stop() has closed it
    reactor.forget(token); // the close that follows removes it from the epoll set
    closeGracefully(fd);
  };

  const onReady = (): void => {
    const fd = accepter.accept(constants.SOCK_NONBLOCK);
    if (fd >= 0) void serveClient(fd); // not awaited: it runs as an independent coroutine
  };
  reactor.register(listener, { onReady }, READABLE);
  const driver = new NestedDriver(reactor);

  return runningModel('http', host, port, async () => {
    driver.stop();
    reactor.close();
    // The suspended coroutines are never resumed; unreferenced, they are garbage-collected.
    for (const fd of open) closeGracefully(fd);
    open.clear();
    accepter.close();
    kernel.close(listener);
    responder.close();
  });
}
