import { constants } from '../../sys/binding.js';
import { ENOSPC, systemError } from '../../sys/errno.js';
import { forEachInotifyEvent } from '../../sys/inotify.js';
import type { Kernel } from '../../sys/kernel.js';

const { IN_ATTRIB, IN_CREATE, IN_DELETE, IN_MODIFY, IN_MOVED_FROM, IN_MOVED_TO } = constants;
const { IN_DELETE_SELF, IN_IGNORED, IN_MOVE_SELF, IN_ONLYDIR, IN_UNMOUNT } = constants;
const { IN_MASK_ADD, IN_NONBLOCK, IN_Q_OVERFLOW } = constants;

/** Events after which a name in a directory may have other content, inotify(7). */
export const CONTENT_CHANGES = IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO;
/** Events after which a name may stand for another file: for directories on the way to a root, where much may be written. */
export const NAME_CHANGES = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
const DIRECTORY_CHANGES = IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
const DIRECTORY_IS_GONE = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED;

/** A few hundred events a read; each takes 16 bytes and its name. */
const READ_BYTES = 32768;
/** A flood of events is read in pieces, so that requests are served in between. */
const READS_PER_TURN = 8;

export const NOT_WATCHED = -1;

export interface DirectoryListener {
  onEntryChanged(name: string): void;
  /** The directory was moved, removed or unmounted, or its permissions changed. */
  onDirectoryChanged(): void;
}

/**
 * The watches of directories, inotify(7), and the dispatch of their events. Owns its descriptor. The owner of a reactor
 * calls `read` when that is readable, before any request of the turn is served, so that no response is older than an event.
 *
 * 1. `add` puts a watch on a directory and subscribes a listener. Listeners of the same directory share one watch.
 * 2. `read` takes events off the queue and calls the listeners: `onEntryChanged` for a name, `onDirectoryChanged` for the
 *    directory itself.
 * 3. `remove` ends the watch with its last listener. The kernel ends it when the directory is gone (IN_IGNORED).
 *
 * Where there is no watch (no inotify, the limit of watches, an error), `add` returns NOT_WATCHED and `watchError` has the
 * reason: the caller must poll. When events are lost (IN_Q_OVERFLOW), or stay unread at the end of a turn, `onOverflow` is
 * called: everything that was resolved before is stale.
 */
export class Inotify {
  /** -errno when there is no inotify. */
  readonly fd: number;
  /** Why the last `add` that failed did; null while none has. */
  watchError: string | null = null;
  events = 0;
  overflows = 0;
  backlogs = 0;
  onOverflow: () => void = () => {};
  private readonly listeners = new Map<number, Set<DirectoryListener>>();
  private readonly bytes = Buffer.allocUnsafeSlow(READ_BYTES);

  constructor(
    private readonly kernel: Kernel,
    private readonly maxWatches: number,
  ) {
    this.fd = kernel.inotifyInit1(IN_NONBLOCK);
    if (this.fd < 0) this.watchError = systemError('inotify_init1', this.fd).message;
  }

  get size(): number {
    return this.listeners.size;
  }

  /** Whether our limits allow another watch; the kernel's show only in `add`. */
  get hasRoom(): boolean {
    return this.fd >= 0 && this.listeners.size < this.maxWatches;
  }

  /**
   * @param directoryFd an open descriptor of the directory, also an O_PATH one; the caller's
   * @param changes CONTENT_CHANGES or NAME_CHANGES
   * @returns the watch descriptor for `remove`, or NOT_WATCHED
   */
  add(directoryFd: number, listener: DirectoryListener, changes: number): number {
    if (this.fd < 0) return NOT_WATCHED;
    if (this.maxWatches === 0) return this.notWatched(this.limit);
    // By descriptor, since the name may lead to another directory by now. IN_MASK_ADD: a second listener of the same
    // directory must not take events from the first.
    const mask = changes | DIRECTORY_CHANGES | IN_MASK_ADD;
    const wd = this.kernel.inotifyAddWatch(this.fd, `/proc/self/fd/${directoryFd}`, mask);
    if (wd === ENOSPC) return this.notWatched('fs.inotify.max_user_watches');
    if (wd < 0) return this.notWatched(systemError('inotify_add_watch', wd).message);
    const sharing = this.listeners.get(wd);
    if (sharing === undefined && this.listeners.size >= this.maxWatches) {
      this.kernel.inotifyRmWatch(this.fd, wd);
      return this.notWatched(this.limit);
    }
    this.listeners.set(wd, (sharing ?? new Set()).add(listener));
    return wd;
  }

  remove(wd: number, listener: DirectoryListener): void {
    const sharing = this.listeners.get(wd);
    if (!sharing?.delete(listener) || sharing.size > 0) return;
    this.listeners.delete(wd);
    this.kernel.inotifyRmWatch(this.fd, wd);
  }

  read(): void {
    for (let reads = 0; reads < READS_PER_TURN; reads++) {
      const length = this.kernel.read(this.fd, this.bytes, 0, READ_BYTES);
      if (length <= 0) return;
      forEachInotifyEvent(this.bytes, length, (wd, mask, name) => this.dispatch(wd, mask, name));
      if (length < READ_BYTES / 2) return; // a read far below the buffer's size emptied the queue
    }
    this.backlogs++;
    this.onOverflow();
  }

  close(): void {
    if (this.fd >= 0) this.kernel.close(this.fd);
    this.listeners.clear();
  }

  private dispatch(wd: number, mask: number, name: Buffer): void {
    this.events++;
    if (mask & IN_Q_OVERFLOW) {
      this.overflows++;
      return this.onOverflow();
    }
    const sharing = this.listeners.get(wd);
    if (sharing === undefined) return; // removed while its events were queued
    if (mask & IN_IGNORED) this.listeners.delete(wd); // the kernel has ended this watch
    const entry = name.toString('latin1');
    for (const listener of [...sharing]) {
      if (mask & DIRECTORY_IS_GONE || entry === '') listener.onDirectoryChanged();
      else listener.onEntryChanged(entry);
    }
  }

  private get limit(): string {
    return `the limit of ${this.maxWatches} watches`;
  }

  private notWatched(reason: string): number {
    this.watchError = reason;
    return NOT_WATCHED;
  }
}
