/** Why changes are not reported, besides the errors of a watch: in short, as the server's statistics have it. */
export const HARD_LINKS = 'hard links';
export const ESCAPING_SYMLINK = 'symlinks out of the root';
export const NO_OPENAT2 = 'no openat2';
export const LISTINGS = 'listings';
/** The page changed a moment ago, or the cache has no room for it. */
export const TRANSIENT_PAGES = 'error pages that are not cached';

/**
 * File systems that change without an inotify event, by the magic numbers of statfs(2): network and virtual ones, and
 * overlays, whose lower layers may be written directly, inotify(7).
 */
const NON_NOTIFYING: ReadonlyMap<number, string> = new Map([
  [0x6969, 'nfs'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb2'],
  [0x517b, 'smb'],
  [0x01021997, '9p'],
  [0x65735546, 'fuse'],
  [0x786f4256, 'vboxsf'],
  [0x00c36400, 'ceph'],
  [0x5346414f, 'afs'],
  [0x6b414653, 'kafs'],
  [0x73757245, 'coda'],
  [0x0bd00bd0, 'lustre'],
  [0x47504653, 'gpfs'],
  [0x01161970, 'gfs2'],
  [0x7461636f, 'ocfs2'],
  [0x794c7630, 'overlay'],
  [0x9fa0, 'proc'],
  [0x62656572, 'sysfs'],
]);

const FILE_SYSTEM = 'the file system is ';

/**
 * Why not all changes in a file system are reported; null if they are.
 * @param type the result of fstatfs(2): a magic number, or -errno, for which changes count as not reported
 */
export function unwatchedFilesystem(type: number): string | null {
  const name = NON_NOTIFYING.get(type) ?? (type < 0 ? 'unknown' : null);
  return name === null ? null : `${FILE_SYSTEM}${name}, which does not report all changes`;
}

const TEXTS: Readonly<Record<string, string>> = {
  [HARD_LINKS]: 'the file has other hard links, and writes through those are not reported',
  [ESCAPING_SYMLINK]: 'a symlink leads out of the root, where nothing is watched',
  [NO_OPENAT2]: 'without openat2(2) its dependencies are not known',
  [LISTINGS]: 'a listing shows times and symlink targets that change in other directories',
  [TRANSIENT_PAGES]: 'its error page is resolved again for each request',
};

/** The same at length, to explain one response. */
export const unwatchedText = (reason: string): string =>
  TEXTS[reason] ?? (reason.startsWith(FILE_SYSTEM) ? reason : `not all directories are watched (${reason})`);
