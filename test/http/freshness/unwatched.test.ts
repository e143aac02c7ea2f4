import { chmodSync, linkSync, mkdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ServeOptions } from '../../../src/index.js';
import { kernel as realKernel } from '../../../src/sys/binding.js';
import { EACCES, EMFILE, ENOSPC, ENOSYS } from '../../../src/sys/errno.js';
import { type Kernel, Stat } from '../../../src/sys/kernel.js';
import { kernelWith } from '../../support/counting-kernel.js';
import { settled } from '../../support/directory.js';
import { exchange, request, sleep } from '../../support/raw-client.js';
import { expectations, testVersions } from '../../support/versions.js';

const REVALIDATE_MS = 60_000;

const versions = testVersions();
const { path, put, start, turn, responseTo, expectVersion } = versions;

/** Watches succeed and report nothing, as for changes made by another machine. */
const nonNotifying = (type: number): Partial<Kernel> => {
  let wd = 0;
  return { fstatfs: () => type, inotifyAddWatch: () => ++wd, inotifyRmWatch: () => 0 };
};

/** The same below the root only; the path to it is watched. */
const nonNotifyingBelow = (type: number): Partial<Kernel> => {
  let wd = 1e6;
  const isBelow = (fd: number | string): boolean => readlinkSync(`/proc/self/fd/${fd}`).startsWith(versions.root);
  return {
    fstatfs: (fd) => (isBelow(fd) ? type : realKernel.fstatfs(fd)),
    inotifyAddWatch: (fd, place, mask) =>
      isBelow(String(place).replace('/proc/self/fd/', '')) ? ++wd : realKernel.inotifyAddWatch(fd, place, mask),
    inotifyRmWatch: (fd, wd) => (wd > 1e6 ? 0 : realKernel.inotifyRmWatch(fd, wd)),
  };
};

const REASONS: [reason: string, calls: Partial<Kernel>, limit: number, invalidation: string, unwatched: RegExp][] = [
  ['there is no inotify', { inotifyInit1: () => EMFILE }, 8192, 'ttl', /EMFILE/],
  ['seccomp forbids inotify', { inotifyInit1: () => ENOSYS }, 8192, 'ttl', /ENOSYS/],
  ['there is no watch left', { inotifyAddWatch: () => ENOSPC }, 8192, 'ttl', /^fs\.inotify\.max_user_watches$/],
  ['the directories may not be read', { inotifyAddWatch: () => EACCES }, 8192, 'ttl', /EACCES/],
  ['no watch is allowed', {}, 0, 'ttl', /^the limit of 0 watches$/],
  ['few watches are allowed', {}, 3, 'mixed', /^the limit of 3 watches$/],
  ['the files are on nfs', nonNotifying(0x6969), 8192, 'ttl', /nfs/],
  ['the files are on an overlay', nonNotifying(0x794c7630), 8192, 'ttl', /overlay/],
  ['the files are on 9p', nonNotifying(0x01021997), 8192, 'ttl', /9p/],
  ['the files are on nfs, the path to them is not', nonNotifyingBelow(0x6969), 8192, 'ttl', /nfs/],
  ['the filesystem is unknown', nonNotifying(ENOSYS), 8192, 'ttl', /file system/],
];

describe.each(REASONS)('%s', (_, calls, maxWatches, invalidation, unwatched) => {
  const limits = { revalidateMs: REVALIDATE_MS, maxWatches };
  let passedMs = 0;
  const kernel = kernelWith({ ...calls, monotonicMs: () => realKernel.monotonicMs() + passedMs });

  test('changes are seen after revalidateMs', async () => {
    start({ kernel, limits });
    for (let version = 1; version <= 4; version++) {
      const expected = expectations(version);
      if (version > 1) {
        turn(version);
        passedMs += REVALIDATE_MS;
      }
      for (const [target, response] of Object.entries(expected)) {
        expect([target, await responseTo(target)]).toEqual([target, response]);
        expect([target, await responseTo(target)]).toEqual([target, response]);
      }
      await settled(); // then everything is cached
      for (const [target, response] of Object.entries(expected)) {
        expect([target, await responseTo(target)]).toEqual([target, response]);
        expect([target, await responseTo(target)]).toEqual([target, response]);
      }
    }
    const files = versions.server.stats().files!;
    expect(files).toMatchObject({ invalidation, unwatchedReasons: [expect.stringMatching(unwatched)] });
    expect(files.watches).toBeLessThanOrEqual(maxWatches);
    expect(files.hits).toBeGreaterThan(0);
  });

  test('a retargeted root symlink is followed after revalidateMs', async () => {
    for (const release of ['one', 'two']) {
      mkdirSync(path(release));
      put(`${release}/a.txt`, release);
    }
    symlinkSync('one', path('current'));
    start({ root: path('current'), kernel, limits });
    await settled();
    for (const release of ['two', 'one', 'two']) {
      expect(await responseTo('/a.txt')).toBe(`200 ${release === 'two' ? 'one' : 'two'}`);
      symlinkSync(release, path('next'));
      renameSync(path('next'), path('current'));
      passedMs += REVALIDATE_MS;
      expect(await responseTo('/a.txt')).toBe(`200 ${release}`);
    }
  });
});

describe('statistics of watched and polled entries', () => {
  const stats = () => {
    const { invalidation, watchedEntries, polledEntries, unwatchedReasons, entries } = versions.server.stats().files!;
    expect(watchedEntries + polledEntries).toBe(entries);
    return [invalidation, watchedEntries, polledEntries, unwatchedReasons];
  };
  const twice = async (target: string): Promise<void> => {
    await settled();
    expect((await responseTo(target)).slice(0, 3)).toBe('200');
    await responseTo(target);
  };

  test.each<[reason: string, options: Partial<ServeOptions>, target: string, unwatched: string]>([
    ['there is no openat2', { kernel: kernelWith({ openat2: () => ENOSYS }) }, '/small.txt', 'no openat2'],
    ['a file has two names', {}, '/second.txt', 'hard links'],
    ['a symlink escapes the root', { symlinks: 'follow' }, '/out.txt', 'symlinks out of the root'],
    ['a listing is cached', { directoryListing: true }, '/in/', 'listings'],
    [
      'a directory has no watch',
      {
        kernel: kernelWith({
          inotifyAddWatch: (fd, place, mask) =>
            readlinkSync(String(place)).endsWith('/in') ? ENOSPC : realKernel.inotifyAddWatch(fd, place, mask),
        }),
      },
      '/in/deep.txt',
      'fs.inotify.max_user_watches',
    ],
  ])('%s', async (_, options, target, unwatched) => {
    linkSync(path('small.txt'), path('second.txt'));
    symlinkSync(fileURLToPath(import.meta.url), path('out.txt'));
    start({ limits: { revalidateMs: 60_000 }, ...options });
    expect(stats()).toEqual(['inotify', 0, 0, []]);
    await twice(target);
    expect(stats()).toEqual(['ttl', 0, 1, [unwatched]]);
    await twice('/app.js');
    const isWatched = unwatched !== 'no openat2';
    expect(stats()).toEqual(isWatched ? ['mixed', 1, 1, [unwatched]] : ['ttl', 0, 2, [unwatched]]);
  });

  test('a former reason is not reported', async () => {
    linkSync(path('small.txt'), path('second.txt'));
    start({ limits: { revalidateMs: 0 } });
    await twice('/small.txt');
    expect(stats()).toEqual(['ttl', 0, 1, ['hard links']]);
    rmSync(path('second.txt'));
    await twice('/small.txt');
    expect(stats()).toEqual(['inotify', 1, 0, []]);
  });

  test('a missing directory does not count as a listing', async () => {
    start({ directoryListing: true });
    await settled();
    for (let time = 0; time < 2; time++) expect(await responseTo('/nowhere/')).toMatch(/^404/);
    expect(stats()).toEqual(['inotify', 1, 0, []]);
  });

  test('a failed watch on the path of the root is reported', async () => {
    const inotifyAddWatch: Kernel['inotifyAddWatch'] = (fd, place, mask) =>
      readlinkSync(String(place)).startsWith(versions.root) ? realKernel.inotifyAddWatch(fd, place, mask) : EACCES;
    start({ kernel: kernelWith({ inotifyAddWatch }) });
    await twice('/small.txt');
    expect(stats()).toEqual(['inotify', 1, 0, ['EACCES: permission denied, inotify_add_watch']]);
  });
});

test('with some directories watched and some not, each entry is invalidated as soon as possible', async () => {
  const above = versions.root.split('/').length - 1;
  let passedMs = 0;
  const kernel = kernelWith({ monotonicMs: () => realKernel.monotonicMs() + passedMs });
  start({ kernel, limits: { revalidateMs: 10_000, maxWatches: above + 1 } });
  await settled();
  const both = async () => [await responseTo('/small.txt'), await responseTo('/in/deep.txt')];
  for (let time = 0; time < 2; time++) expect(await both()).toEqual(['200 version 1', '200 deep 1']);
  put('small.txt', 'reported');
  put('in/deep.txt', 'polled');
  expect([await responseTo('/small.txt'), await responseTo('/in/deep.txt')]).toEqual(['200 reported', '200 deep 1']);
  passedMs = 10_000;
  expect(await responseTo('/in/deep.txt')).toBe('200 polled');
  await settled();
  for (const target of ['/in/deep.txt', '/small.txt', '/large.bin', '/large.bin']) await responseTo(target);
  expect(versions.server.stats().files).toMatchObject({
    invalidation: 'mixed',
    watchedEntries: 2,
    polledEntries: 1,
    unwatchedReasons: [`the limit of ${above + 1} watches`],
    watches: above + 1,
  });
});

describe('a failed watch is retried:', () => {
  let passedMs: number;
  let failing: boolean;
  let attempts: number;
  const kernel = kernelWith(
    {
      monotonicMs: () => realKernel.monotonicMs() + passedMs,
      openat2: (...args) => (failing ? EACCES : realKernel.openat2(...args)),
      inotifyAddWatch: (...args) => (failing ? EACCES : realKernel.inotifyAddWatch(...args)),
    },
    { inotifyAddWatch: () => attempts++ },
  );
  const limits = { revalidateMs: 10_000 };

  beforeEach(() => {
    passedMs = attempts = 0;
    failing = false;
  });

  test('on the root after it was unreadable', async () => {
    start({ kernel, limits });
    await settled();
    expect(await responseTo('/small.txt')).toBe('200 version 1');
    failing = true;
    chmodSync(versions.root, 0o700);
    for (const _ of [0, 10_000, 10_000]) {
      passedMs += 10_000;
      expect(await responseTo('/small.txt')).toMatch(/^403 /);
    }
    failing = false;
    chmodSync(versions.root, 0o755);
    passedMs += 10_000;
    expect(await responseTo('/small.txt')).toBe('200 version 1');
    for (const version of ['reported', 'reported again']) {
      put('small.txt', version);
      expect(await responseTo('/small.txt')).toBe(`200 ${version}`);
      await settled();
      expect(await responseTo('/small.txt')).toBe(`200 ${version}`);
    }
  });

  test('on a root with search permission only, and below it', async () => {
    const isRoot = (place: unknown): boolean => readlinkSync(String(place)) === versions.root;
    const add: Kernel['inotifyAddWatch'] = (fd, place, mask) =>
      failing && isRoot(place) ? EACCES : realKernel.inotifyAddWatch(fd, place, mask);
    failing = true;
    put('in/large.bin', '1'.repeat(100_000));
    start({ kernel: kernelWith({ ...kernel, openat2: realKernel.openat2, inotifyAddWatch: add }), limits });
    await settled();
    const ask = (): Promise<string[]> => Promise.all(['/in/large.bin', '/in/deep.txt'].map(responseTo));
    expect(await ask()).toEqual(['200 100000 of 1', '200 deep 1']);
    failing = false;
    passedMs += 10_000;
    for (let time = 0; time < 2; time++) expect(await ask()).toEqual(['200 100000 of 1', '200 deep 1']);
    for (const version of ['2', '3']) {
      put('in/deep.txt', `deep ${version}`);
      put('in/large.bin', version.repeat(100_000));
      expect(await ask()).toEqual([`200 100000 of ${version}`, `200 deep ${version}`]);
      await settled();
      expect(await ask()).toEqual([`200 100000 of ${version}`, `200 deep ${version}`]);
    }
    renameSync(path('in'), path('gone'));
    expect((await ask()).map((response) => response.slice(0, 3))).toEqual(['404', '404']);
  });

  test('once there is room below the limit', async () => {
    const above = versions.root.split('/').length - 1;
    start({ kernel, limits: { ...limits, maxWatches: above + 2 } });
    await settled();
    const both = async () => [await responseTo('/swapped/deep.txt'), await responseTo('/in/deep.txt')];
    for (let time = 0; time < 2; time++) expect(await both()).toEqual(['200 swapped 1', '200 deep 1']);
    put('in/deep.txt', 'polled');
    expect(await responseTo('/in/deep.txt')).toBe('200 deep 1');
    rmSync(path('swapped'), { recursive: true });
    expect(await responseTo('/swapped/deep.txt')).toMatch(/^404 /);
    await settled();
    passedMs = 10_000;
    expect(await responseTo('/in/deep.txt')).toBe('200 polled');
    put('in/deep.txt', 'reported');
    expect(await responseTo('/in/deep.txt')).toBe('200 reported');
  });

  test('at most once per revalidateMs', async () => {
    failing = true;
    start({ kernel: kernelWith({ ...kernel, openat2: realKernel.openat2 }), limits });
    await settled();
    await responseTo('/small.txt');
    for (const target of ['/large.bin', '/app.js', '/nothing', '/']) {
      const before = attempts;
      for (let time = 0; time < 3; time++) await responseTo(target);
      expect(attempts).toBe(before);
    }
  });
});

test('changes without an event, such as writes through mmap(2), are seen after 30 seconds', async () => {
  let passedMs = 0;
  let wd = 0;
  const monotonicMs = (): number => realKernel.monotonicMs() + passedMs;
  start({ kernel: kernelWith({ monotonicMs, inotifyAddWatch: () => ++wd, inotifyRmWatch: () => 0 }) });
  await settled();
  await expectVersion(1);
  for (const version of [2, 3]) {
    turn(version);
    passedMs += 30_000;
    await expectVersion(version);
    await settled();
    await expectVersion(version);
  }
});

test('a revalidated entry is still invalidated by inotify', async () => {
  let passedMs = 0;
  start({ kernel: kernelWith({ monotonicMs: () => realKernel.monotonicMs() + passedMs }) });
  await sleep(1100); // then the timestamps are no longer racy
  for (const name of ['small.txt', 'large.bin', 'in/deep.txt', 'swapped/deep.txt', '.far-1/deep.txt']) {
    const target = name.startsWith('.far') ? '/linked/deep.txt' : `/${name}`;
    const before = await responseTo(target);
    passedMs += 30_000;
    expect(await responseTo(target)).toBe(before);
    put(name, 'reported');
    expect([target, await responseTo(target)]).toEqual([target, '200 reported']);
  }
});

/** Timestamps with a step of 10 ms, as with CONFIG_HZ=100; newer kernels use finer ones for files that were queried. */
const coarse: Partial<Kernel> = {
  fstat(fd, out) {
    const result = realKernel.fstat(fd, out);
    for (const nanoseconds of [Stat.mtimeNanoseconds, Stat.ctimeNanoseconds])
      out[nanoseconds]! -= out[nanoseconds]! % 1e7;
    return result;
  },
};

test.each<[string, Partial<Kernel>]>([
  ['reported', coarse],
  ['polled', { ...coarse, inotifyInit1: () => EMFILE }],
])('changes faster than the clock that are %s get distinct ETags', async (_, calls) => {
  start({ kernel: kernelWith(calls), limits: { revalidateMs: 0 } });
  const contents = new Map<string, string>();
  for (const target of ['/fast.txt', '/nowhere']) {
    for (let version = 100; version < 300; version++) {
      put(target === '/nowhere' ? '404.html' : 'fast.txt', `version ${version}`);
      const response = await exchange(versions.server.port, request(target));
      const body = response.body.toString();
      expect(body).toBe(`version ${version}`);
      const tag = response.field('ETag') ?? body;
      expect(contents.get(tag) ?? body).toBe(body);
      contents.set(tag, body);
    }
  }
});
