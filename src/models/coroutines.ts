import { Root } from '../files/resolve/root.js';
import { BOTH, type Handler, NestedDriver, READABLE, Reactor } from '../reactor/index.js';
import { constants, EAGAIN, kernel } from '../sys/index.js';
import { Answers } from './shared/answers.js';
import { hangUp } from './shared/hang-up.js';
import { Door, listen } from './shared/listen.js';
import { type ModelOptions, type RunningModel, running } from './shared/program.js';
import { NEED_MORE, parseRequest } from './shared/request.js';

const EMPTY = Buffer.alloc(0);
/** One receives for all: what came is taken out before anybody else may run, which is at an `await` only. */
const shared = Buffer.allocUnsafeSlow(65_536);

/**
 * A socket whose calls may be awaited: where a blocking one would stop the thread, this one stops the coroutine, which
 * the reactor resumes. Edge-triggered, so that nobody has to say what is waited for: whatever comes wakes the one who
 * waits, who tries again and, if it was not meant, waits again. A report that finds nobody waiting may be forgotten,
 * for the call that comes before the next wait sees what it told of.
 */
class Socket implements Handler {
  private resume: (() => void) | null = null;

  constructor(private readonly fd: number) {}

  onReady(): void {
    const { resume } = this;
    this.resume = null;
    resume?.();
  }

  /** What has come; null at the end. */
  async receive(): Promise<Buffer | null> {
    for (;;) {
      const count = kernel.recv(this.fd, shared, 0, shared.length, 0);
      if (count > 0) return Buffer.from(shared.subarray(0, count));
      if (count !== EAGAIN) return null;
      await this.readiness();
    }
  }

  /** False: the peer is gone. */
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
 * Line by line the code of blocking-connection, with `await` where that one waits. All that is different is who keeps
 * the place where a client stands: not a thread with its stack, but an object of a few hundred bytes that the compiler
 * makes of this function.
 */
async function converse(socket: Socket, answers: Answers): Promise<void> {
  let bytes: Buffer = EMPTY;
  for (;;) {
    const request = parseRequest(bytes, 0, bytes.length);
    if (request === NEED_MORE) {
      const more = await socket.receive();
      if (more === null) return;
      bytes = bytes.length === 0 ? more : Buffer.concat([bytes, more]);
      continue;
    }
    if (typeof request === 'number') {
      await socket.sendAll(answers.refusal(request).bytes);
      return;
    }
    if (!(await socket.sendAll(answers.bytesTo(request))) || !answers.keeps(request)) return;
    bytes = bytes.subarray(request.end);
  }
}

/** One thread, and as many coroutines as there are clients, short ones and those that stay. */
export function start({ root, host, port: wanted }: ModelOptions): RunningModel {
  Root.open(kernel, root).close();
  const { fd: listener, port } = listen(host, wanted, constants.SOCK_NONBLOCK);
  const answers = new Answers(root, 'kept');
  const door = new Door(listener);
  const reactor = new Reactor();
  const open = new Set<number>();

  const attend = async (fd: number): Promise<void> => {
    open.add(fd);
    const socket = new Socket(fd);
    const token = reactor.register(fd, socket, BOTH, { trigger: 'edge' });
    await converse(socket, answers);
    if (!open.delete(fd)) return; // stopped meanwhile
    reactor.forget(token); // closed at once, which takes it out of the set
    hangUp(fd);
  };

  const onReady = (): void => {
    const fd = door.accept(constants.SOCK_NONBLOCK);
    if (fd >= 0) void attend(fd); // nobody awaits it: from here on it is a coroutine of its own
  };
  reactor.register(listener, { onReady }, READABLE);
  const driver = new NestedDriver(reactor);

  return running('http', host, port, async () => {
    driver.stop();
    reactor.close();
    // The coroutines are not resumed any more: without anybody who knows them they are garbage.
    for (const fd of open) hangUp(fd);
    open.clear();
    door.close();
    kernel.close(listener);
    answers.close();
  });
}
