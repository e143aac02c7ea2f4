import { createConnection } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { Listener } from '../../../src/net/listener.js';
import { constants, kernel } from '../../../src/sys/binding.js';
import {
  EACCES,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  EINVAL,
  EMFILE,
  ENOBUFS,
  EPERM,
} from '../../../src/sys/errno.js';
import type { Kernel } from '../../../src/sys/kernel.js';
import { FakeKernel } from '../../support/fake-kernel.js';
import { hasIPv6, permits } from '../../support/needs.js';

const { IPPROTO_IPV6, IPPROTO_TCP, IPV6_V6ONLY, SO_KEEPALIVE, SO_REUSEADDR, SOCK_NONBLOCK, SOL_SOCKET } = constants;
const { TCP_DEFER_ACCEPT, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_NODELAY } = constants;

const tcp = (host: string, port: number) => ({ kind: 'tcp', host, port }) as const;

const runsIPv6 = permits(hasIPv6(), 'listeners of IPv6', 'this machine has none');

describe('on a simulated kernel', () => {
  it('open makes these system calls and sets these options', () => {
    const fake = new FakeKernel();
    const listener = Listener.open(fake, tcp('127.0.0.1', 8080));
    expect(fake.counts()).toEqual({ socket: 1, setsockopt: 7, bind: 1, listen: 1, getsockname: 1 });
    expect(fake.options).toEqual([
      [`${SOL_SOCKET}/${SO_REUSEADDR}`, 1],
      [`${IPPROTO_TCP}/${TCP_NODELAY}`, 1],
      [`${SOL_SOCKET}/${SO_KEEPALIVE}`, 1],
      [`${IPPROTO_TCP}/${TCP_KEEPIDLE}`, 60],
      [`${IPPROTO_TCP}/${TCP_KEEPINTVL}`, 15],
      [`${IPPROTO_TCP}/${TCP_KEEPCNT}`, 4],
      [`${IPPROTO_TCP}/${TCP_DEFER_ACCEPT}`, 1],
    ]);
    expect(listener.address).toEqual({ family: 'IPv4', address: '127.0.0.1', port: 8080 });
    listener.close();
    listener.close();
    expect(listener.fd).toBe(-1);
    expect(fake.open).toEqual([]);
  });

  it.each([
    ['::', 0],
    ['::1', 1],
  ])('%s: IPV6_V6ONLY is %i', (hostname, only) => {
    const fake = new FakeKernel();
    const listener = Listener.open(fake, tcp(hostname, 0));
    expect(fake.options).toContainEqual([`${IPPROTO_IPV6}/${IPV6_V6ONLY}`, only]);
    expect(listener.address.family).toBe('IPv6');
    listener.close();
  });

  it('without IPv6, :: is 0.0.0.0', () => {
    const fake = new FakeKernel();
    fake.hasIPv6 = false;
    const listener = Listener.open(fake, tcp('::', 0));
    expect(listener.address).toMatchObject({ family: 'IPv4', address: '0.0.0.0' });
    listener.close();
    expect(fake.open).toEqual([]);
  });

  /** [failing call, errno, code] */
  it.each<[keyof Kernel, number, string]>([
    ['socket', EMFILE, 'EMFILE'],
    ['socket', EAFNOSUPPORT, 'EAFNOSUPPORT'],
    ['setsockopt', EPERM, 'EPERM'],
    ['bind', EADDRINUSE, 'EADDRINUSE'],
    ['bind', EADDRNOTAVAIL, 'EADDRNOTAVAIL'],
    ['bind', EACCES, 'EACCES'],
    ['bind', EINVAL, 'EINVAL'],
    ['listen', EADDRINUSE, 'EADDRINUSE'],
    ['getsockname', ENOBUFS, 'ENOBUFS'],
  ])('a failing %s (%i) throws with the address, and leaves nothing open', (syscall, errno, code) => {
    const fake = new FakeKernel();
    fake.fault(syscall, errno);
    expect(() => Listener.open(fake, tcp('127.0.0.1', 80))).toThrow(
      expect.objectContaining({ code, syscall, address: '127.0.0.1', port: 80 }),
    );
    expect(fake.open).toEqual([]);
    expect(fake.violations).toEqual([]);
  });

  it('only :: falls back to IPv4, and an error of the fallback is thrown', () => {
    const fake = new FakeKernel();
    fake.hasIPv6 = false;
    expect(() => Listener.open(fake, tcp('::1', 80))).toThrow(
      expect.objectContaining({ code: 'EAFNOSUPPORT', address: '::1', port: 80 }),
    );
    fake.fault('bind', EADDRINUSE);
    expect(() => Listener.open(fake, tcp('::', 80))).toThrow(expect.objectContaining({ code: 'EADDRINUSE', port: 80 }));
    expect(fake.open).toEqual([]);
  });

  it('queueLength counts the waiting connections', () => {
    const fake = new FakeKernel();
    const listener = Listener.open(fake, tcp('127.0.0.1', 0));
    expect(listener.queueLength).toBe(0);
    for (let i = 0; i < 3; i++) fake.connectPeer(listener.fd);
    expect(listener.queueLength).toBe(3);
    listener.close();
  });
});

describe('on the real kernel', () => {
  const open: { close(): void }[] = [];
  const listen = (hostname: string, port = 0) => {
    const listener = Listener.open(kernel, tcp(hostname, port));
    open.push(listener);
    return listener;
  };
  afterEach(() => {
    for (const each of open.splice(0)) each.close();
  });

  /** Accepts the next connection. Returns its descriptor. */
  async function accept(listener: Listener, limitMs = 5000): Promise<number> {
    const endMs = performance.now() + limitMs;
    for (;;) {
      const fd = kernel.accept4(listener.fd, SOCK_NONBLOCK);
      if (fd >= 0) {
        open.push({ close: () => void kernel.close(fd) });
        return fd;
      }
      if (fd !== EAGAIN || performance.now() > endMs) return fd;
      await sleep(5);
    }
  }
  const connect = (host: string, port: number) => {
    const socket = createConnection({ host, port });
    socket.on('error', () => {});
    open.push({ close: () => void socket.destroy() });
    return socket;
  };

  it('port 0 picks a free port, which address contains', () => {
    const { address } = listen('127.0.0.1');
    expect(address).toMatchObject({ family: 'IPv4', address: '127.0.0.1' });
    expect(address.port).toBeGreaterThan(0);
  });

  it('EADDRINUSE names address and port', () => {
    const { port } = listen('127.0.0.1').address;
    expect(() => listen('127.0.0.1', port)).toThrow(
      expect.objectContaining({ code: 'EADDRINUSE', address: '127.0.0.1', port }),
    );
  });

  it('EADDRNOTAVAIL for an address of another machine', () => {
    expect(() => listen('192.0.2.1')).toThrow(
      expect.objectContaining({ code: 'EADDRNOTAVAIL', address: '192.0.2.1', port: 0, syscall: 'bind' }),
    );
  });

  it('EACCES for a privileged port', () => {
    // Simulated: the tests may run as root.
    const strict: Kernel = { ...kernel, bind: () => EACCES };
    expect(() => Listener.open(strict, tcp('127.0.0.1', 81))).toThrow(
      expect.objectContaining({ code: 'EACCES', port: 81 }),
    );
  });

  it('EINVAL for a text that is not an address', () => {
    expect(() => listen('nonsense')).toThrow(expect.objectContaining({ code: 'EINVAL', address: 'nonsense' }));
  });

  it('a closed port can be bound again at once', async () => {
    const first = listen('127.0.0.1');
    const { port } = first.address;
    connect('127.0.0.1', port).write('x');
    expect(await accept(first)).toBeGreaterThan(0);
    first.close();
    expect(() => listen('127.0.0.1', port)).not.toThrow();
  });

  it.runIf(runsIPv6)(':: accepts both families, ::1 only IPv6', async () => {
    const both = listen('::');
    for (const host of ['127.0.0.1', '::1']) {
      connect(host, both.address.port).write('x');
      const fd = await accept(both);
      expect(kernel.getpeername(fd)).toMatchObject({ family: 'IPv6' });
    }
    const six = listen('::1');
    connect('::1', six.address.port).write('x');
    expect(await accept(six)).toBeGreaterThan(0);
    const refused = new Promise((resolve) => connect('127.0.0.1', six.address.port).once('error', resolve));
    expect(await refused).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('accepted sockets have TCP_NODELAY, and are probed when nothing is sent', async () => {
    const listener = listen('127.0.0.1');
    connect('127.0.0.1', listener.address.port).write('x');
    const fd = await accept(listener);
    expect(kernel.getsockopt(fd, IPPROTO_TCP, TCP_NODELAY)).not.toBe(0);
    expect(kernel.getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE)).not.toBe(0);
    expect(kernel.getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE)).toBe(60);
  });

  it('a connection without data is accepted after about a second, one with data at once', async () => {
    const listener = listen('127.0.0.1');
    const startMs = performance.now();
    const withoutData = connect('127.0.0.1', listener.address.port);
    await new Promise((resolve) => withoutData.once('connect', resolve));
    await sleep(100);
    expect(listener.queueLength).toBe(0);
    const withData = connect('127.0.0.1', listener.address.port);
    withData.write('x');
    expect(await accept(listener, 500)).toBeGreaterThan(0);
    expect(performance.now() - startMs).toBeLessThan(950);
    const fd = await accept(listener, 6000);
    expect(fd).toBeGreaterThan(0);
    expect(performance.now() - startMs).toBeGreaterThan(500);
    expect(kernel.recv(fd, new Uint8Array(1), 0, 1, 0)).toBe(EAGAIN);
  });
});
