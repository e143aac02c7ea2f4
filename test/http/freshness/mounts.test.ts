import { spawnSync } from 'node:child_process';
import { mkdirSync, readlinkSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serve } from '../../../src/index.js';
import { kernel as realKernel } from '../../../src/sys/binding.js';
import { ENOENT, EPERM } from '../../../src/sys/errno.js';
import type { Kernel } from '../../../src/sys/kernel.js';
import { makeWatchedDirectory } from '../../support/changer.js';
import { type Command, command, MAIN } from '../../support/command.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { OLD_ENOUGH_MS, settled } from '../../support/directory.js';
import { permits } from '../../support/needs.js';
import { exchange, request, sleep } from '../../support/raw-client.js';

/** A mount namespace of its own, mount_namespaces(7). */
const OWN_MOUNTS = ['unshare', '--mount'];
const mayMount = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/tmp']).status === 0;

const REVALIDATE_MS = 100;

let directory: ReturnType<typeof makeWatchedDirectory>;
const path = (name: string): string => join(directory.path, name);
const put = (name: string, content: string): void => writeFileSync(path(name), content);

/** The root with a subdirectory, and other directories next to the root. */
beforeEach(() => {
  directory = makeWatchedDirectory();
  for (const name of ['root', 'root/sub', 'other', 'more']) mkdirSync(path(name));
  for (const [name, content] of [
    ['root/sub/a.txt', 'under'],
    ['root/a.txt', 'under'],
    ['other/a.txt', 'over'],
  ] as const)
    put(name, content);
});

afterEach(() => directory[Symbol.dispose]());

describe.runIf(permits(mayMount, 'mounts', 'a mount namespace is not allowed'))('a mount', () => {
  let server: Command;
  let port: number;

  const start = async (revalidateMs: number, more: readonly string[] = []): Promise<void> => {
    const flags = ['--port', '0', '--revalidate-ms', String(revalidateMs), ...more];
    server = command([path('root'), ...flags], { wrapper: OWN_MOUNTS });
    port = await server.port();
    await settled();
  };

  afterEach(async () => server[Symbol.asyncDispose]());

  const textOf = async (target: string): Promise<string> => (await exchange(port, request(target))).body.toString();
  /** Runs a command in the mount namespace of the server. */
  const inNamespace = (...argv: string[]): void => {
    const { status, stderr } = spawnSync('nsenter', [`--target=${server.process.pid}`, '--mount', ...argv]);
    expect([status, stderr.toString()]).toEqual([0, '']);
  };
  const expectText = async (target: string, expected: string): Promise<void> => {
    for (let time = 0; time < 3; time++) expect(await textOf(target)).toBe(expected);
  };

  test.each([
    ['below the root', 'root/sub', '/sub/a.txt'],
    ['over the root', 'root', '/a.txt'],
  ])('%s is seen by the next request, and so are changes in it', async (_, where, target) => {
    await start(10_000);
    await expectText(target, 'under');
    inNamespace('mount', '--bind', path('other'), path(where));
    await expectText(target, 'over');
    put('other/a.txt', 'over, and edited');
    await settled();
    await expectText(target, 'over, and edited');
    put('other/a.txt', 'edited once more');
    expect(await textOf(target)).toBe('edited once more');
    inNamespace('umount', '--lazy', path(where));
    await expectText(target, 'under');
    put(`${where}/a.txt`, 'under, and edited');
    expect(await textOf(target)).toBe('under, and edited');
  });

  /** [file, request, its fields, flags of the command] */
  const MOUNTED: [subject: string, name: string, target: string, fields: string[], flags: string[]][] = [
    ['a page', 'a.txt', '/a.txt', [], []],
    ['a page in a directory', 'sub/a.txt', '/sub/a.txt', [], []],
    ['a page by a symlink', 'a.txt', '/link.txt', [], []],
    ['a page sent by descriptor', 'a.txt', '/a.txt', [], ['--max-cached-file-bytes', '0']],
    ['a precompressed file', 'b.txt.br', '/b.txt', ['Accept-Encoding: br'], []],
    ['404.html', '404.html', '/nowhere', [], []],
    ['a fallback', 'app.html', '/route', ['Accept: text/html'], ['--fallback', 'app.html']],
  ];

  test.each(MOUNTED)('of a single file, %s, is polled', async (_, name, target, fields, flags) => {
    for (const each of ['a.txt', 'b.txt', 'b.txt.br', '404.html', 'app.html']) put(`root/${each}`, 'under');
    symlinkSync('a.txt', path('root/link.txt'));
    put('other/host.txt', 'written 1');
    await start(REVALIDATE_MS, flags);
    inNamespace('mount', '--bind', path('other/host.txt'), path(`root/${name}`));
    const tags = new Set<string | null>();
    for (let version = 1; version <= 3; version++) {
      put('other/host.txt', `written ${version}`);
      await sleep(REVALIDATE_MS + OLD_ENOUGH_MS);
      for (let time = 0; time < 2; time++) {
        const { body, field } = await exchange(port, request(target, fields));
        expect(body.toString()).toBe(`written ${version}`);
        tags.add(field('ETag'));
      }
    }
    expect(tags.size).toBe(name === '404.html' ? 1 : 3);
  });

  test('of a single file is seen below a mounted directory too, and its neighbours are watched', async () => {
    await start(10_000);
    inNamespace('mount', '--bind', path('other'), path('root/sub'));
    put('other/b.txt', 'neighbour');
    put('more/host.txt', 'mounted');
    inNamespace('mount', '--bind', path('more/host.txt'), path('root/sub/a.txt'));
    const reasonFor = (target: string): string => {
      const argv = [process.execPath, MAIN, 'explain', target, path('root')];
      return spawnSync('nsenter', [`--target=${server.process.pid}`, '--mount', ...argv]).stdout.toString();
    };
    expect(reasonFor('/sub/a.txt')).toMatch(/the file is a mount of its own/);
    expect(reasonFor('/sub/b.txt')).toMatch(/changes on its path, down to the file, are reported/);
  });

  test('a mounted filesystem without inotify events is polled', async () => {
    await start(REVALIDATE_MS);
    await expectText('/sub/a.txt', 'under');
    const layers = `lowerdir=${path('other')}:${path('more')}`;
    inNamespace('mount', '-t', 'overlay', 'none', '-o', layers, path('root/sub'));
    await expectText('/sub/a.txt', 'over');
    put('other/a.txt', 'a layer, unreported');
    await sleep(REVALIDATE_MS + 10);
    await expectText('/sub/a.txt', 'a layer, unreported');
  });
});

test.each<[string, Partial<Kernel>]>([
  [
    'no /proc',
    {
      openat: (directory, name, flags) =>
        String(name).endsWith('/mountinfo') ? ENOENT : realKernel.openat(directory, name, flags),
    },
  ],
  [
    'not pollable',
    {
      epollCtl: (set, operation, fd, ...args) =>
        isMountinfo(fd) ? EPERM : realKernel.epollCtl(set, operation, fd, ...args),
    },
  ],
])('if mounts cannot be watched (%s), a directory is compared on revalidation', async (_, calls) => {
  let passedMs = 0;
  let isLossy = false;
  const kernel = kernelWith({
    ...calls,
    monotonicMs: () => realKernel.monotonicMs() + passedMs,
    read(fd, bytes, offset, length) {
      while (isLossy && realKernel.read(fd, bytes, offset, length) > 0);
      return realKernel.read(fd, bytes, offset, length);
    },
  });
  await using server = serve({ port: 0, root: path('root'), kernel });
  const textOf = async (target: string) => (await exchange(server.port, request(target))).body.toString();
  put('root/sub/b.txt', 'under');
  await settled();
  for (const name of ['a.txt', 'b.txt', 'a.txt', 'b.txt']) expect(await textOf(`/sub/${name}`)).toBe('under');
  isLossy = true;
  renameSync(path('root/sub'), path('before'));
  renameSync(path('other'), path('root/sub'));
  expect(await textOf('/sub/a.txt')).toBe('under');
  isLossy = false;
  passedMs += 30_000;
  expect(await textOf('/sub/a.txt')).toBe('over');
  expect(await textOf('/sub/b.txt')).toMatch(/^Not found\./);
  put('root/sub/a.txt', 'reported');
  expect(await textOf('/sub/a.txt')).toBe('reported');
});

function isMountinfo(fd: number): boolean {
  return readlinkSync(`/proc/self/fd/${fd}`).endsWith('/mountinfo');
}
