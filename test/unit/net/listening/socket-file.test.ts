import { once } from 'node:events';
import { existsSync, lstatSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { Listener } from '../../../../src/net/listener.js';
import { constants, kernel } from '../../../../src/sys/binding.js';

const { AF_INET, AF_UNIX, SOCK_DGRAM, SOCK_NONBLOCK, SOCK_STREAM, F_GETFD } = constants;

const directory = mkdtempSync(join(tmpdir(), 'epollet-unix-'));
afterAll(() => rmSync(directory, { recursive: true }));

const open: { close(): void }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});
const listen = (path: string, mode: number | null = null) => {
  const listener = Listener.open(kernel, { kind: 'unix', path, mode });
  open.push(listener);
  return listener;
};
const socket = (family: number, type: number) => {
  const fd = kernel.socket(family, type, 0);
  open.push({ close: () => void kernel.close(fd) });
  return fd;
};
let paths = 0;
const newPath = () => join(directory, `${paths++}.sock`);

describe('a Unix socket', () => {
  it.each([
    [null, 0o666],
    [0o600, 0o600],
    [0o020, 0o020],
  ])('with mode %o has the permissions %o, whatever the umask', (mode, expected) => {
    const path = newPath();
    const listener = listen(path, mode);
    expect(lstatSync(path).mode & 0o777).toBe(expected);
    expect([listener.url, listener.isTcp, listener.queued]).toEqual([`unix:${path}`, false, 0]);
    listener.close();
    expect(existsSync(path)).toBe(false);
  });

  it('accepts what connected before its file was removed', async () => {
    const path = newPath();
    const listener = listen(path);
    const client = createConnection(path);
    open.push({ close: () => void client.destroy() });
    await new Promise((resolve) => client.once('connect', resolve));
    listener.withdraw();
    expect(existsSync(path)).toBe(false);
    const fd = kernel.accept4(listener.fd, SOCK_NONBLOCK);
    expect(fd).toBeGreaterThan(0);
    kernel.close(fd);
    listen(path);
    listener.close();
    expect(existsSync(path)).toBe(true);
  });

  it('that is stale is replaced; one that lives, a file, a directory and a symlink are not', () => {
    const path = newPath();
    expect(kernel.bind(socket(AF_UNIX, SOCK_STREAM), path, 0)).toBe(0);
    listen(path);
    const listenText = `unix:${path}`;
    expect(() => listen(path)).toThrow(
      expect.objectContaining({ code: 'EADDRINUSE', address: path, listen: listenText }),
    );
    const file = newPath();
    writeFileSync(file, 'x');
    const link = newPath();
    symlinkSync(path, link);
    for (const each of [file, directory, link])
      expect(() => listen(each)).toThrow(expect.objectContaining({ code: 'EADDRINUSE', isFile: true }));
    expect(lstatSync(file).size).toBe(1);
    expect(() => listen(join(directory, 'missing', 'x'))).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(() => listen(`/${'x'.repeat(107)}`)).toThrow(expect.objectContaining({ code: 'ENAMETOOLONG' }));
  });

  it('that is stale or not there is of one server only, of several that start in the same instant', async () => {
    const paths = Array.from({ length: 40 }, newPath);
    for (const path of paths.slice(10)) {
      const fd = kernel.socket(AF_UNIX, SOCK_STREAM, 0);
      kernel.bind(fd, path, 0);
      kernel.close(fd);
    }
    const threads = 2;
    const gates = new Int32Array(new SharedArrayBuffer(8 * paths.length));
    const outcomes = await Promise.all(
      Array.from({ length: threads }, async () => {
        const rival = new Worker(new URL('fixtures/rival.mjs', import.meta.url), {
          workerData: { paths, threads, gates },
        });
        const [outcome] = await once(rival, 'message');
        await rival.terminate();
        return outcome as string[];
      }),
    );
    const together = paths.map((_, at) => outcomes.map((each) => each[at]).sort());
    expect(together).toEqual(paths.map(() => ['EADDRINUSE', 'listens']));
  });

  it('is opened although another process has locked its directory', () => {
    const fd = kernel.openat(constants.AT_FDCWD, directory, constants.O_DIRECTORY);
    open.push({ close: () => void kernel.close(fd) });
    expect(kernel.flock(fd, constants.LOCK_EX)).toBe(0);
    expect(listen(newPath()).isOwned).toBe(true);
  });

  it('with an abstract name has no file, and is refused if it lives', () => {
    const name = `\0epollet-${process.pid}`;
    const listener = listen(name);
    expect(listener.url).toBe(`unix:@epollet-${process.pid}`);
    expect(() => listen(name)).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }));
    listener.close();
    listen(name);
  });
});

describe('adopt', () => {
  const adopt = (fd: number, owned = false) => Listener.adopt(kernel, fd, { owned });

  it('takes a listening socket, which stays open unless it is owned', () => {
    const { fd, address } = Listener.open(kernel, { kind: 'tcp', host: '127.0.0.1', port: 0 });
    const first = adopt(fd);
    expect(first.address).toEqual(address);
    first.close();
    expect(kernel.fcntl(fd, F_GETFD)).toBeGreaterThanOrEqual(0);
    adopt(fd, true).close();
    expect(() => adopt(fd)).toThrow(expect.objectContaining({ code: 'EBADF', listen: `fd:${fd}` }));
  });

  it.each<[code: string, fd: () => number]>([
    ['EINVAL', () => socket(AF_INET, SOCK_STREAM)],
    ['EINVAL', () => socket(AF_INET, SOCK_DGRAM)],
    [
      'ENOTSOCK',
      () => {
        const fd = kernel.eventfd(0, 0);
        open.push({ close: () => void kernel.close(fd) });
        return fd;
      },
    ],
    [
      'EPROTOTYPE',
      () => {
        const fd = socket(AF_UNIX, constants.SOCK_SEQPACKET);
        kernel.bind(fd, `\0epollet-seq-${process.pid}`, 0);
        kernel.listen(fd, 1);
        return fd;
      },
    ],
  ])('throws %s for another descriptor', (code, fd) => {
    expect(() => adopt(fd())).toThrow(expect.objectContaining({ code }));
  });
});
