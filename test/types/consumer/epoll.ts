import {
  describeEvents,
  EPOLLET,
  EPOLLIN,
  Epoll,
  type EpollEvent,
  readable,
  WORDS_PER_EVENT,
  writable,
} from 'epollet/epoll';

export function wait(fd: number): string[] {
  using epoll = new Epoll();
  epoll.register(fd, EPOLLIN | EPOLLET);
  const into: number = epoll.pollInto(new Uint32Array(4 * WORDS_PER_EVENT), 0);
  const events: readonly EpollEvent[] = epoll.poll(0);
  return [`${into}`, ...events.map((event) => `${event.fd} ${describeEvents(event.events)}`)];
}

export async function waitInLoop(fd: number, signal: AbortSignal): Promise<number> {
  await using epoll = Epoll.fromFd(fd).unref();
  epoll.register({ fileno: () => fd }, EPOLLIN);
  let count = (await epoll.pollAsync(10, { maxEvents: 1, signal })).length;
  for await (const events of epoll) count += events.length;
  const ready: boolean = await readable({ fd }, { timeoutMs: 5, signal });
  return ready || (await writable(fd)) ? count : 0;
}

// @ts-expect-error: a descriptor is a number
new Epoll().register('3', EPOLLIN);
