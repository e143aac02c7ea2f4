export interface WatchCalls {
  /**
   * inotify_init1(2). `flags`: IN_NONBLOCK. Returns a descriptor that is readable when there are events: `read` returns
   * as many as fit completely, -EINVAL if the next one does not fit (272 bytes fit any), and `forEachInotifyEvent` in
   * inotify.ts parses them. -EMFILE at the user's limit of instances (fs.inotify.max_user_instances, inotify(7)) or the
   * process's limit of descriptors.
   */
  inotifyInit1(flags: number): number;
  /**
   * inotify_add_watch(2); `path` as for `openat2`; requires read permission. `mask`: events, and IN_ONLYDIR,
   * IN_DONT_FOLLOW, IN_EXCL_UNLINK, IN_MASK_ADD. Returns a watch descriptor, which is not a file descriptor: it ends
   * with `inotifyRmWatch`, with the file, or with `fd`. The watch belongs to the inode, not the path: for a file that
   * is watched under another path the result is the same number, and its mask is replaced (with IN_MASK_ADD: extended).
   * -ENOENT, -EACCES, -ENOTDIR (IN_ONLYDIR for another kind of file), -ENOSPC at the user's limit of watches
   * (fs.inotify.max_user_watches), -EINVAL if `fd` is not an inotify descriptor or the mask has no event.
   */
  inotifyAddWatch(fd: number, path: Uint8Array | string, mask: number): number;
  /**
   * inotify_rm_watch(2). Returns 0; IN_IGNORED is the watch's last event, behind those that wait to be read. -EINVAL if
   * there is no such watch, or `fd` is not an inotify descriptor.
   */
  inotifyRmWatch(fd: number, wd: number): number;
}
