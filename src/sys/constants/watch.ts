/** The constants of inotify. */
export interface WatchConstants {
  // inotify_init1(2), inotify(7)
  readonly IN_NONBLOCK: number;
  readonly IN_ACCESS: number;
  readonly IN_MODIFY: number;
  readonly IN_ATTRIB: number;
  readonly IN_CLOSE_WRITE: number;
  readonly IN_CLOSE_NOWRITE: number;
  readonly IN_OPEN: number;
  readonly IN_CREATE: number;
  readonly IN_DELETE: number;
  readonly IN_DELETE_SELF: number;
  readonly IN_MOVED_FROM: number;
  readonly IN_MOVED_TO: number;
  readonly IN_MOVE_SELF: number;
  readonly IN_ONESHOT: number;
  readonly IN_ONLYDIR: number;
  readonly IN_DONT_FOLLOW: number;
  readonly IN_EXCL_UNLINK: number;
  readonly IN_MASK_ADD: number;
  readonly IN_IGNORED: number;
  readonly IN_ISDIR: number;
  readonly IN_Q_OVERFLOW: number;
  readonly IN_UNMOUNT: number;
}
