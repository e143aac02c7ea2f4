import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { constants, kernel } from '../../src/sys/binding.js';
import { check, systemError } from '../../src/sys/errno.js';
import type { SocketAddress } from '../../src/sys/kernel.js';

const { AF_INET, O_NONBLOCK, SOCK_NONBLOCK, SOCK_STREAM } = constants;

/** Descriptors and directories of a test: closed and removed after each test of the calling file. */
export function testDescriptors() {
  const open = new Set<number>();
  const directories: string[] = [];

  const own = (syscall: string, fd: number): number => {
    open.add(check(syscall, fd));
    return fd;
  };
  const ownBoth = (syscall: string, pair: [number, number] | number): [number, number] => {
    if (typeof pair === 'number') throw systemError(syscall, pair);
    for (const fd of pair) open.add(fd);
    return pair;
  };

  afterEach(() => {
    for (const fd of open) kernel.close(fd);
    open.clear();
    for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
  });

  return {
    own,
    close(fd: number): void {
      open.delete(fd);
      check('close', kernel.close(fd));
    },
    /** Non-blocking, unless flags are given. */
    pipe: (flags = O_NONBLOCK) => ownBoth('pipe2', kernel.pipe2(flags)),
    /** Non-blocking stream sockets, unless a type is given. */
    pair: (type = SOCK_STREAM | SOCK_NONBLOCK) => ownBoth('socketpair', kernel.socketpair(type)),
    /** A listening socket and its address. */
    listen(address = '127.0.0.1', domain = AF_INET): { fd: number; at: SocketAddress } {
      const fd = own('socket', kernel.socket(domain, SOCK_STREAM | SOCK_NONBLOCK, 0));
      check('bind', kernel.bind(fd, address, 0));
      check('listen', kernel.listen(fd, 16));
      return { fd, at: addressOf(kernel.getsockname(fd)) };
    },
    /** [client, server], connected over 127.0.0.1. */
    tcp(): [number, number] {
      const listener = own('socket', kernel.socket(AF_INET, SOCK_STREAM, 0));
      check('bind', kernel.bind(listener, '127.0.0.1', 0));
      check('listen', kernel.listen(listener, 1));
      const client = own('socket', kernel.socket(AF_INET, SOCK_STREAM, 0));
      check('connect', kernel.connect(client, '127.0.0.1', addressOf(kernel.getsockname(listener)).port));
      return [client, own('accept4', kernel.accept4(listener, SOCK_NONBLOCK))];
    },
    directory(): string {
      const directory = mkdtempSync(join(tmpdir(), 'epollet-'));
      directories.push(directory);
      return directory;
    },
    fifo(): string {
      const path = join(this.directory(), 'fifo');
      execFileSync('mkfifo', [path]);
      return path;
    },
  };
}

export function addressOf(address: SocketAddress | number): SocketAddress {
  if (typeof address === 'number') throw systemError('getsockname', address);
  return address;
}

/** The number of open descriptors of this process, always including the one of the directory read itself. */
export const countDescriptors = (): number => readdirSync('/proc/self/fd').length;

/** The open(2) flags of a descriptor, proc_pid_fdinfo(5); O_CLOEXEC among them. */
export function flagsOf(fd: number): number {
  const line = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'));
  return Number.parseInt(line![1]!, 8);
}
