import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants as fsConstants, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Epoll } from '../../../src/epoll/epoll.js';
import { constants, kernel } from '../../../src/sys/binding.js';
import { check } from '../../../src/sys/errno.js';
import { describeEvents, EPOLLET, EPOLLIN, EPOLLOUT, EPOLLRDHUP } from '../../../src/sys/events.js';
import { addressOf, testDescriptors } from '../../support/descriptors.js';

const { AF_INET, EFD_NONBLOCK, SHUT_WR, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM } = constants;
const test = testDescriptors();
let epoll: Epoll;
beforeEach(() => {
  epoll = new Epoll();
});
afterEach(() => epoll.close());

const byte = new Uint8Array(1);
const events = (timeoutMs = 0) => epoll.poll(timeoutMs).map((event) => `${event.fd} ${describeEvents(event.events)}`);

describe('register reports readiness of every kind of descriptor', () => {
  /** Opens a descriptor that is not ready, and returns it with a function that makes it readable. */
  const kinds: Record<string, () => [fd: number, makeReady: () => unknown]> = {
    pipe() {
      const [reader, writer] = test.pipe();
      return [reader, () => kernel.write(writer, byte, 0, 1)];
    },
    FIFO() {
      const path = test.fifo();
      const reader = test.own('open', openSync(path, fsConstants.O_RDONLY | fsConstants.O_NONBLOCK));
      const writer = test.own('open', openSync(path, 'w'));
      return [reader, () => kernel.write(writer, byte, 0, 1)];
    },
    'Unix socket'() {
      const [reader, writer] = test.pair();
      return [reader, () => kernel.send(writer, byte, 0, 1, 0)];
    },
    'TCP socket'() {
      const [client, server] = test.tcp();
      return [server, () => kernel.send(client, byte, 0, 1, 0)];
    },
    'UDP socket'() {
      const fd = test.own('socket', kernel.socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0));
      check('bind', kernel.bind(fd, '127.0.0.1', 0));
      const sender = test.own('socket', kernel.socket(AF_INET, SOCK_DGRAM, 0));
      check('connect', kernel.connect(sender, '127.0.0.1', addressOf(kernel.getsockname(fd)).port));
      return [fd, () => kernel.send(sender, byte, 0, 1, 0)];
    },
    'listening socket'() {
      const { fd, at } = test.listen();
      const client = test.own('socket', kernel.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
      return [fd, () => kernel.connect(client, at.address, at.port)];
    },
    eventfd() {
      const fd = test.own('eventfd', kernel.eventfd(0, EFD_NONBLOCK));
      return [fd, () => kernel.eventfdWrite(fd, 1)];
    },
    'epoll set, two deep'() {
      const [reader, writer] = test.pipe();
      const inner = test.own('epoll_create1', kernel.epollCreate1(0));
      const middle = test.own('epoll_create1', kernel.epollCreate1(0));
      check('epoll_ctl', kernel.epollCtl(inner, 1, reader, EPOLLIN, 0, 0));
      check('epoll_ctl', kernel.epollCtl(middle, 1, inner, EPOLLIN, 0, 0));
      return [middle, () => kernel.write(writer, byte, 0, 1)];
    },
  };

  it.each(Object.entries(kinds))('%s', (_, open) => {
    const [fd, makeReady] = open();
    epoll.register(fd, EPOLLIN);
    expect(events()).toEqual([]);
    makeReady();
    expect(events(1000)).toEqual([`${fd} EPOLLIN`]);
    epoll.unregister(fd);
    expect(events()).toEqual([]);
  });
});

describe('errors of epoll_ctl', () => {
  const errorOf = (code: string) => expect.objectContaining({ code, syscall: 'epoll_ctl', errno: expect.any(Number) });

  it('EPERM for a regular file and a directory', () => {
    const directory = test.directory();
    writeFileSync(join(directory, 'file'), 'x');
    for (const path of [directory, join(directory, 'file')]) {
      const fd = test.own('open', openSync(path, 'r'));
      expect(() => epoll.register(fd, EPOLLIN)).toThrow(errorOf('EPERM'));
    }
  });

  it('EEXIST if registered, ENOENT if not, EBADF if closed', () => {
    const [reader, writer] = test.pipe();
    epoll.register(reader, EPOLLIN);
    expect(() => epoll.register(reader, EPOLLIN)).toThrow(errorOf('EEXIST'));
    expect(() => epoll.register(reader, EPOLLIN)).toThrow(
      `EEXIST: file already exists, epoll_ctl EPOLL_CTL_ADD fd ${reader} EPOLLIN`,
    );
    expect(() => epoll.modify(writer, EPOLLOUT)).toThrow(errorOf('ENOENT'));
    expect(() => epoll.unregister(writer)).toThrow(errorOf('ENOENT'));
    test.close(reader);
    for (const call of ['register', 'modify'] as const)
      expect(() => epoll[call](reader, EPOLLIN)).toThrow(errorOf('EBADF'));
    expect(() => epoll.unregister(reader)).toThrow(errorOf('EBADF'));
  });

  it('ELOOP for two sets that watch each other', () => {
    const other = new Epoll();
    epoll.register(other.fd, EPOLLIN);
    expect(() => other.register(epoll.fd, EPOLLIN)).toThrow(errorOf('ELOOP'));
    other.close();
  });
});

describe('the end of the other side', () => {
  it('a pipe whose writer is closed is EPOLLHUP, even with a mask of 0', () => {
    const [reader, writer] = test.pipe();
    epoll.register(reader, 0);
    kernel.write(writer, byte, 0, 1);
    expect(events()).toEqual([]);
    test.close(writer);
    expect(events()).toEqual([`${reader} EPOLLHUP`]);
    epoll.modify(reader, EPOLLIN);
    expect(events()).toEqual([`${reader} EPOLLIN|EPOLLHUP`]); // the byte can still be read
    kernel.read(reader, byte, 0, 1);
    expect(events()).toEqual([`${reader} EPOLLHUP`]);
  });

  it('a pipe whose reader is closed is EPOLLERR', () => {
    const [reader, writer] = test.pipe();
    epoll.register(writer, EPOLLOUT);
    test.close(reader);
    expect(events()).toEqual([`${writer} EPOLLOUT|EPOLLERR`]);
  });

  it('half-close is EPOLLRDHUP and a lasting EPOLLIN for the end of file', () => {
    const [one, other] = test.pair();
    epoll.register(one, EPOLLIN | EPOLLRDHUP);
    kernel.shutdown(other, SHUT_WR);
    expect(events()).toEqual([`${one} EPOLLIN|EPOLLRDHUP`]);
    expect(kernel.recv(one, byte, 0, 1, 0)).toBe(0);
    expect(events()).toEqual([`${one} EPOLLIN|EPOLLRDHUP`]);
    expect(kernel.send(one, byte, 0, 1, 0)).toBe(1);
    kernel.shutdown(one, SHUT_WR);
    expect(events()).toEqual([`${one} EPOLLIN|EPOLLHUP|EPOLLRDHUP`]);
  });

  it('EPOLLRDHUP is reported only if asked for', () => {
    const [one, other] = test.pair();
    epoll.register(one, EPOLLIN);
    kernel.shutdown(other, SHUT_WR);
    expect(events()).toEqual([`${one} EPOLLIN`]);
  });

  it('a TCP reset is EPOLLERR and EPOLLHUP', () => {
    const [client, server] = test.tcp();
    epoll.register(client, EPOLLIN | EPOLLRDHUP | EPOLLET);
    kernel.send(client, byte, 0, 1, 0);
    test.close(server); // with a byte unread, so that the kernel sends RST
    expect(events(1000)).toEqual([`${client} EPOLLIN|EPOLLERR|EPOLLHUP|EPOLLRDHUP`]);
  });
});

describe('a descriptor’s number that is reused', () => {
  it('belongs to another file, which data distinguishes', () => {
    const [first, firstWriter] = test.pipe();
    epoll.register(first, EPOLLIN, 1);
    kernel.write(firstWriter, byte, 0, 1);
    const stale = epoll.poll(0);
    test.close(first);
    const [second, secondWriter] = test.pipe();
    expect(second).toBe(first); // the lowest free number, open(2)
    epoll.register(second, EPOLLIN, 2);
    kernel.write(secondWriter, byte, 0, 1);
    expect(stale).toEqual([{ fd: first, events: EPOLLIN, data: 1 }]);
    expect(epoll.poll(0)).toEqual([{ fd: first, events: EPOLLIN, data: 2 }]);
  });

  it('closing the only duplicate removes it from the set', () => {
    const [reader, writer] = test.pipe();
    epoll.register(reader, EPOLLIN);
    kernel.write(writer, byte, 0, 1);
    test.close(reader);
    expect(events()).toEqual([]);
  });

  it('a duplicate in another process keeps it registered under the closed number', async () => {
    const [reader, writer] = test.pair();
    epoll.register(reader, EPOLLIN);
    const child = spawn('sleep', ['10'], { stdio: [reader, 'ignore', 'ignore'] }); // inherits a duplicate
    test.close(reader);
    kernel.send(writer, byte, 0, 1, 0);
    expect(events()).toEqual([`${reader} EPOLLIN`]);
    expect(() => epoll.unregister(reader)).toThrow(expect.objectContaining({ code: 'EBADF' }));
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(events()).toEqual([]);
  });
});
