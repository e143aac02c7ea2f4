import { describeEvents, EPOLLET, EPOLLIN, Epoll, type EpollEvent, WORDS_PER_EVENT } from 'epollet/epoll';

export function wait(fd: number): string[] {
  using epoll = new Epoll();
  epoll.register(fd, EPOLLIN | EPOLLET);
  const into: number = epoll.pollInto(new Uint32Array(4 * WORDS_PER_EVENT), 0);
  const events: readonly EpollEvent[] = epoll.poll(0);
  return [`${into}`, ...events.map((event) => `${event.fd} ${describeEvents(event.events)}`)];
}

// @ts-expect-error: a descriptor is a number
new Epoll().register('3', EPOLLIN);
