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

const FRESHNESS_MS = 100;
/** Timers may fire a millisecond early. */
const PATIENCE_MS = FRESHNESS_MS + 10;

const versions = testVersions();
const { path, put, start, turn, answerTo, expectVersion } = versions;

/** Watches are given, and nothing is ever told, as of what another machine does. */
const silent = (type: number): Partial<Kernel> => {
  let wd = 0;
  return { fstatfs: () => type, inotifyAddWatch: () => ++wd, inotifyRmWatch: () => 0 };
};

/** The same of what lies below the folder, while the path to it is told of. */
const silentBelow = (type: number): Partial<Kernel> => {
  let wd = 1e6;
  const isBelow = (fd: number | string): boolean => readlinkSync(`/proc/self/fd/${fd}`).startsWith(versions.root);
  return {
    fstatfs: (fd) => (isBelow(fd) ? type : realKernel.fstatfs(fd)),
    inotifyAddWatch: (fd, place, mask) =>
      isBelow(String(place).replace('/proc/self/fd/', '')) ? ++wd : realKernel.inotifyAddWatch(fd, place, mask),
    inotifyRmWatch: (fd, wd) => (wd > 1e6 ? 0 : realKernel.inotifyRmWatch(fd, wd)),
  };
};

const WAYS: [what: string, calls: Partial<Kernel>, limit: number, freshness: string, unwatched: RegExp][] = [
  ['there is no inotify', { inotifyInit1: () => EMFILE }, 8192, 'ttl', /EMFILE/],
  ['a profile forbids inotify', { inotifyInit1: () => ENOSYS }, 8192, 'ttl', /ENOSYS/],
  ['there is no watch left', { inotifyAddWatch: () => ENOSPC }, 8192, 'ttl', /^fs\.inotify\.max_user_watches$/],
  ['the folders may not be read', { inotifyAddWatch: () => EACCES }, 8192, 'ttl', /EACCES/],
  ['no folder is to be watched', {}, 0, 'ttl', /^the limit of 0 watches$/],
  ['few folders are to be watched', {}, 3, 'mixed', /^the limit of 3 watches$/],
  ['the files are on nfs', silent(0x6969), 8192, 'ttl', /nfs/],
  ['the files are on an overlay', silent(0x794c7630), 8192, 'ttl', /overlay/],
  ['the files are on 9p', silent(0x01021997), 8192, 'ttl', /9p/],
  ['the files are on nfs, and the path to them is not', silentBelow(0x6969), 8192, 'ttl', /nfs/],
  ['nobody knows on what the files are', silent(ENOSYS), 8192, 'ttl', /file system/],
];

describe.each(WAYS)('%s', (_, calls, maxWatches, freshness, unwatched) => {
  const limits = { revalidateMs: FRESHNESS_MS, maxWatches };

  test('what has changed is seen after revalidateMs', async () => {
    start({ kernel: kernelWith(calls), limits });
    for (let version = 1; version <= 4; version++) {
      const expected = expectations(version);
      if (version > 1) {
        turn(version);
        await sleep(PATIENCE_MS);
      }
      for (const [target, response] of Object.entries(expected)) {
        expect([target, await answerTo(target)]).toEqual([target, response]);
        expect([target, await answerTo(target)]).toEqual([target, response]);
      }
      await settled(); // then everything is kept
      for (const [target, response] of Object.entries(expected)) {
        expect([target, await answerTo(target)]).toEqual([target, response]);
        expect([target, await answerTo(target)]).toEqual([target, response]);
      }
    }
    const files = versions.server.stats().files!;
    expect(files).toMatchObject({ invalidation: freshness, unwatchedReasons: [expect.stringMatching(unwatched)] });
    expect(files.watches).toBeLessThanOrEqual(maxWatches);
    expect(files.hits).toBeGreaterThan(0);
  });

  test('a root that leads elsewhere is followed after revalidateMs', async () => {
    for (const release of ['one', 'two']) {
      mkdirSync(path(release));
      put(`${release}/a.txt`, release);
    }
    symlinkSync('one', path('current'));
    start({ root: path('current'), kernel: kernelWith(calls), limits });
    await settled();
    for (const release of ['two', 'one', 'two']) {
      expect(await answerTo('/a.txt')).toBe(`200 ${release === 'two' ? 'one' : 'two'}`);
      symlinkSync(release, path('next'));
      renameSync(path('next'), path('current'));
      await sleep(PATIENCE_MS);
      expect(await answerTo('/a.txt')).toBe(`200 ${release}`);
    }
  });
});

describe('what the stats say', () => {
  const stats = () => {
    const { invalidation, watchedEntries, polledEntries, unwatchedReasons, entries } = versions.server.stats().files!;
    expect(watchedEntries + polledEntries).toBe(entries);
    return [invalidation, watchedEntries, polledEntries, unwatchedReasons];
  };
  const twice = async (target: string): Promise<void> => {
    await settled();
    expect((await answerTo(target)).slice(0, 3)).toBe('200');
    await answerTo(target);
  };

  test.each<[what: string, options: Partial<ServeOptions>, target: string, unwatched: string]>([
    ['there is no openat2', { kernel: kernelWith({ openat2: () => ENOSYS }) }, '/small.txt', 'no openat2'],
    ['a file has two names', {}, '/second.txt', 'hard links'],
    ['a link leads out of the root', { symlinks: 'follow' }, '/out.txt', 'symlinks out of the root'],
    ['a listing is held', { directoryListing: true }, '/in/', 'listings'],
    [
      'a folder has no watch',
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
    const isTold = unwatched !== 'no openat2';
    expect(stats()).toEqual(isTold ? ['mixed', 1, 1, [unwatched]] : ['ttl', 0, 2, [unwatched]]);
  });

  test('is of now: what was a reason before is none', async () => {
    linkSync(path('small.txt'), path('second.txt'));
    start({ limits: { revalidateMs: 0 } });
    await twice('/small.txt');
    expect(stats()).toEqual(['ttl', 0, 1, ['hard links']]);
    rmSync(path('second.txt'));
    await twice('/small.txt');
    expect(stats()).toEqual(['inotify', 1, 0, []]);
  });

  test('a folder that is not there is no listing', async () => {
    start({ directoryListing: true });
    await settled();
    expect(await answerTo('/nowhere/')).toMatch(/^404/);
    expect(stats()).toEqual(['inotify', 1, 0, []]);
  });

  test('the path of the root counts too', async () => {
    const inotifyAddWatch: Kernel['inotifyAddWatch'] = (fd, place, mask) =>
      readlinkSync(String(place)).startsWith(versions.root) ? realKernel.inotifyAddWatch(fd, place, mask) : EACCES;
    start({ kernel: kernelWith({ inotifyAddWatch }) });
    await twice('/small.txt');
    expect(stats()).toEqual(['inotify', 1, 0, ['EACCES: permission denied, inotify_add_watch']]);
  });
});

test('where some folders are watched and some not, each is as fresh as it can be', async () => {
  const above = versions.root.split('/').length - 1;
  let passedMs = 0;
  const kernel = kernelWith({ monotonicMs: () => realKernel.monotonicMs() + passedMs });
  start({ kernel, limits: { revalidateMs: 10_000, maxWatches: above + 1 } });
  await settled();
  expect([await answerTo('/small.txt'), await answerTo('/in/deep.txt')]).toEqual(['200 version 1', '200 deep 1']);
  put('small.txt', 'told');
  put('in/deep.txt', 'looked for');
  expect([await answerTo('/small.txt'), await answerTo('/in/deep.txt')]).toEqual(['200 told', '200 deep 1']);
  passedMs = 10_000;
  expect(await answerTo('/in/deep.txt')).toBe('200 looked for');
  await settled();
  for (const target of ['/in/deep.txt', '/small.txt', '/large.bin']) await answerTo(target);
  expect(versions.server.stats().files).toMatchObject({
    invalidation: 'mixed',
    watchedEntries: 2,
    polledEntries: 1,
    unwatchedReasons: [`the limit of ${above + 1} watches`],
    watches: above + 1,
  });
});

describe('a folder whose watch was refused is watched when that is possible', () => {
  let passedMs: number;
  let refusing: boolean;
  let asked: number;
  const kernel = kernelWith(
    {
      monotonicMs: () => realKernel.monotonicMs() + passedMs,
      openat2: (...args) => (refusing ? EACCES : realKernel.openat2(...args)),
      inotifyAddWatch: (...args) => (refusing ? EACCES : realKernel.inotifyAddWatch(...args)),
    },
    { inotifyAddWatch: () => asked++ },
  );
  const limits = { revalidateMs: 10_000 };

  beforeEach(() => {
    passedMs = asked = 0;
    refusing = false;
  });

  test('the root, which nobody could read for a while', async () => {
    start({ kernel, limits });
    await settled();
    expect(await answerTo('/small.txt')).toBe('200 version 1');
    refusing = true;
    chmodSync(versions.root, 0o700);
    for (const _ of [0, 10_000, 10_000]) {
      passedMs += 10_000;
      expect(await answerTo('/small.txt')).toMatch(/^403 /);
    }
    refusing = false;
    chmodSync(versions.root, 0o755);
    passedMs += 10_000;
    expect(await answerTo('/small.txt')).toBe('200 version 1');
    for (const version of ['told', 'told again']) {
      put('small.txt', version);
      expect(await answerTo('/small.txt')).toBe(`200 ${version}`);
      await settled();
      expect(await answerTo('/small.txt')).toBe(`200 ${version}`);
    }
  });

  test('the root, which could only be walked through, and what is beneath it', async () => {
    const isRoot = (place: unknown): boolean => readlinkSync(String(place)) === versions.root;
    const add: Kernel['inotifyAddWatch'] = (fd, place, mask) =>
      refusing && isRoot(place) ? EACCES : realKernel.inotifyAddWatch(fd, place, mask);
    refusing = true;
    put('in/large.bin', '1'.repeat(100_000));
    start({ kernel: kernelWith({ ...kernel, openat2: realKernel.openat2, inotifyAddWatch: add }), limits });
    await settled();
    const ask = (): Promise<string[]> => Promise.all(['/in/large.bin', '/in/deep.txt'].map(answerTo));
    expect(await ask()).toEqual(['200 100000 of 1', '200 deep 1']);
    refusing = false;
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

  test('one beyond the limit, when there is room', async () => {
    const above = versions.root.split('/').length - 1;
    start({ kernel, limits: { ...limits, maxWatches: above + 2 } });
    await settled();
    expect([await answerTo('/swapped/deep.txt'), await answerTo('/in/deep.txt')]).toEqual([
      '200 swapped 1',
      '200 deep 1',
    ]);
    put('in/deep.txt', 'looked for');
    expect(await answerTo('/in/deep.txt')).toBe('200 deep 1');
    rmSync(path('swapped'), { recursive: true });
    expect(await answerTo('/swapped/deep.txt')).toMatch(/^404 /);
    await settled();
    passedMs = 10_000;
    expect(await answerTo('/in/deep.txt')).toBe('200 looked for');
    put('in/deep.txt', 'told');
    expect(await answerTo('/in/deep.txt')).toBe('200 told');
  });

  test('and until then the kernel is asked once in revalidateMs', async () => {
    refusing = true;
    start({ kernel: kernelWith({ ...kernel, openat2: realKernel.openat2 }), limits });
    await settled();
    await answerTo('/small.txt');
    for (const target of ['/large.bin', '/app.js', '/nothing', '/']) {
      const before = asked;
      for (let time = 0; time < 3; time++) await answerTo(target);
      expect(asked).toBe(before);
    }
  });
});

test('what is not told although there is a watch, as of writes through mmap(2), is seen after half a minute', async () => {
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

test('what was looked at again is told of again', async () => {
  let passedMs = 0;
  start({ kernel: kernelWith({ monotonicMs: () => realKernel.monotonicMs() + passedMs }) });
  await sleep(1100); // then the files have a date, and stay as they are
  for (const name of ['small.txt', 'large.bin', 'in/deep.txt', 'swapped/deep.txt', '.far-1/deep.txt']) {
    const target = name.startsWith('.far') ? '/linked/deep.txt' : `/${name}`;
    const before = await answerTo(target);
    passedMs += 30_000;
    expect(await answerTo(target)).toBe(before);
    put(name, 'told');
    expect([target, await answerTo(target)]).toEqual([target, '200 told']);
  }
});

/** The times of a file step every 10 ms, as with CONFIG_HZ=100; newer kernels step finer where somebody has looked. */
const coarse: Partial<Kernel> = {
  fstat(fd, out) {
    const result = realKernel.fstat(fd, out);
    for (const nanoseconds of [Stat.mtimeNanoseconds, Stat.ctimeNanoseconds])
      out[nanoseconds]! -= out[nanoseconds]! % 1e7;
    return result;
  },
};

test.each<[string, Partial<Kernel>]>([
  ['told', coarse],
  ['looked for', { ...coarse, inotifyInit1: () => EMFILE }],
])('changes faster than the clock are %s, and have tags of their own', async (_, calls) => {
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
