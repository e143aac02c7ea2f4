import * as fs from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DIRECTORY } from '../../../../src/files/resolve/open-file.js';
import { SYMLINK_POLICIES, type SymlinkPolicy } from '../../../../src/files/rules/site-options.js';
import { kernel as realKernel } from '../../../../src/sys/binding.js';
import { EACCES, EIO, ELOOP, EMFILE, ENAMETOOLONG, ENOENT, ENOSYS, ENOTDIR, EXDEV } from '../../../../src/sys/errno.js';
import { kernelWith } from '../../../support/counting-kernel.js';
import { countDescriptors } from '../../../support/descriptors.js';
import { testLookups } from '../../../support/lookups.js';
import { HELLO, makeSite, SECRET, type Site } from '../../../support/site.js';

const KERNELS = [
  ['openat2', realKernel],
  ['openat walk', kernelWith({ openat2: () => ENOSYS })],
] as const;

const INDEX = '<title>sub</title>\n';
const DEEP = 'deep\n';

/** The file that a name leads to, or its error, where symlinks are followed within the root, not at all, and everywhere. */
const NAMES: [name: string, inside: string | number, deny?: string | number, follow?: string | number][] = [
  ['hello.txt', HELLO],
  ['sub/inner/deep.txt', DEEP],
  ['with space.txt', 'space\n'],
  ['', DIRECTORY],
  ['sub', DIRECTORY],
  ['fifo', ENOENT],
  ['socket', ENOENT],
  ['missing', ENOENT],
  ['missing/x', ENOENT],
  ['sub/missing', ENOENT],
  ['hello.txt/x', ENOTDIR],
  ['x'.repeat(255), ENOENT],
  ['x'.repeat(256), ENAMETOOLONG],
  [`${'x'.repeat(256)}/x`, ENAMETOOLONG],
  // a symlink to a file
  ['in-link', HELLO, ELOOP],
  ['sub/up', HELLO, ELOOP],
  ['sub/round', DEEP, ELOOP],
  ['dangling', ENOENT, ELOOP],
  ['chain40-1', HELLO, ELOOP],
  ['chain41-2', HELLO, ELOOP],
  ['chain41-1', ELOOP, ELOOP],
  ['self', ELOOP, ELOOP],
  ['loop-a', ELOOP, ELOOP],
  // a symlink to a directory
  ['dir-link', DIRECTORY, ELOOP],
  ['dir-link/index.html', INDEX, ELOOP],
  ['dir-link-slash/index.html', INDEX, ELOOP],
  ['dir-link/inner/deep.txt', DEEP, ELOOP],
  ['dir-link/up', HELLO, ELOOP],
  ['dir-link/missing', ENOENT, ELOOP],
  ['sub/back', DIRECTORY, ELOOP],
  ['sub/back/hello.txt', HELLO, ELOOP],
  ['dir-link/back/sub/back/hello.txt', HELLO, ELOOP],
  ['dangling/x', ENOENT, ELOOP],
  ['in-link/x', ENOTDIR, ELOOP],
  ['self/x', ELOOP, ELOOP],
  // out of the root
  ['out-link', EXDEV, ELOOP, SECRET],
  ['out-dir-link/secret.txt', EXDEV, ELOOP, SECRET],
  ['out-dir-link/missing', EXDEV, ELOOP, ENOENT],
  ['out-and-back', EXDEV, ELOOP, HELLO],
  ['abs-in', EXDEV, ELOOP, HELLO],
  ['abs-out', EXDEV, ELOOP, SECRET],
  ['dotdot', EXDEV, ELOOP, DIRECTORY],
  ['dotdot/outside/secret.txt', EXDEV, ELOOP, SECRET],
  ['sub/up-up', EXDEV, ELOOP, SECRET],
  ['dir-link/up-up', EXDEV, ELOOP, SECRET],
];

let site: Site;

beforeAll(async () => {
  site = await makeSite();
});

afterAll(() => site.remove());

const { lookupIn, closeAll } = testLookups();

describe.each(KERNELS)('by %s', (pathResolution, kernel) => {
  describe.each(SYMLINK_POLICIES)('symlinks: %s', (policy) => {
    test.each(NAMES)('%s', (name, inside, deny = inside, follow = inside) => {
      const expected = { 'within-root': inside, deny, follow }[policy];
      const before = countDescriptors();
      const { find, lookup } = lookupIn(site.root, policy, kernel);
      expect(find(name)).toBe(expected);
      expect(find(name)).toBe(expected); // again, by the directories that are known now
      lookup.invalidate();
      expect(find(name)).toBe(expected);
      closeAll();
      expect(countDescriptors()).toBe(before);
    });
  });

  test.each<[string, boolean | number, deny: boolean | number, follow: boolean | number]>([
    ['', true, true, true],
    ['sub', true, true, true],
    ['dir-link', true, ELOOP, true],
    ['sub/back', true, ELOOP, true],
    ['out-dir-link', EXDEV, ELOOP, true],
    ['hello.txt', ENOTDIR, ENOTDIR, ENOTDIR],
    ['in-link', ENOTDIR, ELOOP, ENOTDIR],
    ['missing', ENOENT, ENOENT, ENOENT],
    ['dangling', ENOENT, ELOOP, ENOENT],
  ])('opens %j as a directory', (name, ...expected) => {
    for (const [at, policy] of (['within-root', 'deny', 'follow'] as const).entries()) {
      const got = lookupIn(site.root, policy, kernel).entries(name);
      if (expected[at] === true) expect(got, policy).toEqual(fs.readdirSync(site.path(name)).sort());
      // With O_DIRECTORY a symlink that is not followed may also be ENOTDIR, open(2).
      else expect([expected[at], ...(expected[at] === ELOOP ? [ENOTDIR] : [])], policy).toContain(got);
    }
  });

  test.each<[string, follow: SymlinkPolicy, boolean | number]>([
    ['in-link', 'within-root', true],
    ['in-link', 'deny', ELOOP],
    ['out-link', 'within-root', EXDEV],
    ['out-link', 'follow', true],
    ['dangling', 'follow', ENOENT],
  ])('openPath of %s, symlinks: %s', (name, policy, expected) => {
    const fd = lookupIn(site.root, policy, kernel).lookup.openPath(Buffer.from(name));
    if (fd >= 0) realKernel.close(fd);
    expect(expected === true ? fd >= 0 : fd).toBe(expected);
  });

  test('an error on the way leaks no descriptor', () => {
    const names = ['sub/round', 'dir-link/back/hello.txt', 'chain40-1', 'out-link'];
    for (const call of ['openat2', 'openat', 'readlinkat', 'fstat', 'fstatfs'] as const) {
      for (const errno of [EMFILE, EIO, EACCES]) {
        for (let passed = 0; passed < 12; passed++) {
          let left = Number.POSITIVE_INFINITY;
          const real = kernel[call] as (...args: unknown[]) => number;
          const failing = kernelWith({
            openat2: kernel.openat2,
            [call]: (...args: unknown[]) => (left-- > 0 ? real(...args) : errno),
          });
          const { find, entries } = lookupIn(site.root, 'follow', failing);
          const before = countDescriptors();
          for (const name of names) {
            left = passed;
            find(name);
            left = passed;
            entries(name);
          }
          expect(countDescriptors()).toBe(before);
          left = Number.POSITIVE_INFINITY;
          expect(find('sub/round')).toBe(DEEP);
          closeAll();
        }
      }
    }
  });

  test(`whether all dependencies are watched, by ${pathResolution}`, () => {
    const isOpenat2 = kernel === realKernel;
    const inside = lookupIn(site.root, 'within-root', kernel);
    for (const name of ['hello.txt', 'in-link', 'missing/x', 'chain41-1', 'out-link'])
      expect([inside.find(name), inside.areWatched].at(-1), name).toBe(isOpenat2);
    const follow = lookupIn(site.root, 'follow', kernel);
    for (const [name, isWatched] of Object.entries({ 'in-link': isOpenat2, 'out-link': false, 'abs-in': false }))
      expect([follow.find(name), follow.areWatched].at(-1), name).toBe(isWatched);
    const unwatched = lookupIn(site.root, 'within-root', kernel, 1);
    expect([unwatched.find('sub/index.html'), unwatched.areWatched]).toEqual([INDEX, false]);
    expect([unwatched.find('hello.txt'), unwatched.areWatched]).toEqual([HELLO, isOpenat2]);
  });
});

test('a known directory is not opened again, except an unwatched one', () => {
  const count = (maxWatches: number): number[] => {
    let opens = 0;
    const { find } = lookupIn(site.root, 'within-root', kernelWith({}, { openat2: () => opens++ }), maxWatches);
    return [0, 1, 2].map(() => {
      opens = 0;
      expect(find('sub/inner/deep.txt')).toBe(DEEP);
      return opens;
    });
  };
  expect([count(100), count(0)]).toEqual([
    [4, 2, 2],
    [4, 4, 4],
  ]);
});
