import type { Kernel } from '../../sys/kernel.js';
import type { NotAFile } from '../resolve/open-file.js';
import type { Release } from '../resolve/release-root.js';
import { Dependencies } from '../watch/dependencies.js';

/** A page that a site is to fall back to, and cannot send. */
export interface MissingFallback {
  readonly root: string;
  /** Below the root. */
  readonly name: string;
  readonly errno: NotAFile;
}

/** Null when the fallback is there, or is to be none. */
export function missingFallback(kernel: Kernel, release: Release, name: string | null): MissingFallback | null {
  if (name === null) return null;
  const found = release.lookup.file(Buffer.from(name), kernel.wallMs(), new Dependencies());
  if (typeof found === 'number') return { root: release.root.path, name, errno: found };
  kernel.close(found.fd);
  return null;
}
