import { EMFILE, ENFILE } from '../../sys/errno.js';
import type { Kernel } from '../../sys/kernel.js';

const isOutOf = (result: number): boolean => result === EMFILE || result === ENFILE;

/** The kernel as it is, but that what finds no descriptor left is tried once more when some could be let go. */
export function withDescriptorReserve(kernel: Kernel, letGo: () => boolean): Kernel {
  const calls: Pick<Kernel, 'openat' | 'openat2'> = {
    openat(folder, path, flags) {
      const fd = kernel.openat(folder, path, flags);
      return isOutOf(fd) && letGo() ? kernel.openat(folder, path, flags) : fd;
    },
    openat2(folder, path, flags, resolve) {
      const fd = kernel.openat2(folder, path, flags, resolve);
      return isOutOf(fd) && letGo() ? kernel.openat2(folder, path, flags, resolve) : fd;
    },
  };
  return Object.assign(Object.create(kernel) as Kernel, calls);
}
