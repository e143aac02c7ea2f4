import { afterEach, expect, it } from 'vitest';
import { constants, kernel as realKernel } from '../../src/sys/binding.js';
import { EBADF } from '../../src/sys/errno.js';
import {
  describeEvents,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLIN,
  EPOLLONESHOT,
  EPOLLOUT,
  EPOLLRDHUP,
} from '../../src/sys/events.js';
import type { Kernel } from '../../src/sys/kernel.js';
import { testDescriptors } from './descriptors.js';
import { FakeKernel } from './fake-kernel.js';
import { below, seeded } from './random.js';

/*
 * The simulated kernel is worth as much as it is like the real one: the same things happen to both, and both must tell
 * the same of them.
 */

const { EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD, SHUT_WR } = constants;
const test = testDescriptors();
const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

const ALL = (EPOLLIN | EPOLLOUT | EPOLLRDHUP) >>> 0;
const MASKS = [0, EPOLLIN, EPOLLOUT, EPOLLIN | EPOLLRDHUP, ALL].flatMap((mask) =>
  [0, EPOLLET, EPOLLONESHOT, EPOLLEXCLUSIVE].map((flag) => (mask | flag) >>> 0),
);

interface Stage {
  kernel: Kernel;
  epfd: number;
  ours: number;
  theirs: number;
}

function stages(): Stage[] {
  const fake = new FakeKernel();
  const [theirs, ours] = test.tcp();
  // Each piece goes out at once, as the simulated kernel has it.
  for (const fd of [theirs, ours]) realKernel.setsockopt(fd, constants.IPPROTO_TCP, constants.TCP_NODELAY, 1);
  const pair = fake.socketpair(0) as [number, number];
  const real = { kernel: realKernel, epfd: test.own('epoll_create1', realKernel.epollCreate1(0)), ours, theirs };
  return [real, { kernel: fake, epfd: fake.epollCreate1(0), ours: pair[0], theirs: pair[1] }];
}

const bytes = new Uint8Array(4096);
const events = new Uint32Array(30);

/** What a step tells: the results of calls, and masks in words. */
const steps: Record<string, (stage: Stage, mask: number) => string | number> = {
  wait: ({ kernel, epfd }) => {
    const count = kernel.epollWait(epfd, events, 10, 0);
    return `${count}: ${count > 0 ? describeEvents(events[0]!) : ''}`;
  },
  add: ({ kernel, epfd, ours }, mask) => kernel.epollCtl(epfd, EPOLL_CTL_ADD, ours, mask, 1, 2),
  modify: ({ kernel, epfd, ours }, mask) => kernel.epollCtl(epfd, EPOLL_CTL_MOD, ours, mask, 1, 2),
  delete: ({ kernel, epfd, ours }) => kernel.epollCtl(epfd, EPOLL_CTL_DEL, ours, 0, 0, 0),
  'peer sends': ({ kernel, theirs }) => kernel.send(theirs, bytes, 0, 5, 0),
  'peer reads': ({ kernel, theirs }) => kernel.recv(theirs, bytes, 0, 4096, constants.MSG_DONTWAIT),
  'peer shuts down': ({ kernel, theirs }) => kernel.shutdown(theirs, SHUT_WR),
  'read some': ({ kernel, ours }) => kernel.recv(ours, bytes, 0, 3, 0),
  'read all': ({ kernel, ours }) => kernel.recv(ours, bytes, 0, 4096, 0),
  send: ({ kernel, ours }) => kernel.send(ours, bytes, 0, 7, 0),
  'shut down': ({ kernel, ours }) => kernel.shutdown(ours, SHUT_WR),
};

it('what happens at random to both is told alike by both', () => {
  const next = seeded();
  const names = Object.keys(steps);
  for (let round = 0; round < 150; round++) {
    const [real, fake] = stages() as [Stage, Stage];
    const story: string[] = [];
    let ended = false;
    for (let step = 0; step < 40; step++) {
      // The two ends of life come late, or all stories would end soon.
      const name = step % 3 === 2 ? 'wait' : names[below(next, names.length)]!;
      if (name.includes('shut') && step < 15) continue;
      // When the peer's host acknowledges our end is its own affair, and an edge more: level does not show it.
      if (name === 'shut down') {
        ended = true;
        expect(steps['delete']!(fake, 0)).toBe(steps['delete']!(real, 0));
      }
      const any = MASKS[below(next, MASKS.length)]!;
      const mask = ended ? (any & ~EPOLLET) >>> 0 : any;
      story.push(`${name} ${describeEvents(mask)}`);
      const told = steps[name]!(real, mask);
      expect(steps[name]!(fake, mask), story.join('\n')).toBe(told);
    }
    test.close(real.ours);
    test.close(real.theirs);
    test.close(real.epfd);
  }
});

it('numbers are reused lowest first, and closed ones leave every set', () => {
  const kernel = new FakeKernel();
  const epfd = kernel.epollCreate1(0);
  const { fd, peer } = kernel.connected();
  const other = kernel.connected();
  expect([epfd, fd, other.fd]).toEqual([3, 4, 5]);
  kernel.epollCtl(epfd, EPOLL_CTL_ADD, fd, EPOLLIN, 0, 0);
  peer.send('x');
  kernel.close(fd);
  expect(kernel.epollWait(epfd, events, 10, 0)).toBe(0);
  expect(kernel.connected().fd).toBe(4);
  expect(kernel.epollCtl(epfd, EPOLL_CTL_ADD, 4, EPOLLIN, 0, 0)).toBe(0);
});

it('a second close is an error that nobody can overlook', () => {
  const kernel = new FakeKernel();
  const { fd } = kernel.connected();
  kernel.close(fd);
  expect(() => kernel.close(fd)).toThrow('not open');
  expect(kernel.violations).toHaveLength(1);
  expect(kernel.recv(fd, bytes, 0, 1, 0)).toBe(EBADF);
});

it('its clock moves while it waits, and things happen meanwhile', () => {
  const kernel = new FakeKernel();
  const epfd = kernel.epollCreate1(0);
  const { fd, peer } = kernel.connected();
  kernel.epollCtl(epfd, EPOLL_CTL_ADD, fd, EPOLLIN, 7, 8);
  const startMs = kernel.monotonicMs();
  kernel.after(30, () => peer.send('x'));
  expect(kernel.epollWait(epfd, events, 10, 20)).toBe(0);
  expect(kernel.monotonicMs()).toBe(startMs + 20);
  expect(kernel.epollWait(epfd, events, 10, -1)).toBe(1);
  expect(kernel.monotonicMs()).toBe(startMs + 30);
  expect([...events.subarray(0, 3)]).toEqual([EPOLLIN, 7, 8]);
  kernel.recv(fd, bytes, 0, 1, 0);
  expect(() => kernel.epollWait(epfd, events, 10, -1)).toThrow('for ever');
});
