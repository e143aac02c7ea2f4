import { constants } from '../../sys/binding.js';
import type { Kernel } from '../../sys/kernel.js';

const { AT_FDCWD, O_RDONLY } = constants;

/**
 * The kernel's word on what is mounted, proc_pid_mountinfo(5): a mount exchanges what a folder's name leads to, and
 * inotify(7) does not hear of it. Owns its descriptor; whoever owns a reactor says `news` when it is reported, and
 * before anything is answered. As an edge: to read is always possible, and EPOLLPRI, which a change has too, is taken by
 * the set around the reactor's when that is polled.
 */
export class Mounts {
  /** -errno where there is no /proc. */
  readonly fd: number;
  changes = 0;
  /** Called when any name may lead to another folder, on another file system. */
  onChange: () => void = () => {};
  private isReported = false;

  constructor(private readonly kernel: Kernel) {
    this.fd = kernel.openat(AT_FDCWD, '/proc/self/mountinfo', O_RDONLY);
  }

  /** The first report is of the descriptor's joining. */
  onMountEvent(): void {
    if (this.isReported) {
      this.changes++;
      this.onChange();
    }
    this.isReported = true;
  }

  close(): void {
    if (this.fd >= 0) this.kernel.close(this.fd);
  }
}
