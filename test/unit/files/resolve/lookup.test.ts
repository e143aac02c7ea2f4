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
  ['the walk', kernelWith({ openat2: () => ENOSYS })],
] as const;

const INDEX = '<title>folder</title>\n';
const DEEP = 'deep\n';

/** What a name leads to, or how it is refused, where links are followed inside the root, nowhere, and everywhere. */
const NAMES: [name: string, inside: string | number, deny?: string | number, follow?: string | number][] = [
  ['hello.txt', HELLO],
  ['folder/inner/deep.txt', DEEP],
  ['with space.txt', 'space\n'],
  ['', DIRECTORY],
  ['folder', DIRECTORY],
  ['fifo', ENOENT],
  ['socket', ENOENT],
  ['missing', ENOENT],
  ['missing/x', ENOENT],
  ['folder/missing', ENOENT],
  ['hello.txt/x', ENOTDIR],
  ['x'.repeat(255), ENOENT],
  ['x'.repeat(256), ENAMETOOLONG],
  [`${'x'.repeat(256)}/x`, ENAMETOOLONG],
  // a link as the file
  ['in-link', HELLO, ELOOP],
  ['folder/up', HELLO, ELOOP],
  ['folder/round', DEEP, ELOOP],
  ['dangling', ENOENT, ELOOP],
  ['chain40-1', HELLO, ELOOP],
  ['chain41-2', HELLO, ELOOP],
  ['chain41-1', ELOOP, ELOOP],
  ['self', ELOOP, ELOOP],
  ['loop-a', ELOOP, ELOOP],
  // a link as a folder
  ['dir-link', DIRECTORY, ELOOP],
  ['dir-link/index.html', INDEX, ELOOP],
  ['dir-link-slash/index.html', INDEX, ELOOP],
  ['dir-link/inner/deep.txt', DEEP, ELOOP],
  ['dir-link/up', HELLO, ELOOP],
  ['dir-link/missing', ENOENT, ELOOP],
  ['folder/back', DIRECTORY, ELOOP],
  ['folder/back/hello.txt', HELLO, ELOOP],
  ['dir-link/back/folder/back/hello.txt', HELLO, ELOOP],
  ['dangling/x', ENOENT, ELOOP],
  ['in-link/x', ENOTDIR, ELOOP],
  ['self/x', ELOOP, ELOOP],
  // ways out
  ['out-link', EXDEV, ELOOP, SECRET],
  ['out-dir-link/secret.txt', EXDEV, ELOOP, SECRET],
  ['out-dir-link/missing', EXDEV, ELOOP, ENOENT],
  ['out-and-back', EXDEV, ELOOP, HELLO],
  ['abs-in', EXDEV, ELOOP, HELLO],
  ['abs-out', EXDEV, ELOOP, SECRET],
  ['dotdot', EXDEV, ELOOP, DIRECTORY],
  ['dotdot/outside/secret.txt', EXDEV, ELOOP, SECRET],
  ['folder/up-up', EXDEV, ELOOP, SECRET],
  ['dir-link/up-up', EXDEV, ELOOP, SECRET],
];

let site: Site;

beforeAll(async () => {
  site = await makeSite();
});

afterAll(() => site.remove());

const { lookupIn, closeAll } = testLookups();

describe.each(KERNELS)('by %s', (containment, kernel) => {
  describe.each(SYMLINK_POLICIES)('links: %s', (policy) => {
    test.each(NAMES)('%s', (name, inside, deny = inside, follow = inside) => {
      const expected = { 'within-root': inside, deny, follow }[policy];
      const before = countDescriptors();
      const { find, lookup } = lookupIn(site.root, policy, kernel);
      expect(find(name)).toBe(expected);
      expect(find(name)).toBe(expected); // and once more, with what is known now
      lookup.invalidate();
      expect(find(name)).toBe(expected);
      closeAll();
      expect(countDescriptors()).toBe(before);
    });
  });

  test.each<[string, boolean | number, deny: boolean | number, follow: boolean | number]>([
    ['', true, true, true],
    ['folder', true, true, true],
    ['dir-link', true, ELOOP, true],
    ['folder/back', true, ELOOP, true],
    ['out-dir-link', EXDEV, ELOOP, true],
    ['hello.txt', ENOTDIR, ENOTDIR, ENOTDIR],
    ['in-link', ENOTDIR, ELOOP, ENOTDIR],
    ['missing', ENOENT, ENOENT, ENOENT],
    ['dangling', ENOENT, ELOOP, ENOENT],
  ])('as a folder to read: %j', (name, ...expected) => {
    for (const [at, policy] of (['within-root', 'deny', 'follow'] as const).entries()) {
      const got = lookupIn(site.root, policy, kernel).entries(name);
      if (expected[at] === true) expect(got, policy).toEqual(fs.readdirSync(site.path(name)).sort());
      // With O_DIRECTORY a link that is not followed may be refused as no folder: open(2) has both.
      else expect([expected[at], ...(expected[at] === ELOOP ? [ENOTDIR] : [])], policy).toContain(got);
    }
  });

  test.each<[string, follow: SymlinkPolicy, boolean | number]>([
    ['in-link', 'within-root', true],
    ['in-link', 'deny', ELOOP],
    ['out-link', 'within-root', EXDEV],
    ['out-link', 'follow', true],
    ['dangling', 'follow', ENOENT],
  ])('to look at %s, links: %s', (name, policy, expected) => {
    const fd = lookupIn(site.root, policy, kernel).lookup.openPath(Buffer.from(name));
    if (fd >= 0) realKernel.close(fd);
    expect(expected === true ? fd >= 0 : fd).toBe(expected);
  });

  test('what is refused half-way leaves no descriptor', () => {
    const names = ['folder/round', 'dir-link/back/hello.txt', 'chain40-1', 'out-link'];
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
          expect(find('folder/round')).toBe(DEEP);
          closeAll();
        }
      }
    }
  });

  test(`whether all that matters is told, by ${containment}`, () => {
    const isOpenat2 = kernel === realKernel;
    const inside = lookupIn(site.root, 'within-root', kernel);
    for (const name of ['hello.txt', 'in-link', 'missing/x', 'chain41-1', 'out-link'])
      expect([inside.find(name), inside.areTold].at(-1), name).toBe(isOpenat2);
    const follow = lookupIn(site.root, 'follow', kernel);
    for (const [name, isTold] of Object.entries({ 'in-link': isOpenat2, 'out-link': false, 'abs-in': false }))
      expect([follow.find(name), follow.areTold].at(-1), name).toBe(isTold);
    const unwatched = lookupIn(site.root, 'within-root', kernel, 1);
    expect([unwatched.find('folder/index.html'), unwatched.areTold]).toEqual([INDEX, false]);
    expect([unwatched.find('hello.txt'), unwatched.areTold]).toEqual([HELLO, isOpenat2]);
  });
});

test('a folder that is known is not opened again, and one that is not watched is', () => {
  const count = (maxFolders: number): number[] => {
    let opens = 0;
    const { find } = lookupIn(site.root, 'within-root', kernelWith({}, { openat2: () => opens++ }), maxFolders);
    return [0, 1, 2].map(() => {
      opens = 0;
      expect(find('folder/inner/deep.txt')).toBe(DEEP);
      return opens;
    });
  };
  expect([count(100), count(0)]).toEqual([
    [4, 2, 2],
    [4, 4, 4],
  ]);
});
