import * as fs from 'node:fs';
import { afterEach, beforeEach, expect } from 'vitest';
import { ReleaseRoot } from '../../src/files/resolve/release-root.js';
import { resolveSiteOptions } from '../../src/files/rules/site-options.js';
import { Dependencies } from '../../src/files/watch/dependencies.js';
import { Inotify } from '../../src/files/watch/inotify.js';
import { kernel as realKernel } from '../../src/sys/binding.js';
import type { Kernel } from '../../src/sys/kernel.js';
import { testDescriptors } from './descriptors.js';

export const TRUST_MS = 30_000;
export const LOOK_MS = 500;

/** Before each test of a file: a folder with four releases, of which each has a file `who` with its own name in it. */
export function testDeployments() {
  const descriptors = testDescriptors();
  let base: string;
  let watch: Inotify;
  let deployment: ReleaseRoot | null = null;

  /** To the letter, so that `..` behind a link stays what it is. */
  const path = (name: string): string => `${base}/${name}`;
  const link = (name: string, target: string): void => fs.symlinkSync(target, path(name));
  const release = (name: string): void => {
    fs.mkdirSync(path(name), { recursive: true });
    fs.writeFileSync(path(`${name}/who`), name);
  };

  beforeEach(() => {
    base = descriptors.directory();
    for (const name of ['releases/1', 'releases/2', 'more/1', 'more/2']) release(name);
    watch = new Inotify(realKernel, 1000);
  });

  afterEach(() => {
    deployment?.close();
    deployment = null;
    expect(watch.size).toBe(0);
    watch.close();
  });

  return {
    path,
    link,
    release,
    get watch(): Inotify {
      return watch;
    },
    get deployment(): ReleaseRoot {
      return deployment!;
    },

    /** As a careful deployment does: at no time is there no link. */
    flip(name: string, target: string): void {
      link('.next', target);
      fs.renameSync(path('.next'), path(name));
    },

    /** As `rm` and `ln` do. */
    replace(name: string, target: string): void {
      fs.unlinkSync(path(name));
      link(name, target);
    },

    /** From here on only so many folders are watched. */
    limitWatch(maxFolders: number): void {
      watch.close();
      watch = new Inotify(realKernel, maxFolders);
    },

    deploy(root: string, { kernel = realKernel as Kernel, previousReleaseMs = 0 } = {}): ReleaseRoot {
      deployment = new ReleaseRoot(
        kernel,
        path(root),
        resolveSiteOptions({ previousReleaseMs }),
        watch,
        TRUST_MS,
        LOOK_MS,
      );
      deployment.check(0);
      return deployment;
    },

    /** Which release a lookup finds. */
    who(lookup = deployment!.current.lookup): string | number {
      const file = lookup.file(Buffer.from('who'), Date.now(), new Dependencies());
      if (typeof file === 'number') return file;
      const bytes = Buffer.alloc(100);
      const length = realKernel.pread(file.fd, bytes, 0, bytes.length, 0);
      realKernel.close(file.fd);
      return bytes.toString('utf8', 0, length);
    },

    /** What a server does before it answers. True when the path has led to another folder. */
    look(nowMs: number): boolean {
      watch.read();
      return nowMs >= deployment!.checkDueMs && deployment!.check(nowMs);
    },

    /** How many folders the kernel watches, proc_pid_fdinfo(5). */
    watchedByKernel: (): number =>
      fs.readFileSync(`/proc/self/fdinfo/${watch.fd}`, 'utf8').match(/^inotify wd:/gm)?.length ?? 0,
  };
}
