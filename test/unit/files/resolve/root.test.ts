import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Root } from '../../../../src/files/resolve/root.js';
import { constants, kernel as realKernel } from '../../../../src/sys/binding.js';
import {
  EACCES,
  EAGAIN,
  EBADF,
  EINVAL,
  ELOOP,
  EMFILE,
  ENAMETOOLONG,
  ENOENT,
  ENOSYS,
  ENOTDIR,
  EPERM,
  EXDEV,
} from '../../../../src/sys/errno.js';
import { STAT_WORDS, Stat } from '../../../../src/sys/kernel.js';
import { kernelWith } from '../../../support/counting-kernel.js';
import { countDescriptors } from '../../../support/descriptors.js';
import { HELLO, makeSite, SECRET, type Site } from '../../../support/site.js';

const { O_DIRECTORY, O_NONBLOCK, O_PATH, O_RDONLY, S_IFDIR, S_IFIFO, S_IFMT, S_IFSOCK } = constants;

const KERNELS = [
  ['openat2', realKernel],
  ['the walk, without openat2', kernelWith({ openat2: () => ENOSYS })],
  ['the walk, where seccomp forbids openat2', kernelWith({ openat2: () => EPERM })],
] as const;

const DEEP = 'deep\n';

/** Names below the root: the content that they open, or the error. */
const NAMES: [name: string, expected: string | number][] = [
  ['hello.txt', HELLO],
  ['./hello.txt', HELLO],
  ['sub/../hello.txt', HELLO],
  ['sub/inner/../../hello.txt', HELLO],
  ['sub//inner///deep.txt', DEEP],
  ['with space.txt', 'space\n'],
  ['ünï.txt', 'utf-8\n'],
  ['a#b?c%d.txt', 'signs\n'],
  ['q"uo\\te.txt', 'quotes\n'],
  ['.hidden', SECRET],
  // symlinks
  ['in-link', HELLO],
  ['dir-link/index.html', '<title>sub</title>\n'],
  ['dir-link-slash/index.html', '<title>sub</title>\n'],
  ['dir-link/inner/deep.txt', DEEP],
  ['dir-link/up', HELLO],
  ['dir-link/back/hello.txt', HELLO],
  ['sub/up', HELLO],
  ['sub/round', DEEP],
  ['sub/back/hello.txt', HELLO],
  ['sub/back/sub/back/hello.txt', HELLO],
  ['dir-link/../hello.txt', HELLO],
  ['chain40-1', HELLO],
  ['chain41-2', HELLO],
  ['chain41-1', ELOOP],
  ['self', ELOOP],
  ['self/x', ELOOP],
  ['loop-a', ELOOP],
  ['dangling', ENOENT],
  ['dangling/x', ENOENT],
  ['in-link/', ENOTDIR],
  ['in-link/x', ENOTDIR],
  ['file-link-slash', ENOTDIR],
  // out of the root
  ['..', EXDEV],
  ['../root/hello.txt', EXDEV],
  ['sub/../..', EXDEV],
  ['sub/../../outside/secret.txt', EXDEV],
  ['/', EXDEV],
  ['/etc/passwd', EXDEV],
  ['out-link', EXDEV],
  ['out-dir-link/secret.txt', EXDEV],
  ['out-and-back', EXDEV],
  ['abs-in', EXDEV],
  ['abs-out', EXDEV],
  ['abs-proc', EXDEV],
  ['abs-proc/etc/passwd', EXDEV],
  ['dotdot', EXDEV],
  ['dotdot/outside/secret.txt', EXDEV],
  ['sub/up-up', EXDEV],
  ['sub/back/..', EXDEV],
  ['sub/back/../outside/secret.txt', EXDEV],
  // missing
  ['missing', ENOENT],
  ['missing/x', ENOENT],
  ['missing/../hello.txt', ENOENT],
  ['sub/missing', ENOENT],
  ['hello.txt/', ENOTDIR],
  ['hello.txt/x', ENOTDIR],
  ['hello.txt/../sub', ENOTDIR],
  ['x'.repeat(255), ENOENT],
  ['x'.repeat(256), ENAMETOOLONG],
  [`sub/${'x'.repeat(256)}`, ENAMETOOLONG],
  ['HELLO.TXT', ENOENT],
];

let site: Site;

beforeAll(async () => {
  site = await makeSite();
});

afterAll(() => site.remove());

function contentOf(fd: number): string {
  const bytes = Buffer.alloc(100);
  return bytes.toString('utf8', 0, realKernel.pread(fd, bytes, 0, bytes.length, 0));
}

function kindOf(fd: number): number {
  const stat = new Float64Array(STAT_WORDS);
  expect(realKernel.fstat(fd, stat)).toBe(0);
  return stat[Stat.mode]! & S_IFMT;
}

describe.each(KERNELS)('by %s', (_, kernel) => {
  let root: Root;

  beforeAll(() => {
    root = Root.open(kernel, site.root);
  });

  afterAll(() => root.close());

  test.each(NAMES)('%s', (name, expected) => {
    const before = countDescriptors();
    const fd = root.openBeneath(Buffer.from(name), O_RDONLY | O_NONBLOCK);
    const got = fd < 0 ? fd : contentOf(fd);
    if (fd >= 0) realKernel.close(fd);
    expect(got).toBe(expected);
    expect(countDescriptors()).toBe(before);
  });

  test.each([
    ['', S_IFDIR],
    ['.', S_IFDIR],
    ['sub', S_IFDIR],
    ['sub/', S_IFDIR],
    ['sub/.', S_IFDIR],
    ['dir-link', S_IFDIR],
    ['dir-link/', S_IFDIR],
    ['sub/..', S_IFDIR],
    ['sub/back', S_IFDIR],
    ['fifo', S_IFIFO],
    ['socket', S_IFSOCK],
  ])('%j is opened by O_PATH', (name, kind) => {
    const fd = root.openBeneath(Buffer.from(name), O_PATH);
    expect(fd).toBeGreaterThanOrEqual(0);
    expect(kindOf(fd)).toBe(kind);
    realKernel.close(fd);
  });

  test('O_DIRECTORY of a file is ENOTDIR', () => {
    expect(root.openBeneath(Buffer.from('hello.txt'), O_PATH | O_DIRECTORY)).toBe(ENOTDIR);
  });

  test('a name that is not UTF-8', () => {
    const fd = root.openBeneath(Buffer.from('latin\xfc\xff.txt', 'latin1'), O_RDONLY);
    expect(contentOf(fd)).toBe('bytes\n');
    realKernel.close(fd);
    expect(root.openBeneath(Buffer.from('latin\xfc\xff.txt', 'utf8'), O_RDONLY)).toBe(ENOENT);
  });

  test('magic links of /proc are not followed', () => {
    const proc = Root.open(kernel, '/proc/self');
    try {
      for (const name of ['root', 'root/etc/passwd', 'cwd', 'cwd/.', 'exe', 'fd/0', 'fd/1', 'task/self'])
        expect(proc.openBeneath(Buffer.from(name), O_PATH), name).toBeLessThan(0);
    } finally {
      proc.close();
    }
  });

  test('an error on the way leaks no descriptor', () => {
    const before = countDescriptors();
    for (const call of ['openat', 'readlinkat', 'fstat', 'openat2'] as const) {
      for (let passed = 0; passed < 8; passed++) {
        let left = passed;
        const failing = kernelWith({
          openat2: kernel.openat2,
          [call]: (...args: unknown[]) =>
            left-- > 0
              ? (kernel[call] as (...args: unknown[]) => number)(...args)
              : call === 'openat2' && kernel !== realKernel
                ? ENOSYS
                : EMFILE,
        });
        try {
          const failed = Root.open(failing, site.root);
          for (const name of ['sub/round', 'dir-link/back/hello.txt', 'sub/inner/deep.txt']) {
            const fd = failed.openBeneath(Buffer.from(name), O_RDONLY);
            if (fd >= 0) realKernel.close(fd);
          }
          failed.close();
        } catch (error) {
          expect(error).toMatchObject({ code: 'EMFILE', path: site.root });
        }
      }
    }
    expect(countDescriptors()).toBe(before);
  });
});

test.each([
  ['/no/such', 'ENOENT', "ENOENT: no such file or directory, open '/no/such'"],
  ['/dev/null', 'ENOTDIR', "ENOTDIR: not a directory, open '/dev/null'"],
])('the error of a root that cannot be opened names it: %s', (path, code, message) => {
  expect(() => Root.open(realKernel, path)).toThrow(expect.objectContaining({ code, path, message }));
});

describe('the probe of openat2', () => {
  test.each([
    [ENOSYS, 'walk'],
    [EPERM, 'walk'],
  ])('%i selects the walk', (errno, pathResolution) => {
    const root = Root.open(kernelWith({ openat2: () => errno }), site.root);
    expect([root.pathResolution, root.path]).toEqual([pathResolution, site.root]);
    root.close();
  });

  test.each([EACCES, EBADF, EINVAL, EMFILE, EAGAIN, ELOOP, EXDEV])('%i is thrown', (errno) => {
    const before = countDescriptors();
    expect(() => Root.open(kernelWith({ openat2: () => errno }), site.root)).toThrow(
      expect.objectContaining({
        syscall: 'openat2',
        errno,
        path: site.root,
        message: expect.stringMatching(`, openat2 '${site.root}'$`),
      }),
    );
    expect(countDescriptors()).toBe(before);
  });

  test('the real kernel has openat2', () => {
    const root = Root.open(realKernel, site.root);
    expect(root.pathResolution).toBe('openat2');
    root.close();
    root.close();
    expect(() => root.openBeneath(Buffer.from('hello.txt'), O_RDONLY)).toThrow('the root is closed');
  });
});

test('EAGAIN of a concurrent rename is retried, up to a limit', () => {
  let failures = 0;
  let calls = 0;
  const kernel = kernelWith({
    openat2: (...args) => {
      calls++;
      return failures-- > 0 ? EAGAIN : realKernel.openat2(...args);
    },
  });
  const root = Root.open(kernel, site.root);
  failures = 10;
  const fd = root.openBeneath(Buffer.from('hello.txt'), O_RDONLY);
  expect(contentOf(fd)).toBe(HELLO);
  realKernel.close(fd);
  calls = 0;
  failures = Number.POSITIVE_INFINITY;
  expect(root.openBeneath(Buffer.from('hello.txt'), O_RDONLY)).toBe(EAGAIN);
  expect(calls).toBeLessThan(100);
  root.close();
});
