import { spawnSync } from 'node:child_process';
import { mkdirSync, readlinkSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { serve } from '../../../src/index.js';
import { kernel as realKernel } from '../../../src/sys/binding.js';
import { ENOENT, EPERM } from '../../../src/sys/errno.js';
import type { Kernel } from '../../../src/sys/kernel.js';
import { tellingFolder } from '../../support/changer.js';
import { type Command, command } from '../../support/command.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { settled } from '../../support/directory.js';
import { permits } from '../../support/needs.js';
import { exchange, request, sleep } from '../../support/raw-client.js';

/** A process sees its own mounts, mount_namespaces(7). */
const APART = ['unshare', '--mount'];
const mayMount = spawnSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'none', '/tmp']).status === 0;

const FRESHNESS_MS = 100;

let directory: ReturnType<typeof tellingFolder>;
const path = (name: string): string => join(directory.path, name);
const put = (name: string, content: string): void => writeFileSync(path(name), content);

/** The root with a folder in it, and other folders beside the root. */
beforeEach(() => {
  directory = tellingFolder();
  for (const name of ['root', 'root/sub', 'other', 'more']) mkdirSync(path(name));
  for (const [name, content] of [
    ['root/sub/a.txt', 'under'],
    ['root/a.txt', 'under'],
    ['other/a.txt', 'over'],
  ] as const)
    put(name, content);
});

afterEach(() => directory[Symbol.dispose]());

describe.runIf(permits(mayMount, 'mounts', 'a mount namespace is not allowed'))('what is mounted', () => {
  let server: Command;
  let port: number;

  const start = async (revalidateMs: number): Promise<void> => {
    const flags = ['--port', '0', '--revalidate-ms', String(revalidateMs)];
    server = command([path('root'), ...flags], { wrapper: APART });
    port = await server.port();
    await settled();
  };

  afterEach(async () => server[Symbol.asyncDispose]());

  const textOf = async (target: string): Promise<string> => (await exchange(port, request(target))).body.toString();
  /** Where the server is. */
  const there = (...words: string[]): void => {
    const { status, stderr } = spawnSync('nsenter', [`--target=${server.process.pid}`, '--mount', ...words]);
    expect([status, stderr.toString()]).toEqual([0, '']);
  };
  const kept = async (target: string, expected: string): Promise<void> => {
    for (let time = 0; time < 3; time++) expect(await textOf(target)).toBe(expected);
  };

  test.each([
    ['below the root', 'root/sub', '/sub/a.txt'],
    ['over the root', 'root', '/a.txt'],
  ])('%s is seen by the next request, and so is what changes in it', async (_, where, target) => {
    await start(10_000);
    await kept(target, 'under');
    there('mount', '--bind', path('other'), path(where));
    await kept(target, 'over');
    put('other/a.txt', 'over, and edited');
    await settled();
    await kept(target, 'over, and edited');
    put('other/a.txt', 'edited once more');
    expect(await textOf(target)).toBe('edited once more');
    there('umount', '--lazy', path(where));
    await kept(target, 'under');
    put(`${where}/a.txt`, 'under, and edited');
    expect(await textOf(target)).toBe('under, and edited');
  });

  test('a file system that does not tell of all changes is not taken for the one that was there', async () => {
    await start(FRESHNESS_MS);
    await kept('/sub/a.txt', 'under');
    const layers = `lowerdir=${path('other')}:${path('more')}`;
    there('mount', '-t', 'overlay', 'none', '-o', layers, path('root/sub'));
    await kept('/sub/a.txt', 'over');
    put('other/a.txt', 'a layer, and nobody is told');
    await sleep(FRESHNESS_MS + 10);
    await kept('/sub/a.txt', 'a layer, and nobody is told');
  });
});

test.each<[string, Partial<Kernel>]>([
  [
    'there is no /proc',
    {
      openat: (directory, name, flags) =>
        String(name).endsWith('/mountinfo') ? ENOENT : realKernel.openat(directory, name, flags),
    },
  ],
  [
    'it cannot be waited for',
    {
      epollCtl: (set, operation, fd, ...args) =>
        isMountinfo(fd) ? EPERM : realKernel.epollCtl(set, operation, fd, ...args),
    },
  ],
])('where nobody says what is mounted, %s, a folder is compared when it is looked at', async (_, calls) => {
  let passedMs = 0;
  let isDeaf = false;
  const kernel = kernelWith({
    ...calls,
    monotonicMs: () => realKernel.monotonicMs() + passedMs,
    read(fd, bytes, offset, length) {
      while (isDeaf && realKernel.read(fd, bytes, offset, length) > 0);
      return realKernel.read(fd, bytes, offset, length);
    },
  });
  await using server = serve({ port: 0, root: path('root'), kernel });
  const textOf = async (target: string) => (await exchange(server.port, request(target))).body.toString();
  put('root/sub/b.txt', 'under');
  await settled();
  for (const name of ['a.txt', 'b.txt']) expect(await textOf(`/sub/${name}`)).toBe('under');
  isDeaf = true;
  renameSync(path('root/sub'), path('before'));
  renameSync(path('other'), path('root/sub'));
  expect(await textOf('/sub/a.txt')).toBe('under');
  isDeaf = false;
  passedMs += 30_000;
  expect(await textOf('/sub/a.txt')).toBe('over');
  expect(await textOf('/sub/b.txt')).toMatch(/^There is nothing/);
  put('root/sub/a.txt', 'told of');
  expect(await textOf('/sub/a.txt')).toBe('told of');
});

function isMountinfo(fd: number): boolean {
  return readlinkSync(`/proc/self/fd/${fd}`).endsWith('/mountinfo');
}
