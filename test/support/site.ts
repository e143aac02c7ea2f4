import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';

export const KIB = 1024;
export const MIB = 1024 * KIB;

/** Sizes around the border between files in memory and files by sendfile, and beyond any socket buffer. */
export const SIZES = [0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1, MIB, 8 * MIB];

/** As many symlinks as the kernel follows in one path, and one more. */
const CHAINS = [40, 41];

export interface Site {
  /** The directory to serve. */
  readonly root: string;
  /** A directory next to it, with `secret.txt`. */
  readonly outside: string;
  /** Whether there is a device, which only root can make. */
  readonly hasDevice: boolean;
  path(name: string): string;
  /** Writes a file whose modification is an hour ago. */
  write(name: string, content: string | Uint8Array): void;
  remove(): Promise<void>;
}

/** Large ones, which take 10 ms a MiB to make. */
const contents = new Map<number, Buffer>();

/** Content that differs at every position, so that a shifted or mixed response is noticed. */
export function contentOf(size: number): Buffer {
  const content = contents.get(size) ?? newContent(size);
  if (size >= MIB) contents.set(size, content);
  return Buffer.from(content); // a test may change it
}

function newContent(size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let state = 0x9e3779b9 ^ size;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export const SECRET = 'not to be served';
export const HELLO = 'hello, world\n';

/** A directory with everything that can be odd in one: symlinks in and out, loops, odd names, a FIFO, a socket, a device. */
export async function makeSite(): Promise<Site> {
  const base = mkdtempSync(join(tmpdir(), 'epollet-site-'));
  const root = join(base, 'root');
  const outside = join(base, 'outside');
  const path = (name: string): string => join(root, name);
  const write = (name: string | Buffer, content: string | Uint8Array): void => {
    const whole = typeof name === 'string' ? path(name) : Buffer.concat([Buffer.from(`${root}/`), name]);
    writeFileSync(whole, content);
    const second = Math.floor(Date.now() / 1000) - 3600;
    utimesSync(whole, second, second);
  };
  const directories = ['sub', 'sub/inner', 'bare', '.git', '.well-known', '.well-known/.more', 'sub/.well-known'];
  for (const directory of ['', ...directories, '&odd dir%', 'evil.example']) {
    mkdirSync(path(directory));
  }
  mkdirSync(outside);
  writeFileSync(join(outside, 'secret.txt'), SECRET);

  write('index.html', '<!doctype html><title>index</title>\n');
  write('hello.txt', HELLO);
  write('sub/index.html', '<title>sub</title>\n');
  write('sub/inner/deep.txt', 'deep\n');
  write('evil.example/index.html', '<title>not evil</title>\n');
  write('&odd dir%/index.html', '<title>odd</title>\n');
  write('bare/file.txt', 'bare\n');
  for (const size of SIZES) write(`${size}.bin`, contentOf(size));

  for (const dotted of [
    '.hidden',
    '.git/config',
    'sub/.well-known/x.txt',
    '.well-known/.secret',
    '.well-known/.more/x',
  ])
    write(dotted, SECRET);
  write('.well-known/security.txt', 'Contact: x\n');
  write('with space.txt', 'space\n');
  write('ünï.txt', 'utf-8\n');
  write(Buffer.from('latin\xfc\xff.txt', 'latin1'), 'bytes\n');
  write('a#b?c%d.txt', 'signs\n');
  write('q"uo\\te.txt', 'quotes\n');
  write('...txt', SECRET);
  write('a..b.txt', 'dots\n');

  const links: [name: string, target: string][] = [
    ['in-link', 'hello.txt'],
    ['dir-link', 'sub'],
    ['dir-link-slash', 'sub/'],
    ['file-link-slash', 'hello.txt/'],
    ['out-link', '../outside/secret.txt'],
    ['out-dir-link', '../outside'],
    ['out-and-back', `../${basename(root)}/hello.txt`],
    ['abs-in', path('hello.txt')],
    ['abs-out', join(outside, 'secret.txt')],
    ['abs-proc', '/proc/self/root'],
    ['dotdot', '..'],
    ['dangling', 'nowhere'],
    ['self', 'self'],
    ['loop-a', 'loop-b'],
    ['loop-b', 'loop-a'],
    ['sub/up', '../hello.txt'],
    ['sub/up-up', '../../outside/secret.txt'],
    ['sub/back', '..'],
    ['sub/round', '../sub/../sub/inner/../inner/deep.txt'],
  ];
  for (const length of CHAINS) {
    for (let i = 1; i <= length; i++)
      links.push([`chain${length}-${i}`, i === length ? 'hello.txt' : `chain${length}-${i + 1}`]);
  }
  for (const [name, target] of links) symlinkSync(target, path(name));

  execFileSync('mkfifo', [path('fifo')]);
  const socket = await listenOn(path('socket'));
  const hasDevice = makesDevice(path('device'));

  return {
    root,
    outside,
    hasDevice,
    path,
    write,
    async remove() {
      await new Promise((resolve) => socket.close(resolve));
      rmSync(base, { recursive: true, force: true });
    },
  };
}

function listenOn(path: string): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer((peer) => peer.destroy());
    server.listen(path, () => resolve(server));
  });
}

function makesDevice(path: string): boolean {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync('mknod', [path, 'c', '1', '5'], { stdio: 'ignore' }); // /dev/zero: read to its end, it has none
    return true;
  } catch {
    return false;
  }
}
