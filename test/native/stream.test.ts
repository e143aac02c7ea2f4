import { spawnSync } from 'node:child_process';
import { openSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { constants, kernel } from '../../src/sys/binding.js';
import { EAGAIN, EBADF, EINVAL, ENOTSOCK, EPIPE } from '../../src/sys/errno.js';
import { testDescriptors } from '../support/descriptors.js';

const { MSG_DONTWAIT, MSG_MORE, MSG_PEEK, O_NONBLOCK, SO_SNDBUF, SOCK_NONBLOCK, SOCK_STREAM, SOL_SOCKET } = constants;
const test = testDescriptors();
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

describe('send and recv', () => {
  it('use a range of the array, and nothing else', () => {
    const [one, other] = test.pair();
    expect(kernel.send(one, Buffer.from('-hello-'), 1, 5, 0)).toBe(5);
    const bytes = Buffer.from('..........');
    expect(kernel.recv(other, bytes, 2, 3, 0)).toBe(3);
    expect(text(bytes)).toBe('..hel.....');
    expect(kernel.recv(other, bytes, 6, 4, 0)).toBe(2);
    expect(text(bytes)).toBe('..hel.lo..');
    expect(kernel.recv(other, bytes, 0, 10, 0)).toBe(EAGAIN);
  });

  it('recvEach: each descriptor reads into its own part, and is replaced by its result', () => {
    const [one, first] = test.pair();
    const [, idle] = test.pair();
    const [three, third] = test.pair();
    kernel.send(one, Buffer.from('abc'), 0, 3, 0);
    kernel.send(three, Buffer.from('0123456789'), 0, 10, 0);
    const bytes = Buffer.alloc(5 * 6, '.');
    const fds = Int32Array.of(first, idle, third, -1, first);
    expect(kernel.recvEach(fds, 4, bytes, 6)).toBeUndefined();
    expect([...fds]).toEqual([3, EAGAIN, 5, EBADF, first]);
    expect(text(bytes)).toBe('abc.........01234.............');
    kernel.recvEach(fds, 0, bytes, 6);
  });

  it.each([
    ['a count beyond the descriptors', 3, 4, RangeError, 'count'],
    ['parts beyond the bytes', 2, 9, RangeError, 'stride'],
    ['a part without a spare byte', 2, 1, RangeError, 'stride'],
    ['a fractional count', 0.5, 4, TypeError, 'count'],
  ])('recvEach with invalid arguments: %s', (_, count, stride, type, culprit) => {
    const call = () => kernel.recvEach(new Int32Array(2), count, new Uint8Array(16), stride);
    expect(call).toThrow(type);
    expect(call).toThrow(culprit);
  });

  it('sendEach: each descriptor sends its part, and is replaced by its result', () => {
    const [one, first] = test.pair();
    const [three, third] = test.pair();
    const fds = Int32Array.of(one, -1, three, one);
    const ends = Int32Array.of(3, 5, 5, 9);
    expect(kernel.sendEach(fds, ends, 3, Buffer.from('abcde1234'))).toBeUndefined();
    expect([...fds]).toEqual([3, EBADF, 0, one]);
    kernel.sendEach(Int32Array.of(three), Int32Array.of(2), 1, Buffer.from('xyz'));
    const bytes = Buffer.alloc(9, '.');
    expect([kernel.recv(first, bytes, 0, 4, 0), kernel.recv(third, bytes, 4, 4, 0)]).toEqual([3, 2]);
    expect(text(bytes)).toBe('abc.xy...');
    kernel.sendEach(fds, ends, 0, bytes);
  });

  it('sendEach: a full socket sends a part, and a closed peer raises no signal', () => {
    const [one, other] = test.pair(SOCK_STREAM | SOCK_NONBLOCK);
    const [gone, left] = test.pair();
    kernel.close(left);
    const much = Buffer.alloc(8 << 20, 'x');
    const fds = Int32Array.of(one, one, gone);
    kernel.sendEach(fds, Int32Array.of(much.length - 2, much.length - 1, much.length), 3, much);
    expect(fds[0]).toBeGreaterThan(0);
    expect(fds[0]).toBeLessThan(much.length - 2);
    expect([fds[1], fds[2]]).toEqual([EAGAIN, EPIPE]);
    expect(kernel.recv(other, much, 0, 1, 0)).toBe(1);
  });

  it.each([
    ['a count beyond the descriptors', [1, 2, 3], 3, RangeError, 'count'],
    ['a count beyond the ends', [1], 2, RangeError, 'count'],
    ['an end before the one before it', [3, 2], 2, RangeError, 'ends'],
    ['an end before the bytes', [-1, 2], 2, RangeError, 'ends'],
    ['an end behind the bytes', [1, 17], 2, RangeError, 'ends'],
    ['a fractional count', [1, 2], 0.5, TypeError, 'count'],
  ])('sendEach with invalid arguments sends nothing: %s', (_, ends, count, type, culprit) => {
    const [one, other] = test.pair(SOCK_STREAM | SOCK_NONBLOCK);
    const bytes = new Uint8Array(16);
    const call = () => kernel.sendEach(Int32Array.of(one, one), Int32Array.from(ends), count, bytes);
    expect(call).toThrow(type);
    expect(call).toThrow(culprit);
    expect(kernel.recv(other, bytes, 0, 16, 0)).toBe(EAGAIN);
  });

  describe('a batch is used as it was checked', () => {
    it('sendEach with fds and ends in one memory sends no bytes from before the array', () => {
      // A descriptor's number is an end too. The first fails, and its result must not be the start of the second part.
      const [pipe] = test.pipe();
      const [one, other] = test.pair();
      const memory = Int32Array.of(pipe, one);
      const bytes = Buffer.alloc(one + 200, '.');
      kernel.sendEach(memory, memory, 2, bytes.subarray(100, 100 + one));
      expect([...memory]).toEqual([ENOTSOCK, one - pipe]);
      expect(kernel.recv(other, bytes, 0, bytes.length, 0)).toBe(one - pipe);
    });

    it('recvEach with bytes over fds: a peer does not choose the descriptors', () => {
      const [one, first] = test.pair();
      const [two, second] = test.pair();
      const [three, third] = test.pair();
      const memory = new ArrayBuffer(32);
      const fds = new Int32Array(memory, 0, 2);
      fds.set([first, second]);
      kernel.send(one, Buffer.from(Int32Array.of(first, third).buffer), 0, 8, 0);
      kernel.send(two, Buffer.from('22'), 0, 2, 0);
      kernel.send(three, Buffer.from('333'), 0, 3, 0);
      kernel.recvEach(fds, 2, new Uint8Array(memory), 16);
      expect([...fds]).toEqual([8, 2]);
      expect(kernel.recv(third, new Uint8Array(8), 0, 8, 0)).toBe(3);
    });

    it('a batch has at most 1024', () => {
      const fds = new Int32Array(1025).fill(-1);
      const bytes = new Uint8Array(4100);
      kernel.recvEach(fds, 1024, bytes, 4);
      expect([fds[0], fds[1023], fds[1024]]).toEqual([EBADF, EBADF, -1]);
      expect(() => kernel.recvEach(fds, 1025, bytes, 4)).toThrow('count must be from 0 to 1024');
      expect(() => kernel.sendEach(fds, fds, 1025, bytes)).toThrow('count must be from 0 to 1024');
    });
  });

  it('MSG_PEEK does not consume, MSG_DONTWAIT does not wait', () => {
    const [one, other] = test.pair(SOCK_STREAM);
    const bytes = new Uint8Array(4);
    expect(kernel.recv(other, bytes, 0, 4, MSG_DONTWAIT)).toBe(EAGAIN);
    kernel.send(one, bytes, 0, 4, 0);
    expect(kernel.recv(other, bytes, 0, 4, MSG_PEEK)).toBe(4);
    expect(kernel.recv(other, bytes, 0, 4, 0)).toBe(4);
  });

  it('MSG_MORE delays the bytes until there are more', () => {
    const [client, server] = test.tcp();
    const bytes = new Uint8Array(8);
    kernel.send(client, bytes, 0, 3, MSG_MORE);
    expect(kernel.recv(server, bytes, 0, 8, MSG_DONTWAIT)).toBe(EAGAIN);
    kernel.send(client, bytes, 0, 2, 0);
    expect(kernel.recv(server, bytes, 0, 8, 0)).toBe(5);
  });

  it('a full socket accepts a part, then EAGAIN, and no byte is lost', () => {
    const [client, server] = test.tcp();
    kernel.setsockopt(server, SOL_SOCKET, SO_SNDBUF, 20_000);
    const block = Buffer.alloc(8_000_000, 'abcdefghijklmnop');
    let sent = 0;
    let short = 0;
    for (;;) {
      const count = kernel.send(server, block, sent, block.length - sent, 0);
      if (count === EAGAIN) break;
      expect(count).toBeGreaterThan(0);
      sent += count;
      if (sent < block.length) short++;
    }
    expect(short).toBeGreaterThan(0);
    expect(sent).toBeLessThan(block.length);
    const received = Buffer.alloc(sent);
    for (let at = 0; at < sent; ) at += kernel.recv(client, received, at, sent - at, 0);
    expect(received.equals(block.subarray(0, sent))).toBe(true);
  });

  it('recv returns 0 at end of file', () => {
    const [one, other] = test.pair();
    test.close(other);
    expect(kernel.recv(one, new Uint8Array(1), 0, 1, 0)).toBe(0);
  });

  it('a closed peer is EPIPE, without a signal', () => {
    // Node ignores SIGPIPE, but removing a listener for it restores the default: the signal ends the process.
    const script = `
      const listener = () => {};
      process.on('SIGPIPE', listener).off('SIGPIPE', listener);
      const { constants, kernel } = await import(process.argv[1]);
      const [one, other] = kernel.socketpair(constants.SOCK_STREAM);
      kernel.close(other);
      process.stdout.write(String(kernel.send(one, new Uint8Array(1), 0, 1, 0)));`;
    const binding = fileURLToPath(new URL('../../dist/sys/binding.js', import.meta.url));
    const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', script, binding]);
    expect({ result: Number(stdout), signal }).toEqual({ result: EPIPE, signal: null });
  });

  it('ENOTSOCK for other descriptors', () => {
    const [reader] = test.pipe();
    expect(kernel.recv(reader, new Uint8Array(1), 0, 1, 0)).toBe(ENOTSOCK);
  });
});

describe('read and write', () => {
  it('transfer bytes through a pipe', () => {
    const [reader, writer] = test.pipe();
    const bytes = Buffer.from('abc');
    expect(kernel.read(reader, bytes, 0, 3)).toBe(EAGAIN);
    expect(kernel.write(writer, bytes, 1, 2)).toBe(2);
    expect(kernel.read(reader, bytes, 0, 3)).toBe(2);
    expect(text(bytes)).toBe('bcc');
    test.close(writer);
    expect(kernel.read(reader, bytes, 0, 3)).toBe(0);
  });

  it('a pipe whose reader is closed is EPIPE, a full one EAGAIN', () => {
    const [, full] = test.pipe();
    const block = new Uint8Array(1 << 20);
    expect(kernel.write(full, block, 0, block.length)).toBeLessThan(block.length);
    expect(kernel.write(full, block, 0, 1)).toBe(EAGAIN);
    const [reader, writer] = test.pipe();
    test.close(reader);
    expect(kernel.write(writer, block, 0, 1)).toBe(EPIPE);
  });

  it('pipe2 with unknown flags is EINVAL', () => {
    expect(kernel.pipe2(O_NONBLOCK | 1)).toBe(EINVAL);
    expect(() => kernel.pipe2('0' as never)).toThrow('flags must be an integer');
  });
});

describe('sendfile', () => {
  const file = (content: string) => {
    const path = join(test.directory(), 'file');
    writeFileSync(path, content);
    return { path, fd: test.own('open', openSync(path, 'r')) };
  };

  it.each([
    ['all', 0, 10, '0123456789'],
    ['a part', 3, 4, '3456'],
    ['beyond the end', 8, 1_000_000, '89'],
    ['at the end', 10, 5, ''],
    ['far beyond', 2 ** 40, 5, ''],
    ['nothing', 0, 0, ''],
  ])('%s', (_, offset, count, expected) => {
    const [one, other] = test.pair(SOCK_STREAM | SOCK_NONBLOCK);
    expect(kernel.sendfile(one, file('0123456789').fd, offset, count)).toBe(expected.length);
    const bytes = new Uint8Array(20);
    const received = kernel.recv(other, bytes, 0, 20, 0);
    expect(expected === '' ? received : text(bytes.subarray(0, received))).toBe(expected === '' ? EAGAIN : expected);
  });

  it('sends from beyond 4 GiB', () => {
    const { path, fd } = file('');
    const size = 5 * 2 ** 30;
    truncateSync(path, size); // a hole
    const [one, other] = test.pair();
    expect(kernel.sendfile(one, fd, size - 3, 100)).toBe(3);
    expect(kernel.recv(other, new Uint8Array(10), 0, 10, 0)).toBe(3);
    expect(kernel.pread(fd, new Uint8Array(10), 0, 10, size - 4)).toBe(4);
  });

  it('stops when the socket is full', () => {
    const [client, server] = test.tcp();
    const { path, fd } = file('');
    truncateSync(path, 64 * 2 ** 20);
    let sent = 0;
    let count = 0;
    do {
      sent += count;
      count = kernel.sendfile(server, fd, sent, 64 * 2 ** 20);
    } while (count > 0);
    expect(count).toBe(EAGAIN);
    expect(sent).toBeGreaterThan(0);
    expect(kernel.recv(client, new Uint8Array(1), 0, 1, 0)).toBe(1);
  });

  it('a closed peer is EPIPE', () => {
    const [one, other] = test.pair();
    test.close(other);
    expect(kernel.sendfile(one, file('x').fd, 0, 1)).toBe(EPIPE);
  });

  it.each([
    ['a negative offset', -1, 1, RangeError, 'offset must be from 0'],
    ['an offset beyond integers', 2 ** 53, 1, RangeError, 'offset must be from 0'],
    ['a fractional count', 0, 0.5, TypeError, 'count must be an integer'],
    ['a bigint', 0n, 1, TypeError, 'offset must be an integer'],
  ])('invalid arguments: %s', (_, offset, count, type, message) => {
    expect(() => kernel.sendfile(-1, -1, offset as number, count)).toThrow(type);
    expect(() => kernel.sendfile(-1, -1, offset as number, count)).toThrow(message);
  });
});

describe('readv and writev', () => {
  it('gather and scatter; sockets and pipes', () => {
    for (const [reader, writer] of [test.pipe(), test.pair()]) {
      expect(kernel.writev(writer, [Buffer.from('ab'), new Uint8Array(0), Buffer.from('cde')])).toBe(5);
      const parts = [Buffer.alloc(1, '.'), Buffer.alloc(3, '.'), Buffer.alloc(3, '.')];
      expect(kernel.readv(reader, parts)).toBe(5);
      expect(text(Buffer.concat(parts))).toBe('abcde..');
      expect(kernel.readv(reader, parts)).toBe(EAGAIN);
    }
  });

  it('up to 1024 buffers', () => {
    const [reader, writer] = test.pipe();
    const many = (count: number) => Array.from({ length: count }, () => Buffer.from('x'));
    expect(kernel.writev(writer, many(1024))).toBe(1024);
    expect(kernel.readv(reader, many(1024))).toBe(1024);
    expect(kernel.writev(writer, many(1025))).toBe(EINVAL);
    expect(kernel.readv(reader, many(1025))).toBe(EINVAL);
    expect(kernel.writev(writer, [])).toBe(0);
  });

  it.each([[undefined], [null], ['ab'], [[1]], [[new ArrayBuffer(1)]], [{ length: 1, 0: new Uint8Array(1) }]])(
    '%s is not an array of Uint8Arrays',
    (buffers) => {
      for (const call of [kernel.readv, kernel.writev])
        expect(() => call(-1, buffers as unknown as Uint8Array[])).toThrow('buffers must be an array of Uint8Arrays');
    },
  );
});
