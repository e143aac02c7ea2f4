import { open } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Epoll } from '../../../src/epoll/epoll.js';
import { kernel } from '../../../src/sys/binding.js';
import { EPOLLIN } from '../../../src/sys/events.js';
import { flagsOf, testDescriptors } from '../../support/descriptors.js';

const test = testDescriptors();
let epoll: Epoll;
beforeEach(() => {
  epoll = new Epoll();
});
afterEach(() => epoll.close());

const byte = new Uint8Array(1);

it('fileno() is fd, and throws once closed', () => {
  expect(epoll.fileno()).toBe(epoll.fd);
  epoll.close();
  expect(() => epoll.fileno()).toThrow(expect.objectContaining({ code: 'ERR_EPOLLET_CLOSED' }));
});

it('register, modify and unregister take an object with fd or fileno(), and events report the number', async () => {
  const [reader, writer] = test.pipe();
  kernel.write(writer, byte, 0, 1);
  const file = { fileno: () => reader };
  epoll.register(file, EPOLLIN, 1);
  epoll.modify({ fd: reader }, EPOLLIN, 2);
  expect(epoll.poll(0)).toEqual([{ fd: reader, events: EPOLLIN, data: 2 }]);
  epoll.unregister(file);
  expect(epoll.poll(0)).toEqual([]);
  const handle = await open('/dev/null');
  expect(() => epoll.register(handle)).toThrow(
    `EPERM: operation not permitted, epoll_ctl EPOLL_CTL_ADD fd ${handle.fd}`,
  );
  await handle.close();
  expect(() => epoll.register(handle)).toThrow(/^fd is an object whose descriptor is closed/);
  using other = new Epoll();
  expect(() => other.register(other)).toThrow(/itself/);
  other.register(epoll, EPOLLIN);
  epoll.register(reader, EPOLLIN);
  expect(other.poll(0)).toEqual([{ fd: epoll.fd, events: EPOLLIN, data: 0 }]);
});

it.each([
  ['null', null],
  ['text', '3'],
  ['a bigint', 3n],
  ['an object without a descriptor', { handle: 3 }],
])('%s instead of a descriptor is a TypeError', (_, value) => {
  const message = /^fd must be a file descriptor, or an object that has one in fd or by fileno\(\), not /;
  expect(() => epoll.register(value as never)).toThrow(TypeError);
  expect(() => epoll.register(value as never)).toThrow(message);
});

it('fromFd takes over a set with what is registered in it', () => {
  const [reader, writer] = test.pipe();
  const fd = kernel.epollCreate1(0);
  kernel.epollCtl(fd, 1, reader, EPOLLIN | 0x80000000, reader, 5);
  kernel.write(writer, byte, 0, 1);
  const taken = Epoll.fromFd(fd);
  expect(taken.fd).toBe(fd);
  // The check has not taken the event of an edge-triggered descriptor.
  expect(taken.poll(0)).toEqual([{ fd: reader, events: EPOLLIN, data: 5 }]);
  taken.close();
  expect(() => flagsOf(fd)).toThrow();
});

it('fromFd takes epoll descriptors only, and leaves others open', () => {
  const [reader] = test.pipe();
  expect(() => Epoll.fromFd(reader)).toThrow(`fd ${reader} is not an epoll descriptor`);
  expect(() => Epoll.fromFd(reader)).toThrow(TypeError);
  expect(() => flagsOf(reader)).not.toThrow();
  test.close(reader);
  // The lowest free number, which the check itself uses, and another one.
  for (const fd of [reader, 99_999])
    expect(() => Epoll.fromFd(fd)).toThrow(`EBADF: bad file descriptor, epoll_ctl fd ${fd}`);
  expect(() => Epoll.fromFd(epoll as never)).toThrow(TypeError);
  expect(() => Epoll.fromFd(reader, { kernel: { ...kernel, eventfd: () => -24 } })).toThrow(/^EMFILE/);
});

it('await using closes the set', async () => {
  let fd: number;
  {
    await using scoped = new Epoll();
    fd = scoped.fd;
  }
  expect(() => flagsOf(fd)).toThrow();
});
