import { describe, expect, it } from 'vitest';
import { constants, kernel } from '../../src/sys/binding.js';
import * as errno from '../../src/sys/errno.js';
import { check } from '../../src/sys/errno.js';
import { addressOf, flagsOf, testDescriptors } from '../support/descriptors.js';
import { hasIPv6, permits } from '../support/needs.js';

const {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  O_CLOEXEC,
  O_NONBLOCK,
  SHUT_RDWR,
  SHUT_WR,
} = constants;
const {
  SO_ACCEPTCONN,
  SO_ERROR,
  SO_RCVBUF,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
} = constants;
const { SOCK_SEQPACKET, SOCK_STREAM, SOL_SOCKET, TCP_DEFER_ACCEPT, TCP_NODELAY } = constants;

const test = testDescriptors();
const socket = (domain = AF_INET, type = SOCK_STREAM | SOCK_NONBLOCK) =>
  test.own('socket', kernel.socket(domain, type, 0));
const runsIPv6 = permits(hasIPv6(), 'sockets of IPv6', 'this machine has none');

describe('new descriptors are close-on-exec, and non-blocking if asked for', () => {
  const both = (pair: [number, number] | number) => (typeof pair === 'number' ? [pair] : pair);
  it.each([
    ['socket', (n: boolean) => [kernel.socket(AF_INET, SOCK_STREAM | (n ? SOCK_NONBLOCK : 0), 0)]],
    ['socketpair', (n: boolean) => both(kernel.socketpair(SOCK_STREAM | (n ? SOCK_NONBLOCK : 0)))],
    ['pipe2', (n: boolean) => both(kernel.pipe2(n ? O_NONBLOCK : 0))],
    ['eventfd', (n: boolean) => [kernel.eventfd(0, n ? constants.EFD_NONBLOCK : 0)]],
    ['openat', (n: boolean) => [kernel.openat(constants.AT_FDCWD, '/dev/null', n ? O_NONBLOCK : 0)]],
    [
      'accept4',
      (n: boolean) => {
        const { fd, at } = test.listen();
        check('connect', kernel.connect(socket(AF_INET, SOCK_STREAM), at.address, at.port));
        return [kernel.accept4(fd, n ? SOCK_NONBLOCK : 0)];
      },
    ],
  ] as const)('%s', (name, make) => {
    for (const nonBlocking of [true, false]) {
      for (const fd of make(nonBlocking)) {
        test.own(name, fd);
        expect(flagsOf(fd) & (O_CLOEXEC | O_NONBLOCK)).toBe(O_CLOEXEC | (nonBlocking ? O_NONBLOCK : 0));
      }
    }
  });
});

describe('connections', () => {
  it('IPv4: getsockname and getpeername of both ends', () => {
    const { fd: listener, at } = test.listen();
    expect(at).toEqual({ family: 'IPv4', address: '127.0.0.1', port: expect.any(Number) });
    expect(at.port).toBeGreaterThan(0);
    expect(kernel.accept4(listener, SOCK_NONBLOCK)).toBe(errno.EAGAIN);
    const client = socket();
    expect(kernel.connect(client, '127.0.0.1', at.port)).toBe(errno.EINPROGRESS);
    const server = test.own('accept4', kernel.accept4(listener, SOCK_NONBLOCK));
    expect(kernel.getsockopt(client, SOL_SOCKET, SO_ERROR)).toBe(0);
    expect(kernel.getsockname(server)).toEqual(at);
    expect(kernel.getpeername(client)).toEqual(at);
    expect(kernel.getpeername(server)).toEqual(kernel.getsockname(client));
  });

  it.runIf(runsIPv6)('IPv6: getsockname and getpeername', () => {
    const { fd: listener, at } = test.listen('::1', AF_INET6);
    expect(at).toEqual({ family: 'IPv6', address: '::1', port: expect.any(Number) });
    const client = socket(AF_INET6, SOCK_STREAM);
    expect(kernel.connect(client, '0:0:0:0:0:0:0:1', at.port)).toBe(0);
    const server = test.own('accept4', kernel.accept4(listener, 0));
    expect(kernel.getpeername(server)).toEqual(kernel.getsockname(client));
  });

  it.runIf(runsIPv6)('an IPv4 client of an IPv6 listener has a mapped address', () => {
    const listener = socket(AF_INET6);
    check('setsockopt', kernel.setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, 0));
    check('bind', kernel.bind(listener, '::', 0));
    check('listen', kernel.listen(listener, 1));
    const client = socket(AF_INET, SOCK_STREAM);
    check('connect', kernel.connect(client, '127.0.0.1', addressOf(kernel.getsockname(listener)).port));
    const server = test.own('accept4', kernel.accept4(listener, 0));
    expect(kernel.getpeername(server)).toMatchObject({ family: 'IPv6', address: '::ffff:127.0.0.1' });
  });

  it('Unix: the path of the listener; the client is unnamed', () => {
    const path = `${test.directory()}/söcket`;
    const { fd: listener, at } = test.listen(path, AF_UNIX);
    expect(at).toEqual({ family: 'unix', address: path, port: 0 });
    const client = socket(AF_UNIX, SOCK_STREAM);
    expect(kernel.connect(client, path, 0)).toBe(0);
    const server = test.own('accept4', kernel.accept4(listener, 0));
    expect(kernel.getpeername(client)).toEqual(at);
    expect(kernel.getpeername(server)).toEqual({ family: 'unix', address: '', port: 0 });
  });

  it('a Unix path has at most 107 bytes', () => {
    const directory = test.directory();
    const path = (length: number) => `${directory}/`.padEnd(length, 'x');
    expect(kernel.bind(socket(AF_UNIX), path(108), 0)).toBe(errno.ENAMETOOLONG);
    expect(kernel.bind(socket(AF_UNIX), path(5000), 0)).toBe(errno.ENAMETOOLONG);
    const fd = socket(AF_UNIX);
    expect(kernel.bind(fd, path(107), 0)).toBe(0);
    expect(addressOf(kernel.getsockname(fd)).address).toBe(path(107));
  });

  it.each(['', 'localhost', '127.0.0.1:80', '127.1', '256.0.0.1', '::1%lo', '[::1]', 'x'.repeat(5000), '.\ud800'])(
    '%s is not an address',
    (address) => {
      expect(kernel.bind(socket(), address, 0)).toBe(errno.EINVAL);
      expect(kernel.connect(socket(), address, 1)).toBe(errno.EINVAL);
    },
  );

  it.each([
    ['a NUL', '127.0.0.1\0', 0, TypeError, 'address must be without a NUL'],
    ['a number', 127, 0, TypeError, 'address must be a string'],
    ['port -1', '127.0.0.1', -1, RangeError, 'port must be from 0 to 65535'],
    ['port 65536', '127.0.0.1', 65_536, RangeError, 'port must be from 0 to 65535'],
    ['port "80"', '127.0.0.1', '80', TypeError, 'port must be an integer'],
  ])('invalid arguments: %s', (_, address, port, type, message) => {
    for (const call of [kernel.bind, kernel.connect]) {
      expect(() => call(-1, address as string, port as number)).toThrow(type);
      expect(() => call(-1, address as string, port as number)).toThrow(message);
    }
  });

  it('errors of each call are -errno', () => {
    const { fd, at } = test.listen();
    const file = test.own('openat', kernel.openat(constants.AT_FDCWD, '/dev/null', 0));
    expect(kernel.bind(socket(), '127.0.0.1', at.port)).toBe(errno.EADDRINUSE);
    expect(kernel.bind(socket(), '192.0.2.1', 0)).toBe(errno.EADDRNOTAVAIL);
    expect(kernel.bind(socket(), '::1', 0)).toBe(errno.EAFNOSUPPORT);
    expect(kernel.getpeername(fd)).toBe(errno.ENOTCONN);
    expect(kernel.listen(file, 1)).toBe(errno.ENOTSOCK);
    expect(kernel.shutdown(socket(), SHUT_RDWR)).toBe(errno.ENOTCONN);
    expect(kernel.accept4(socket(), 0)).toBe(errno.EINVAL);
    expect(kernel.accept4(fd, 1)).toBe(errno.EINVAL);
    expect(kernel.socket(9999, SOCK_STREAM, 0)).toBe(errno.EAFNOSUPPORT);
    test.close(fd);
    expect(kernel.connect(socket(AF_INET, SOCK_STREAM), at.address, at.port)).toBe(errno.ECONNREFUSED);
  });
});

describe('options', () => {
  it.each([
    ['SO_REUSEADDR', SOL_SOCKET, SO_REUSEADDR, 1, 1],
    ['SO_REUSEPORT', SOL_SOCKET, SO_REUSEPORT, 1, 1],
    ['SO_SNDBUF, doubled', SOL_SOCKET, SO_SNDBUF, 20_000, 40_000],
    ['SO_RCVBUF, doubled', SOL_SOCKET, SO_RCVBUF, 20_000, 40_000],
    ['TCP_NODELAY', IPPROTO_TCP, TCP_NODELAY, 1, 1],
  ])('%s', (_, level, option, value, expected) => {
    const fd = socket();
    expect(kernel.setsockopt(fd, level, option, value)).toBe(0);
    expect(kernel.getsockopt(fd, level, option)).toBe(expected);
  });

  it('return the type and state of a socket', () => {
    const { fd } = test.listen();
    expect(kernel.getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN)).toBe(1);
    expect(kernel.getsockopt(fd, SOL_SOCKET, SO_TYPE)).toBe(SOCK_STREAM);
    expect(kernel.setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, 1)).toBe(0);
    expect(kernel.getsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT)).toBeGreaterThan(0);
    expect(kernel.setsockopt(fd, SOL_SOCKET, 9999, 1)).toBe(errno.ENOPROTOOPT);
    expect(kernel.getsockopt(fd, SOL_SOCKET, 9999)).toBe(errno.ENOPROTOOPT);
    expect(() => kernel.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, true as never)).toThrow('value must be an integer');
  });

  it('TCP_NODELAY is inherited from the listener', () => {
    const { fd, at } = test.listen();
    check('setsockopt', kernel.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1));
    check('connect', kernel.connect(socket(AF_INET, SOCK_STREAM), at.address, at.port));
    const server = test.own('accept4', kernel.accept4(fd, 0));
    expect(kernel.getsockopt(server, IPPROTO_TCP, TCP_NODELAY)).toBe(1);
  });
});

describe('options of bytes', () => {
  const words = (...numbers: number[]) => new Uint8Array(Int32Array.from(numbers).buffer);
  const timeval = (seconds: bigint) => new Uint8Array(BigInt64Array.of(seconds, 0n).buffer);
  it.each([
    ['SO_LINGER', SOL_SOCKET, constants.SO_LINGER, words(1, 7), words(1, 7)],
    ['SO_RCVTIMEO', SOL_SOCKET, constants.SO_RCVTIMEO, timeval(3n), timeval(3n)],
    ['SO_SNDTIMEO', SOL_SOCKET, constants.SO_SNDTIMEO, timeval(4n), timeval(4n)],
    [
      'TCP_CONGESTION',
      IPPROTO_TCP,
      constants.TCP_CONGESTION,
      Buffer.from('reno'),
      Buffer.from('reno'.padEnd(16, '\0')),
    ],
  ])('%s', (_, level, option, value, expected) => {
    const fd = socket();
    expect(kernel.setsockoptBytes(fd, level, option, value)).toBe(0);
    const bytes = Buffer.alloc(64);
    const length = kernel.getsockoptBytes(fd, level, option, bytes);
    expect([...bytes.subarray(0, length)]).toEqual([...expected]);
  });

  it('IP_ADD_MEMBERSHIP: joins a multicast group once, IP_DROP_MEMBERSHIP leaves it', () => {
    const receiver = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK);
    check('bind', kernel.bind(receiver, '0.0.0.0', 0));
    const loopback = Buffer.from([127, 0, 0, 1]);
    expect(kernel.setsockoptBytes(receiver, constants.IPPROTO_IP, constants.IP_MULTICAST_IF, loopback)).toBe(0);
    const group = Buffer.from([239, 255, 77, 7, 127, 0, 0, 1]);
    expect(kernel.setsockoptBytes(receiver, constants.IPPROTO_IP, constants.IP_ADD_MEMBERSHIP, group)).toBe(0);
    expect(kernel.setsockoptBytes(receiver, constants.IPPROTO_IP, constants.IP_ADD_MEMBERSHIP, group)).toBe(
      errno.EADDRINUSE,
    );
    expect(kernel.setsockoptBytes(receiver, constants.IPPROTO_IP, constants.IP_DROP_MEMBERSHIP, group)).toBe(0);
  });

  it('a struct is truncated to the array, a wrong length is -EINVAL', () => {
    const fd = socket();
    const bytes = Buffer.alloc(3, 9);
    expect(kernel.getsockoptBytes(fd, SOL_SOCKET, constants.SO_LINGER, bytes.subarray(0, 2))).toBe(2);
    expect([...bytes]).toEqual([0, 0, 9]);
    expect(kernel.setsockoptBytes(fd, SOL_SOCKET, constants.SO_LINGER, bytes)).toBe(errno.EINVAL);
    expect(kernel.setsockoptBytes(fd, SOL_SOCKET, constants.SO_LINGER, new Uint8Array(5000))).toBe(errno.EINVAL);
    expect(kernel.getsockoptBytes(fd, IPPROTO_TCP, constants.TCP_INFO, new Uint8Array(5000))).toBeGreaterThan(100);
  });

  // SO_ATTACH_FILTER, SO_ATTACH_REUSEPORT_CBPF, TCP_ZEROCOPY_RECEIVE, IPT_SO_SET_REPLACE, SOL_XDP.
  it.each([
    [SOL_SOCKET, 26],
    [SOL_SOCKET, 51],
    [IPPROTO_TCP, 35],
    [0, 64],
    [41, 64],
    [283, 4],
    [-1, -1],
  ])('level %i, option %i, whose value has an address in memory or is unknown, is a RangeError', (level, option) => {
    const fd = socket();
    for (const call of [kernel.setsockoptBytes, kernel.getsockoptBytes]) {
      expect(() => call(fd, level, option, new Uint8Array(64))).toThrow(RangeError);
      expect(() => call(fd, level, option, new Uint8Array(64))).toThrow('option must be an option whose value is');
    }
    if (option === 26) expect(kernel.getsockopt(fd, level, option)).toBe(errno.ENOPROTOOPT);
  });
});

it('tcpiUnacked is the length of the accept queue', () => {
  const { fd, at } = test.listen();
  const lengths = [kernel.tcpiUnacked(fd)];
  for (let i = 0; i < 3; i++) {
    check('connect', kernel.connect(socket(AF_INET, SOCK_STREAM), at.address, at.port));
    lengths.push(kernel.tcpiUnacked(fd));
  }
  test.own('accept4', kernel.accept4(fd, 0));
  lengths.push(kernel.tcpiUnacked(fd));
  expect(lengths).toEqual([0, 1, 2, 3, 2]);
  expect(kernel.tcpiUnacked(socket(AF_UNIX))).toBe(errno.EOPNOTSUPP);
});

it.each([SOCK_DGRAM, SOCK_SEQPACKET])('socketpair of type %i preserves message boundaries', (type) => {
  const [one, other] = test.pair(type | SOCK_NONBLOCK);
  const bytes = new Uint8Array(8);
  kernel.send(one, bytes, 0, 3, 0);
  kernel.send(one, bytes, 0, 2, 0);
  expect([1, 2, 3].map(() => kernel.recv(other, bytes, 0, 8, 0))).toEqual([3, 2, errno.EAGAIN]);
});

it('shutdown ends one direction', () => {
  const [one, other] = test.pair();
  const bytes = new Uint8Array(1);
  expect(kernel.shutdown(one, SHUT_WR)).toBe(0);
  expect(kernel.recv(other, bytes, 0, 1, 0)).toBe(0);
  expect(kernel.send(one, bytes, 0, 1, 0)).toBe(errno.EPIPE);
  expect(kernel.send(other, bytes, 0, 1, 0)).toBe(1);
});
