import { appendFileSync, linkSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { exactFingerprint } from '../../../../src/files/resolve/fingerprint.js';
import { type Opener, type OpenFile, openFile, readFile } from '../../../../src/files/resolve/open-file.js';
import { Root } from '../../../../src/files/resolve/root.js';
import { kernel as realKernel } from '../../../../src/sys/binding.js';
import { EIO, ENOENT } from '../../../../src/sys/errno.js';
import type { Kernel } from '../../../../src/sys/kernel.js';
import { kernelWith } from '../../../support/counting-kernel.js';
import { countDescriptors } from '../../../support/descriptors.js';
import { settled } from '../../../support/directory.js';
import { permits } from '../../../support/needs.js';
import { HELLO, makeSite, type Site } from '../../../support/site.js';

let site: Site;

beforeAll(async () => {
  site = await makeSite();
  await settled();
});

afterAll(() => site.remove());

const openerOf =
  (root: Root): Opener =>
  (name, flags) =>
    root.openBeneath(name, flags);

describe('openFile', () => {
  let root: Root;

  beforeEach(() => {
    root = Root.open(realKernel, site.root);
  });

  afterEach(() => root.close());

  const opened = (name: string, kernel: Kernel = realKernel, wallMs = Date.now()): OpenFile => {
    const file = openFile(kernel, openerOf(root), Buffer.from(name), wallMs);
    if (typeof file === 'number') throw new Error(`${name}: ${file}`);
    return file;
  };

  const described = (name: string): { etag: string; fingerprint: string; racy: boolean } => {
    const file = opened(name);
    realKernel.close(file.fd);
    return { etag: file.validators.etag, fingerprint: file.fingerprint, racy: file.racy };
  };

  test('a file has another ETag and fingerprint after every change, and the same without', async () => {
    site.write('etag.txt', 'one');
    await settled();
    const seen = [described('etag.txt')];
    expect(described('etag.txt')).toEqual(seen[0]);
    const changes: (() => void)[] = [
      () => appendFileSync(site.path('etag.txt'), ' more'),
      () => writeFileSync(site.path('etag.txt'), 'TWO MORE'),
      () => utimesSync(site.path('etag.txt'), 5, 5),
      () => {
        writeFileSync(site.path('etag.txt'), 'two more');
        utimesSync(site.path('etag.txt'), 5, 5);
      },
      () => {
        writeFileSync(site.path('etag.new'), 'two MORE');
        utimesSync(site.path('etag.new'), 5, 5);
        renameSync(site.path('etag.new'), site.path('etag.txt'));
      },
    ];
    for (const change of changes) {
      change();
      await settled();
      seen.push(described('etag.txt'));
    }
    expect(new Set(seen.map(({ etag }) => etag)).size).toBe(seen.length);
    expect(new Set(seen.map(({ fingerprint }) => fingerprint)).size).toBe(seen.length);
    for (const { etag, racy } of seen) expect([racy, etag]).toEqual([false, expect.stringMatching(/^"[0-9a-z]+"$/)]);
  });

  test('a file that has just changed is racy and its tag weak, whatever its modification time', () => {
    for (const second of [null, 5]) {
      writeFileSync(site.path('racy.txt'), 'one');
      if (second !== null) utimesSync(site.path('racy.txt'), second, second);
      const file = described('racy.txt');
      expect([file.racy, file.etag]).toEqual([true, expect.stringMatching(/^W\/"[0-9a-z]+-[0-9a-z]+"$/)]);
    }
  });

  test('a file is recent until the second of its change is over', () => {
    const second = 1_700_000_000;
    site.write('recent.txt', 'x');
    utimesSync(site.path('recent.txt'), second, second);
    const at = (wallMs: number) => {
      const { fd, fingerprint, validators } = opened('recent.txt', realKernel, wallMs);
      realKernel.close(fd);
      return { fingerprint, modifiedSeconds: validators.modifiedSeconds, recent: validators.recent };
    };
    const [early, late] = [at(second * 1000 + 999), at(second * 1000 + 1000)];
    expect(early).toMatchObject({ modifiedSeconds: second, recent: true });
    expect(late).toMatchObject({ modifiedSeconds: second, recent: false });
    expect(early.fingerprint).toBe(late.fingerprint);
    expect(at(second * 1000 - 3_600_000)).toEqual(early); // nor is a change in the future over
  });

  test('an open file has another exact fingerprint after every change, and none if its size differs', async () => {
    site.write('exact.txt', 'one');
    await settled();
    const { fd } = opened('exact.txt');
    const seen = [exactFingerprint(realKernel, fd, 3)];
    const changes: (() => void)[] = [
      () => writeFileSync(site.path('exact.txt'), 'two'),
      () => utimesSync(site.path('exact.txt'), 5, 5),
      () => renameSync(site.path('exact.txt'), site.path('exact.old')),
      () => rmSync(site.path('exact.old')),
    ];
    for (const change of changes) {
      change();
      seen.push(exactFingerprint(realKernel, fd, 3));
      await settled();
    }
    expect(exactFingerprint(realKernel, fd, 3)).toBe(seen.at(-1));
    expect([new Set(seen).size, exactFingerprint(realKernel, fd, 4)]).toEqual([seen.length, null]);
    realKernel.close(fd);
    expect(exactFingerprint(realKernel, -1, 3)).toBeNull();
  });

  test('a file with another name has hard links', () => {
    const linked = (name: string): boolean => {
      const file = opened(name);
      realKernel.close(file.fd);
      return file.hasHardLinks;
    };
    site.write('alone.txt', 'x');
    expect(linked('alone.txt')).toBe(false);
    linkSync(site.path('alone.txt'), site.path('other-name.txt'));
    expect([linked('alone.txt'), linked('other-name.txt')]).toEqual([true, true]);
  });

  test('readFile returns null when the file changes meanwhile', async () => {
    for (const change of [
      () => truncateSync(site.path('racy.txt'), 2),
      () => appendFileSync(site.path('racy.txt'), 'x'),
      () => writeFileSync(site.path('racy.txt'), 'abcdef'),
    ]) {
      site.write('racy.txt', '123456');
      await settled();
      let changed = false;
      const kernel = kernelWith({
        pread: (...args) => {
          const got = realKernel.pread(...args);
          if (!changed) change();
          changed = true;
          return got;
        },
      });
      const file = opened('racy.txt', kernel);
      expect(readFile(kernel, file)).toBeNull();
      realKernel.close(file.fd);
    }
  });

  test('readFile continues after short reads, and returns an error', () => {
    const short = kernelWith({
      pread: (fd, bytes, offset, length, position) =>
        realKernel.pread(fd, bytes, offset, Math.min(5, length), position),
    });
    const file = opened('hello.txt');
    expect(Buffer.from(readFile(short, file) as Uint8Array).toString()).toBe(HELLO);
    expect(readFile(kernelWith({ pread: () => EIO }), file)).toBe(EIO);
    realKernel.close(file.fd);
  });

  test.each(['fifo', 'socket', ...(process.getuid?.() === 0 ? ['device'] : [])])(
    'a %s is not opened: ENOENT',
    (name) => {
      if (name === 'device' && !permits(site.hasDevice, 'device', 'mknod is not permitted here')) return;
      const flags: number[] = [];
      const watched = kernelWith({}, { openat2: (args) => flags.push(args[2] as number) });
      const other = Root.open(watched, site.root);
      flags.length = 0;
      expect(openFile(watched, openerOf(other), Buffer.from(name), 0)).toBe(ENOENT);
      expect(flags).toHaveLength(1);
      other.close();
    },
  );

  test('a file that becomes a FIFO between O_PATH and open is ENOENT', () => {
    let opens = 0;
    const kernel = kernelWith({
      openat2: (dir, name, flags, resolve) =>
        realKernel.openat2(
          dir,
          Buffer.from(name).toString() === 'hello.txt' && opens++ > 0 ? 'fifo' : name,
          flags,
          resolve,
        ),
    });
    const racy = Root.open(kernel, site.root);
    const before = countDescriptors();
    expect(openFile(kernel, openerOf(racy), Buffer.from('hello.txt'), 0)).toBe(ENOENT);
    expect(countDescriptors()).toBe(before);
    racy.close();
  });
});
