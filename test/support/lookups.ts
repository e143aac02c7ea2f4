import { readdirSync } from 'node:fs';
import { afterEach } from 'vitest';
import { Lookup } from '../../src/files/resolve/lookup.js';
import { Root } from '../../src/files/resolve/root.js';
import type { SymlinkPolicy } from '../../src/files/rules/site-options.js';
import { Dependencies } from '../../src/files/watch/dependencies.js';
import { Inotify } from '../../src/files/watch/inotify.js';
import { kernel as realKernel } from '../../src/sys/binding.js';
import type { Kernel } from '../../src/sys/kernel.js';

/** Lookups for the tests of a file; each ends with its test, or by `closeAll`. */
export function testLookups() {
  const opened: { close(): void }[] = [];
  const closeAll = (): void => {
    for (const each of opened.splice(0)) each.close();
  };
  afterEach(closeAll);

  /** Resolves names below a directory. `isInvalidated` reads the events since the last name. */
  function lookupIn(
    directory: string,
    symlinks: SymlinkPolicy = 'within-root',
    kernel: Kernel = realKernel,
    maxWatches = 100,
  ) {
    const inotify = new Inotify(realKernel, maxWatches);
    const root = Root.open(kernel, directory);
    opened.push(inotify, root);
    const lookup = new Lookup(kernel, root, inotify, symlinks, 0);
    let dependencies = new Dependencies();
    let invalidated = false;
    const dependent = {
      onInvalidated: () => {
        invalidated = true;
      },
    };
    return {
      lookup,
      inotify,
      /** The content of the file, or -errno. */
      find(name: string): string | number {
        dependencies.unsubscribe(dependent);
        dependencies = new Dependencies();
        invalidated = false;
        const file = lookup.file(Buffer.from(name), Date.now(), dependencies);
        dependencies.subscribe(dependent);
        if (typeof file === 'number') return file;
        const bytes = Buffer.alloc(100);
        const text = bytes.toString('utf8', 0, realKernel.pread(file.fd, bytes, 0, bytes.length, 0));
        realKernel.close(file.fd);
        return text;
      },
      entries(name: string): string[] | number {
        dependencies = new Dependencies();
        const fd = lookup.directory(Buffer.from(name), dependencies);
        dependencies.subscribe(dependent);
        if (fd < 0) return fd;
        const entries = readdirSync(`/proc/self/fd/${fd}`);
        realKernel.close(fd);
        return entries.sort();
      },
      get areWatched(): boolean {
        return dependencies.areWatched;
      },
      get isInvalidated(): boolean {
        inotify.read();
        return invalidated;
      },
    };
  }

  return { lookupIn, closeAll };
}
