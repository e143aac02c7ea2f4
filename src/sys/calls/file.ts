export interface FileCalls {
  /**
   * openat2(2). `path` is the path's bytes without a final NUL, or a string, which is encoded as UTF-8; a NUL inside is
   * a TypeError. `flags` are those of open(2); -EINVAL for unknown ones. `resolve`: RESOLVE_BENEATH and so on. Returns a descriptor; -ENOSYS before Linux 5.6, -EPERM under some seccomp profiles, -EXDEV for a path that
   * escapes `dirfd`, -EAGAIN if a concurrent rename prevented the check.
   * @param mode the permissions of a file that O_CREAT or O_TMPFILE creates, less the umask; 0 to 0o7777, 0 by default,
   *   and -EINVAL for another without these flags
   */
  openat2(dirfd: number, path: Uint8Array | string, flags: number, resolve: number, mode?: number): number;
  /**
   * openat(2); `path` as for `openat2`. `dirfd` AT_FDCWD is the working directory. Returns a descriptor.
   * @param mode as for `openat2`, but without effect if no file is created
   */
  openat(dirfd: number, path: Uint8Array | string, flags: number, mode?: number): number;
  /**
   * readlinkat(2). Returns the symlink's target as bytes, or -errno. With an empty `path`, `dirfd` is an O_PATH
   * descriptor of the symlink.
   */
  readlinkat(dirfd: number, path: Uint8Array | string): Uint8Array | number;
  /** fstat(2) into an array of at least STAT_WORDS numbers, with the indexes of `Stat`. Returns 0. */
  fstat(fd: number, out: Float64Array): number;
  /**
   * fstatat(2) of a path that is a part of `bytes`, without a final NUL; a NUL inside is a TypeError. `flags`:
   * AT_SYMLINK_NOFOLLOW, or 0. Into an array as for `fstat`. Returns 0.
   */
  fstatat(dirfd: number, bytes: Uint8Array, offset: number, length: number, flags: number, out: Float64Array): number;
  /**
   * Opens a regular file and reads it whole: openat2(2) with O_RDONLY, O_NONBLOCK and O_NOCTTY, fstat(2), pread(2), fstat(2)
   * and close(2). The path is a part of `path`, as for `fstatat`. A file that is not shorter than `length` is not read, and
   * its descriptor, the caller's, is `out[OPEN_FD]`; otherwise that is -1. A FIFO or a device is opened, which may have an
   * effect on its other end, and closed again.
   * @param out the array as for `fstat`, with OPEN_READ_WORDS numbers at least: the file before it was read
   * @returns the count that was read, from the start; -EINVAL for other types of files; -EBUSY if size or times changed
   *   meanwhile; or -errno as the calls do
   */
  openRead(
    dirfd: number,
    path: Uint8Array,
    pathOffset: number,
    pathLength: number,
    resolve: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    out: Float64Array,
  ): number;
  /** pread(2). `position`: 0 to 2^53-1. Returns the count; 0 at end of file. */
  pread(fd: number, bytes: Uint8Array, offset: number, length: number, position: number): number;
  /**
   * getdents64(2). Fills `bytes` with the next entries of a directory, as many as fit completely, "." and ".."
   * included; `forEachEntry` in directory.ts parses them. Returns the count of bytes; 0 at the end. The position
   * belongs to the open file description: to start again, open the directory again. -EINVAL if the next entry does not
   * fit (a name of 255 bytes takes 280; few file systems have longer names), -ENOTDIR if it is not a directory, -ENOENT
   * if it was removed, -EBADF for an O_PATH descriptor.
   */
  getdents64(fd: number, bytes: Uint8Array): number;
  /**
   * fstatfs(2). Returns f_type, the magic number of the file system as listed in statfs(2), 0 to 2^32-1. An O_PATH
   * descriptor is sufficient. -ENOSYS if the file system does not support the call.
   */
  fstatfs(fd: number): number;
}

/** The indexes of the fields in the array that `fstat` fills. Inode and device are split into 32-bit halves. */
export const Stat = {
  mode: 0,
  size: 1,
  mtimeSeconds: 2,
  mtimeNanoseconds: 3,
  ctimeSeconds: 4,
  ctimeNanoseconds: 5,
  inodeLow: 6,
  inodeHigh: 7,
  deviceLow: 8,
  deviceHigh: 9,
  links: 10,
} as const;
export const STAT_WORDS = 11;
/** Where `openRead` has the descriptor, behind the words of `Stat`. */
export const OPEN_FD = STAT_WORDS;
export const OPEN_READ_WORDS: number = STAT_WORDS + 1;
