import {
  BlockingDriver,
  BOTH,
  EnclosingDriver,
  type Handler,
  NEVER,
  NestedDriver,
  NOTHING,
  READABLE,
  Reactor,
  type Token,
  Wakeup,
} from 'epollet/reactor';

const handler: Handler = { onReady() {}, onDeadline() {} };
const reactor = new Reactor();
const token: Token = reactor.register(3, handler, READABLE, { trigger: 'edge' });
reactor.modify(token, BOTH);
reactor.setDeadline(token, reactor.nowMs + 10);
reactor.setDeadline(token, NEVER);
reactor.modify(token, NOTHING);
reactor.unregister(token);
new NestedDriver(reactor).unref();
new EnclosingDriver(new Reactor()).ref();
export const fds: number[] = [new BlockingDriver(reactor).stopFd, new Wakeup(reactor, () => {}).fd];

// @ts-expect-error: no such trigger
reactor.register(3, handler, READABLE, { trigger: 'sometimes' });
