import { constants } from '../../sys/binding.js';
import type { Kernel } from '../../sys/kernel.js';

const { AT_FDCWD, O_RDONLY } = constants;

/**
 * Reports mounts and unmounts, proc_pid_mountinfo(5): a mount changes what a directory's name leads to without an inotify
 * event. Owns its descriptor. The owner of a reactor registers it and calls `onMountEvent` before any request of the turn
 * is served. Registered as an edge: the file is always readable, and EPOLLPRI, which also marks a change, is consumed by
 * the outer epoll set when that polls the reactor's.
 */
export class Mounts {
  /** -errno where there is no /proc. */
  readonly fd: number;
  changes = 0;
  /** Called when any name may lead to another directory, on another file system. */
  onChange: () => void = () => {};
  private hasReported = false;

  constructor(private readonly kernel: Kernel) {
    this.fd = kernel.openat(AT_FDCWD, '/proc/self/mountinfo', O_RDONLY);
  }

  /** The first event reports the registration itself. */
  onMountEvent(): void {
    if (this.hasReported) {
      this.changes++;
      this.onChange();
    }
    this.hasReported = true;
  }

  close(): void {
    if (this.fd >= 0) this.kernel.close(this.fd);
  }
}
