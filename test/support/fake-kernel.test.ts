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

/* The simulated kernel must behave as the real one: the same steps are taken on both, and the results are compared. */

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

interface Setup {
  kernel: Kernel;
  epfd: number;
  ours: number;
  theirs: number;
}

function setups(): Setup[] {
  const fake = new FakeKernel();
  const [theirs, ours] = test.tcp();
  // Each piece is sent at once, as by the simulated kernel.
  for (const fd of [theirs, ours]) realKernel.setsockopt(fd, constants.IPPROTO_TCP, constants.TCP_NODELAY, 1);
  const pair = fake.socketpair(0) as [number, number];
  const real = { kernel: realKernel, epfd: test.own('epoll_create1', realKernel.epollCreate1(0)), ours, theirs };
  return [real, { kernel: fake, epfd: fake.epollCreate1(0), ours: pair[0], theirs: pair[1] }];
}

const bytes = new Uint8Array(4096);
const events = new Uint32Array(30);

/** The result of each step: that of the call, or the masks as text. */
const steps: Record<string, (setup: Setup, mask: number) => string | number> = {
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

it('random steps have the same results on the simulated and the real kernel', () => {
  const next = seeded();
  const names = Object.keys(steps);
  for (let round = 0; round < 150; round++) {
    const [real, fake] = setups() as [Setup, Setup];
    const log: string[] = []; // of the steps so far
    let ended = false;
    for (let step = 0; step < 40; step++) {
      // Shutdowns come late, or every round would end soon.
      const name = step % 3 === 2 ? 'wait' : names[below(next, names.length)]!;
      if (name.includes('shut') && step < 15) continue;
      // The acknowledgement of our FIN comes at any time, and is one more edge; under level it is not visible.
      if (name === 'shut down') {
        ended = true;
        expect(steps['delete']!(fake, 0)).toBe(steps['delete']!(real, 0));
      }
      const any = MASKS[below(next, MASKS.length)]!;
      const mask = ended ? (any & ~EPOLLET) >>> 0 : any;
      log.push(`${name} ${describeEvents(mask)}`);
      const result = steps[name]!(real, mask);
      expect(steps[name]!(fake, mask), log.join('\n')).toBe(result);
    }
    test.close(real.ours);
    test.close(real.theirs);
    test.close(real.epfd);
  }
});

it('a new descriptor gets the lowest free number, and a closed one leaves every epoll set', () => {
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

it('a second close of a descriptor throws and is recorded', () => {
  const kernel = new FakeKernel();
  const { fd } = kernel.connected();
  kernel.close(fd);
  expect(() => kernel.close(fd)).toThrow('not open');
  expect(kernel.violations).toHaveLength(1);
  expect(kernel.recv(fd, bytes, 0, 1, 0)).toBe(EBADF);
});

it('the clock advances while epoll_wait waits, and scheduled functions run meanwhile', () => {
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
  expect(() => kernel.epollWait(epfd, events, 10, -1)).toThrow('never return');
});
