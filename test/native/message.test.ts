import { describe, expect, it } from 'vitest';
import { constants, kernel } from '../../src/sys/binding.js';
import * as errno from '../../src/sys/errno.js';
import { check } from '../../src/sys/errno.js';
import type { Datagram, Message } from '../../src/sys/kernel.js';
import { addressOf, countDescriptors, flagsOf, testDescriptors } from '../support/descriptors.js';
import { hasIPv6, permits } from '../support/needs.js';

const { AF_INET, AF_INET6, AF_UNIX, MSG_CTRUNC, MSG_DONTWAIT, MSG_EOR, MSG_PEEK, MSG_TRUNC, O_CLOEXEC } = constants;
const { SO_PASSCRED, SO_PEERCRED, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_SEQPACKET, SOCK_STREAM, SOL_SOCKET } = constants;

const test = testDescriptors();
const runsIPv6 = permits(hasIPv6(), 'datagrams of IPv6', 'this machine has none');
const self = { pid: process.pid, uid: process.getuid!(), gid: process.getgid!() };

function received<Result extends object>(result: Result | number): Result {
  if (typeof result === 'number') check('recvmsg', result);
  return result as Result;
}

/** A non-blocking datagram socket at an address, and the address. */
function datagramSocket(domain: number, address: string) {
  const fd = test.own('socket', kernel.socket(domain, SOCK_DGRAM | SOCK_NONBLOCK, 0));
  check('bind', kernel.bind(fd, address, 0));
  return { fd, at: addressOf(kernel.getsockname(fd)) };
}

/** An abstract Unix address. */
function hidden(name: string): string {
  return `\0epollet-${process.pid}-${name}`;
}

describe('recvfrom and sendto', () => {
  const families: [name: string, domain: number, one: () => string, other: () => string][] = [
    ['IPv4', AF_INET, () => '127.0.0.1', () => '127.0.0.1'],
    ['IPv6', AF_INET6, () => '::1', () => '::1'],
    ['Unix, a path', AF_UNIX, () => `${test.directory()}/söcket`, () => `${test.directory()}/other`],
    ['Unix, abstract', AF_UNIX, () => hidden('ä'), () => hidden('b')],
    ['Unix, abstract, as long as possible', AF_UNIX, () => hidden('').padEnd(108, 'x'), () => hidden('c')],
  ];
  it.each(families.filter(([name]) => runsIPv6 || name !== 'IPv6'))(
    '%s: the sender of each datagram',
    (_, domain, one, other) => {
      const client = datagramSocket(domain, one());
      const server = datagramSocket(domain, other());
      expect(kernel.recvfrom(server.fd, new Uint8Array(1), 0, 1, 0)).toBe(errno.EAGAIN);
      const { address, port } = server.at;
      expect(kernel.sendto(client.fd, Buffer.from('-hello-'), 1, 5, 0, address, port)).toBe(5);
      expect(kernel.sendto(client.fd, Buffer.from('much too long'), 0, 13, 0, address, port)).toBe(13);
      const bytes = Buffer.alloc(10, '.');
      const first = received<Datagram>(kernel.recvfrom(server.fd, bytes, 2, 8, 0));
      expect(first).toEqual({ count: 5, ...client.at });
      expect(bytes.toString()).toBe('..hello...');
      // The rest of a datagram is lost; MSG_TRUNC returns its length.
      expect(kernel.recvfrom(server.fd, bytes, 0, 4, MSG_TRUNC)).toEqual({ count: 13, ...client.at });
      expect(bytes.toString()).toBe('muchllo...');
      expect(kernel.sendto(server.fd, bytes, 0, 4, 0, first.address, first.port)).toBe(4);
      expect(kernel.recvfrom(client.fd, bytes, 0, 10, 0)).toEqual({ count: 4, ...server.at });
    },
  );

  it('an unnamed sender, and a stream, have no address', () => {
    const server = datagramSocket(AF_UNIX, hidden('unnamed'));
    const client = test.own('socket', kernel.socket(AF_UNIX, SOCK_DGRAM, 0));
    kernel.sendto(client, Buffer.from('x'), 0, 1, 0, server.at.address, 0);
    const unnamed = { count: 1, family: 'unix', address: '', port: 0 };
    expect(kernel.recvfrom(server.fd, new Uint8Array(1), 0, 1, 0)).toEqual(unnamed);
    const [one, other] = test.tcp();
    kernel.send(one, Buffer.from('x'), 0, 1, 0);
    expect(kernel.recvfrom(other, new Uint8Array(1), 0, 1, 0)).toEqual(unnamed);
  });

  it('errors are -errno', () => {
    const { fd, at } = datagramSocket(AF_INET, '127.0.0.1');
    const bytes = new Uint8Array(70_000);
    expect(kernel.sendto(fd, bytes, 0, 70_000, 0, at.address, at.port)).toBe(errno.EMSGSIZE);
    expect(kernel.sendto(fd, bytes, 0, 1, 0, '255.255.255.255', 9)).toBe(errno.EACCES);
    expect(kernel.sendto(fd, bytes, 0, 1, 0, 'localhost', 9)).toBe(errno.EINVAL);
    expect(kernel.sendto(fd, bytes, 0, 1, 0, '\0name', 0)).toBe(errno.EINVAL);
    const local = test.own('socket', kernel.socket(AF_UNIX, SOCK_DGRAM, 0));
    expect(kernel.sendto(local, bytes, 0, 1, 0, hidden('none'), 0)).toBe(errno.ECONNREFUSED);
    expect(kernel.sendto(local, bytes, 0, 1, 0, `\0${'x'.repeat(108)}`, 0)).toBe(errno.ENAMETOOLONG);
    expect(() => kernel.sendto(local, bytes, 0, 1, 0, '\0a\0b', 0)).toThrow('address must be without a NUL');
    expect(() => kernel.sendto(local, bytes, 0, 1, 0, '/a\0b', 0)).toThrow('address must be without a NUL');
  });
});

it('an abstract address accepts connections', () => {
  const name = `\0epollet-${process.pid}-stream`;
  const { fd, at } = test.listen(name, AF_UNIX);
  expect(at).toEqual({ family: 'unix', address: name, port: 0 });
  const client = test.own('socket', kernel.socket(AF_UNIX, SOCK_STREAM, 0));
  expect(kernel.connect(client, name, 0)).toBe(0);
  const server = test.own('accept4', kernel.accept4(fd, 0));
  expect(kernel.getpeername(client)).toEqual(at);
  expect(kernel.peercred(server)).toEqual(self);
});

describe('sendmsg and recvmsg', () => {
  it('gather and scatter buffers; an empty or detached one takes nothing', () => {
    const [one, other] = test.pair();
    const given = new Uint8Array(8);
    structuredClone(given.buffer, { transfer: [given.buffer] });
    expect(kernel.sendmsg(one, [Buffer.from('ab'), given, new Uint8Array(0), Buffer.from('cde')], 0, [])).toBe(5);
    const parts = [Buffer.alloc(1, '.'), given, Buffer.alloc(3, '.'), Buffer.alloc(3, '.')];
    expect(kernel.recvmsg(other, parts, 0, 0)).toEqual({
      count: 5,
      flags: 0,
      address: null,
      fds: [],
      credentials: null,
    });
    expect(Buffer.concat([parts[0]!, parts[2]!, parts[3]!]).toString()).toBe('abcde..');
    expect(kernel.recvmsg(other, parts, 0, 0)).toBe(errno.EAGAIN);
    test.close(one);
    expect(received<Message>(kernel.recvmsg(other, parts, 0, 0)).count).toBe(0);
  });

  it('the address of a datagram, and of its sender', () => {
    const client = datagramSocket(AF_INET, '127.0.0.1');
    const server = datagramSocket(AF_INET, '127.0.0.1');
    expect(kernel.sendmsg(client.fd, [Buffer.from('hi')], 0, [], server.at.address, server.at.port)).toBe(2);
    const bytes = Buffer.alloc(1);
    const message = received<Message>(kernel.recvmsg(server.fd, [bytes], 0, 0));
    expect(message).toEqual({ count: 1, flags: MSG_TRUNC, address: client.at, fds: [], credentials: null });
  });

  it('a sequenced-packet socket has a message for each call', () => {
    const [one, other] = test.pair(SOCK_SEQPACKET | SOCK_NONBLOCK);
    kernel.sendmsg(one, [Buffer.from('abc')], MSG_EOR, []);
    kernel.sendmsg(one, [Buffer.from('d')], 0, []);
    expect(received<Message>(kernel.recvmsg(other, [Buffer.alloc(8)], 0, 0)).count).toBe(3);
    expect(received<Message>(kernel.recvmsg(other, [Buffer.alloc(8)], 0, 0)).count).toBe(1);
  });

  it.each([
    ['AF_UNIX stream', SOCK_STREAM],
    ['AF_UNIX datagram', SOCK_DGRAM],
  ])('%s: passes descriptors, close-on-exec, as duplicates', (_, type) => {
    const [one, other] = test.pair(type | SOCK_NONBLOCK);
    const [reader, writer] = test.pipe();
    expect(kernel.sendmsg(one, [Buffer.from('x')], 0, [reader, writer])).toBe(1);
    test.close(reader);
    test.close(writer);
    const { fds, flags } = received<Message>(kernel.recvmsg(other, [Buffer.alloc(8)], 0, 2));
    for (const fd of fds) test.own('recvmsg', fd);
    expect([fds.length, flags]).toEqual([2, 0]);
    for (const fd of fds) expect(flagsOf(fd) & O_CLOEXEC).toBe(O_CLOEXEC);
    expect(kernel.write(fds[1]!, Buffer.from('through'), 0, 7)).toBe(7);
    expect(kernel.read(fds[0]!, Buffer.alloc(7), 0, 7)).toBe(7);
  });

  it.each([
    ['none is wanted', 0, 1],
    ['one is wanted', 1, 3],
    ['252 are wanted', 252, 253],
    ['all are wanted', 253, 253],
  ])('descriptors beyond the maximum are closed, and MSG_CTRUNC is reported: %s', (_, maxFds, sent) => {
    const [one, other] = test.pair();
    const before = countDescriptors();
    expect(kernel.sendmsg(one, [Buffer.from('x')], 0, Array(sent).fill(one))).toBe(1);
    const { fds, flags } = received<Message>(kernel.recvmsg(other, [Buffer.alloc(8)], 0, maxFds));
    expect(countDescriptors() - before).toBe(fds.length);
    expect(fds.length).toBe(Math.min(maxFds, sent));
    expect(flags & MSG_CTRUNC).toBe(sent > maxFds ? MSG_CTRUNC : 0);
    for (const fd of fds) kernel.close(fd);
  });

  it('a result that cannot be made closes the descriptors', () => {
    const [one, other] = test.pair();
    kernel.sendmsg(one, [Buffer.from('x')], 0, [one, one, one]);
    const before = countDescriptors();
    Object.defineProperty(Array.prototype, 1, {
      configurable: true,
      set() {
        throw new Error('no element');
      },
    });
    try {
      expect(() => kernel.recvmsg(other, [Buffer.alloc(8)], 0, 3)).toThrow('no element');
    } finally {
      Reflect.deleteProperty(Array.prototype, 1);
    }
    expect(countDescriptors()).toBe(before);
  });

  it('MSG_PEEK receives duplicates each time', () => {
    const [one, other] = test.pair();
    kernel.sendmsg(one, [Buffer.from('x')], 0, [one]);
    for (const flags of [MSG_PEEK, MSG_PEEK, 0]) {
      const message = received<Message>(kernel.recvmsg(other, [Buffer.alloc(8)], flags, 1));
      expect(message.fds.length).toBe(1);
      test.own('recvmsg', message.fds[0]!);
    }
  });

  it('SO_PASSCRED: the credentials come with the descriptors', () => {
    const [one, other] = test.pair();
    expect(kernel.setsockopt(other, SOL_SOCKET, SO_PASSCRED, 1)).toBe(0);
    kernel.sendmsg(one, [Buffer.from('x')], 0, Array(253).fill(one));
    const message = received<Message>(kernel.recvmsg(other, [Buffer.alloc(8)], 0, 253));
    for (const fd of message.fds) test.own('recvmsg', fd);
    expect(message).toMatchObject({ count: 1, flags: 0, credentials: self });
    expect(message.fds.length).toBe(253);
    kernel.send(one, Buffer.from('y'), 0, 1, 0);
    expect(kernel.recvmsg(other, [Buffer.alloc(8)], 0, 0)).toMatchObject({ fds: [], credentials: self });
  });

  it('errors are -errno', () => {
    const [one] = test.pair();
    const [client] = test.tcp();
    const byte = [new Uint8Array(1)];
    const many = (count: number) => Array(count).fill(new Uint8Array(1));
    expect(kernel.sendmsg(one, byte, 0, [-1])).toBe(errno.EBADF);
    expect(kernel.sendmsg(one, byte, 0, Array(254).fill(one))).toBe(errno.EINVAL);
    // The kernel ignores SCM_RIGHTS on other sockets, or is -EINVAL there.
    expect([1, errno.EINVAL]).toContain(kernel.sendmsg(client, byte, 0, [one]));
    expect(kernel.sendmsg(one, many(1025), 0, [])).toBe(errno.EMSGSIZE);
    expect(kernel.recvmsg(one, many(1025), MSG_DONTWAIT, 0)).toBe(errno.EMSGSIZE);
    expect(kernel.sendmsg(one, many(1024), 0, [])).toBe(1024);
    expect(kernel.sendmsg(one, byte, 0, [], 'localhost', 1)).toBe(errno.EINVAL);
  });

  it.each([
    ['no array', new Uint8Array(1), [], TypeError, 'buffers must be an array of Uint8Arrays'],
    ['a number among the buffers', [1], [], TypeError, 'buffers must be an array of Uint8Arrays'],
    ['a hole among the buffers', new Array(1), [], TypeError, 'buffers must be an array of Uint8Arrays'],
    ['a proxy of an array', new Proxy([], {}), [], TypeError, 'buffers must be an array of Uint8Arrays'],
    ['no array of descriptors', [], 1, TypeError, 'fds must be an array of integers'],
    ['a text among the descriptors', [], ['1'], TypeError, 'fds must be an integer'],
  ])('invalid arguments: %s', (_, buffers, fds, type, message) => {
    const call = () => kernel.sendmsg(-1, buffers as Uint8Array[], 0, fds as number[]);
    expect(call).toThrow(type);
    expect(call).toThrow(message);
  });

  it.each([-1, 254, 1.5])('maxFds %s is not from 0 to 253', (maxFds) => {
    expect(() => kernel.recvmsg(-1, [], 0, maxFds)).toThrow('maxFds must be');
  });

  it('a getter cannot take away the memory of a buffer that was read before it', () => {
    const [one, other] = test.pair();
    const first = new Uint8Array(1 << 16).fill(1);
    const buffers = [first, new Uint8Array(2)];
    Object.defineProperty(buffers, 1, {
      get() {
        structuredClone(first.buffer, { transfer: [first.buffer] });
        return Buffer.from('ab');
      },
    });
    expect(kernel.sendmsg(one, buffers, 0, [])).toBe(2);
    expect(kernel.recv(other, new Uint8Array(9), 0, 9, 0)).toBe(2);
    const throwing = Object.defineProperty([0, 0], 1, {
      get() {
        throw new Error('from the getter');
      },
    });
    expect(() => kernel.sendmsg(one, [], 0, throwing)).toThrow('from the getter');
  });
});

it('peercred: the other process of a pair; none on TCP', () => {
  const [one] = test.pair();
  expect(kernel.peercred(one)).toEqual(self);
  const [client] = test.tcp();
  expect(kernel.peercred(client)).toEqual({ pid: 0, uid: 2 ** 32 - 1, gid: 2 ** 32 - 1 });
  const [pipe] = test.pipe();
  expect(kernel.peercred(pipe)).toBe(errno.ENOTSOCK);
  const raw = new Int32Array(3);
  expect(kernel.getsockoptBytes(one, SOL_SOCKET, SO_PEERCRED, new Uint8Array(raw.buffer))).toBe(12);
  expect([...raw]).toEqual(Object.values(self));
});
