import { isOfFilesystem } from './file-system.js';

/** Why changes are not reported, besides the errors of a watch: in short, as the server's statistics have it. */
export const HARD_LINKS = 'hard links';
export const FILE_MOUNT = 'mounted files';
export const ESCAPING_SYMLINK = 'symlinks out of the root';
export const NO_OPENAT2 = 'no openat2';
export const LISTINGS = 'listings';
/** The page changed a moment ago, or the cache has no room for it. */
export const TRANSIENT_PAGES = 'error pages that are not cached';

const TEXTS: Readonly<Record<string, string>> = {
  [HARD_LINKS]: 'the file has other hard links, and writes through those are not reported',
  [FILE_MOUNT]: 'the file is a mount of its own, and writes through its other names are not reported',
  [ESCAPING_SYMLINK]: 'a symlink leads out of the root, where nothing is watched',
  [NO_OPENAT2]: 'without openat2(2) its dependencies are not known',
  [LISTINGS]: 'a listing shows times and symlink targets that change in other directories',
  [TRANSIENT_PAGES]: 'its error page is resolved again for each request',
};

/** The same at length, to explain one response. */
export const unwatchedText = (reason: string): string =>
  TEXTS[reason] ?? (isOfFilesystem(reason) ? reason : `not all directories are watched (${reason})`);
