import { constants } from '../../sys/binding.js';
import { ENOSPC, systemError } from '../../sys/errno.js';
import { forEachInotifyEvent } from '../../sys/inotify.js';
import type { Kernel } from '../../sys/kernel.js';

const {
  IN_ATTRIB,
  IN_CREATE,
  IN_DELETE,
  IN_DELETE_SELF,
  IN_IGNORED,
  IN_MASK_ADD,
  IN_MODIFY,
  IN_MOVE_SELF,
  IN_MOVED_FROM,
  IN_MOVED_TO,
  IN_NONBLOCK,
  IN_ONLYDIR,
  IN_Q_OVERFLOW,
  IN_UNMOUNT,
} = constants;

/** Everything after which a name in a folder may stand for something else, inotify(7). */
export const CONTENT_CHANGES = IN_ATTRIB | IN_CREATE | IN_DELETE | IN_MODIFY | IN_MOVED_FROM | IN_MOVED_TO;
/** After which it may stand for another file: for folders that only lead to a root, where much else may be written. */
export const NAME_CHANGES = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
const DIRECTORY_CHANGES = IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
const DIRECTORY_IS_GONE = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED;

/** Room for a few hundred events a read; one takes 16 bytes and its name. */
const READ_BYTES = 32768;
/** A flood of events is read in pieces, so that requests are answered between them. */
const READS_PER_TURN = 8;

export const NOT_WATCHED = -1;

/** A folder that is watched. */
export interface DirectoryListener {
  /** This entry has changed, or may have. */
  onEntryChanged(name: string): void;
  /** The folder is somewhere else, is gone, or its permissions have changed. */
  onDirectoryChanged(): void;
}

/**
 * The kernel's word on what changes in folders, inotify(7). Owns its descriptor; whoever owns a reactor asks `read` when
 * that is readable, before anything is answered. Says so where it cannot watch, and then somebody must look by time.
 */
export class Inotify {
  /** -1 when the kernel has no inotify for us. */
  readonly fd: number;
  /** Why the last folder that is not watched is not; null while there was none. */
  watchError: string | null = null;
  events = 0;
  overflows = 0;
  /** How often there was more to read than a turn has time for. */
  backlogs = 0;
  /** Called when events were lost, or are unread still while requests are answered: nothing that was learnt before holds. */
  onOverflow: () => void = () => {};
  private readonly directories = new Map<number, Set<DirectoryListener>>();
  private readonly bytes = Buffer.allocUnsafeSlow(READ_BYTES);

  constructor(
    private readonly kernel: Kernel,
    private readonly maxFolders: number,
  ) {
    this.fd = kernel.inotifyInit1(IN_NONBLOCK);
    if (this.fd < 0) this.watchError = systemError('inotify_init1', this.fd).message;
  }

  get size(): number {
    return this.directories.size;
  }

  /** Another folder might be watched: whether the kernel wants to is seen by asking. */
  get hasRoom(): boolean {
    return this.fd >= 0 && this.directories.size < this.maxFolders;
  }

  /**
   * @param folderFd an open descriptor of the folder, O_PATH will do; the caller's
   * @returns the watch's number for `remove`, or NOT_WATCHED
   */
  add(folderFd: number, folder: DirectoryListener, changes: number): number {
    if (this.fd < 0) return NOT_WATCHED;
    if (this.maxFolders === 0) return this.countRefusedWatch();
    // By descriptor, for a name may stand for another folder by now. A folder that is watched already has one watch for
    // all who ask, whose events must not become fewer.
    const mask = changes | DIRECTORY_CHANGES | IN_MASK_ADD;
    const wd = this.kernel.inotifyAddWatch(this.fd, `/proc/self/fd/${folderFd}`, mask);
    if (wd === ENOSPC) return this.setUnavailable('fs.inotify.max_user_watches');
    if (wd < 0) return this.setUnavailable(systemError('inotify_add_watch', wd).message);
    const sharing = this.directories.get(wd);
    if (sharing) {
      sharing.add(folder);
      return wd;
    }
    if (this.directories.size >= this.maxFolders) {
      this.kernel.inotifyRmWatch(this.fd, wd);
      return this.countRefusedWatch();
    }
    this.directories.set(wd, new Set([folder]));
    return wd;
  }

  remove(wd: number, folder: DirectoryListener): void {
    const sharing = this.directories.get(wd);
    if (!sharing?.delete(folder) || sharing.size > 0) return;
    this.directories.delete(wd);
    this.kernel.inotifyRmWatch(this.fd, wd);
  }

  /** Reads what has happened and tells the folders. */
  read(): void {
    for (let reads = 0; reads < READS_PER_TURN; reads++) {
      const length = this.kernel.read(this.fd, this.bytes, 0, READ_BYTES);
      if (length <= 0) return;
      forEachInotifyEvent(this.bytes, length, (wd, mask, name) => this.notify(wd, mask, name));
      if (length < READ_BYTES / 2) return; // what did not fill the room was all there was
    }
    this.backlogs++;
    this.onOverflow();
  }

  close(): void {
    if (this.fd >= 0) this.kernel.close(this.fd);
    this.directories.clear();
  }

  private notify(wd: number, mask: number, name: Buffer): void {
    this.events++;
    if (mask & IN_Q_OVERFLOW) {
      this.overflows++;
      return this.onOverflow();
    }
    const sharing = this.directories.get(wd);
    if (sharing === undefined) return; // let go meanwhile
    if (mask & IN_IGNORED) this.directories.delete(wd); // the kernel has ended this watch
    const entry = name.toString('latin1');
    for (const folder of [...sharing]) {
      if (mask & DIRECTORY_IS_GONE || entry === '') folder.onDirectoryChanged();
      else folder.onEntryChanged(entry);
    }
  }

  private countRefusedWatch(): number {
    return this.setUnavailable(`the limit of ${this.maxFolders} folders`);
  }

  private setUnavailable(why: string): number {
    this.watchError = why;
    return NOT_WATCHED;
  }
}
