/** The constants of files. */
export interface FileConstants {
  // open(2)
  readonly AT_FDCWD: number;
  readonly AT_SYMLINK_NOFOLLOW: number;
  readonly O_RDONLY: number;
  readonly O_WRONLY: number;
  readonly O_RDWR: number;
  readonly O_APPEND: number;
  readonly O_CLOEXEC: number;
  readonly O_CREAT: number;
  readonly O_DIRECT: number;
  readonly O_DIRECTORY: number;
  readonly O_DSYNC: number;
  readonly O_EXCL: number;
  readonly O_NOATIME: number;
  readonly O_NOCTTY: number;
  readonly O_NOFOLLOW: number;
  readonly O_NONBLOCK: number;
  readonly O_PATH: number;
  readonly O_SYNC: number;
  readonly O_TMPFILE: number;
  readonly O_TRUNC: number;
  // openat2(2)
  readonly RESOLVE_BENEATH: number;
  readonly RESOLVE_CACHED: number;
  readonly RESOLVE_IN_ROOT: number;
  readonly RESOLVE_NO_MAGICLINKS: number;
  readonly RESOLVE_NO_SYMLINKS: number;
  readonly RESOLVE_NO_XDEV: number;
  // inode(7)
  readonly S_IFMT: number;
  readonly S_IFREG: number;
  readonly S_IFDIR: number;
  readonly S_IFLNK: number;
  readonly S_IFIFO: number;
  readonly S_IFSOCK: number;
  readonly S_IFCHR: number;
  readonly S_IFBLK: number;
}
