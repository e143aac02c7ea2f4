import * as fs from 'node:fs';
import { afterEach, beforeEach, expect } from 'vitest';
import { ReleaseRoot } from '../../src/files/resolve/release-root.js';
import { resolveSiteOptions } from '../../src/files/rules/site-options.js';
import { Dependencies } from '../../src/files/watch/dependencies.js';
import { Inotify } from '../../src/files/watch/inotify.js';
import { kernel as realKernel } from '../../src/sys/binding.js';
import type { Kernel } from '../../src/sys/kernel.js';
import { testDescriptors } from './descriptors.js';

export const REVALIDATE_MS = 30_000;
export const POLL_MS = 500;

/** Makes, before each test, a directory with four releases, each with a file `name.txt` that has its own name. */
export function testReleaseRoots() {
  const descriptors = testDescriptors();
  let base: string;
  let inotify: Inotify;
  let releaseRoot: ReleaseRoot | null = null;

  /** Not normalized: `..` after a symlink stays. */
  const path = (name: string): string => `${base}/${name}`;
  const link = (name: string, target: string): void => fs.symlinkSync(target, path(name));
  const release = (name: string): void => {
    fs.mkdirSync(path(name), { recursive: true });
    fs.writeFileSync(path(`${name}/name.txt`), name);
  };

  beforeEach(() => {
    base = descriptors.directory();
    for (const name of ['releases/1', 'releases/2', 'more/1', 'more/2']) release(name);
    inotify = new Inotify(realKernel, 1000);
  });

  afterEach(() => {
    releaseRoot?.close();
    releaseRoot = null;
    expect(inotify.size).toBe(0);
    inotify.close();
  });

  return {
    path,
    link,
    release,
    get inotify(): Inotify {
      return inotify;
    },
    get releaseRoot(): ReleaseRoot {
      return releaseRoot!;
    },

    /** As a careful deployment does: the symlink exists at any time. */
    flip(name: string, target: string): void {
      link('.next', target);
      fs.renameSync(path('.next'), path(name));
    },

    /** As `rm` and `ln` do: for a moment there is no symlink. */
    replace(name: string, target: string): void {
      fs.unlinkSync(path(name));
      link(name, target);
    },

    /** From now on at most so many directories are watched. */
    limitWatches(maxWatches: number): void {
      inotify.close();
      inotify = new Inotify(realKernel, maxWatches);
    },

    open(root: string, { kernel = realKernel as Kernel, previousReleaseMs = 0 } = {}): ReleaseRoot {
      releaseRoot = new ReleaseRoot(
        kernel,
        path(root),
        resolveSiteOptions({ previousReleaseMs }),
        inotify,
        REVALIDATE_MS,
        POLL_MS,
      );
      releaseRoot.check(0);
      return releaseRoot;
    },

    /** The name of the release that a lookup reads, or -errno. */
    releaseName(lookup = releaseRoot!.current.lookup): string | number {
      const file = lookup.file(Buffer.from('name.txt'), Date.now(), new Dependencies());
      if (typeof file === 'number') return file;
      const bytes = Buffer.alloc(100);
      const length = realKernel.pread(file.fd, bytes, 0, bytes.length, 0);
      realKernel.close(file.fd);
      return bytes.toString('utf8', 0, length);
    },

    /** As a server does before a request. Returns whether the path leads to another directory now. */
    check(nowMs: number): boolean {
      inotify.read();
      return nowMs >= releaseRoot!.checkDueMs && releaseRoot!.check(nowMs);
    },

    /** The number of watches in the kernel, proc_pid_fdinfo(5). */
    kernelWatches: (): number =>
      fs.readFileSync(`/proc/self/fdinfo/${inotify.fd}`, 'utf8').match(/^inotify wd:/gm)?.length ?? 0,
  };
}
