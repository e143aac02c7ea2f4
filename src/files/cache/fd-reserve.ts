import { EMFILE, ENFILE } from '../../sys/errno.js';
import type { Kernel } from '../../sys/kernel.js';
import type { FileCache } from './cache.js';

/** Evicted at once, so that a shortage does not make every open and every accept search the caches. */
const RECLAIMED_DESCRIPTORS = 32;

/** The descriptors that caches hold to send from: closed when a system call fails with EMFILE or ENFILE. */
export class FdReserve {
  private readonly caches: FileCache[] = [];

  add(cache: FileCache): void {
    this.caches.push(cache);
  }

  /** Evicts cached files that hold descriptors. Returns false if there are none. */
  reclaim(): boolean {
    return this.caches.some((cache) => cache.evictDescriptors(RECLAIMED_DESCRIPTORS));
  }
}

const isOutOfDescriptors = (result: number): boolean => result === EMFILE || result === ENFILE;

/** A kernel that retries an open once when it failed for want of a descriptor and the reserve had some. */
export function withDescriptorReserve(kernel: Kernel, reserve: Pick<FdReserve, 'reclaim'>): Kernel {
  const calls: Pick<Kernel, 'openat' | 'openat2' | 'openRead'> = {
    openat(dirfd, path, flags) {
      const fd = kernel.openat(dirfd, path, flags);
      return isOutOfDescriptors(fd) && reserve.reclaim() ? kernel.openat(dirfd, path, flags) : fd;
    },
    openat2(dirfd, path, flags, resolve) {
      const fd = kernel.openat2(dirfd, path, flags, resolve);
      return isOutOfDescriptors(fd) && reserve.reclaim() ? kernel.openat2(dirfd, path, flags, resolve) : fd;
    },
    openRead(dirfd, path, pathOffset, pathLength, resolve, bytes, offset, length, out) {
      const count = kernel.openRead(dirfd, path, pathOffset, pathLength, resolve, bytes, offset, length, out);
      if (!isOutOfDescriptors(count) || !reserve.reclaim()) return count;
      return kernel.openRead(dirfd, path, pathOffset, pathLength, resolve, bytes, offset, length, out);
    },
  };
  return Object.assign(Object.create(kernel) as Kernel, calls);
}
