import { constants, kernel as realKernel } from '../../src/sys/binding.js';
import { EINVAL } from '../../src/sys/errno.js';
import { type Kernel, OPEN_FD, Stat } from '../../src/sys/kernel.js';

type Calls = { [name in keyof Kernel]: Kernel[name] };
export type Observer = (args: readonly unknown[], result: unknown) => void;

const { O_NOCTTY, O_NONBLOCK, O_RDONLY, S_IFMT, S_IFREG } = constants;

/** The calls that `openRead` makes at once. */
const PARTS = ['openat2', 'fstat', 'pread', 'close'] as const;

/** `openRead` by calls of its own, so that those of a test that are replaced or observed are made. */
const openReadOf =
  (kernel: Kernel): Kernel['openRead'] =>
  (dirfd, path, pathOffset, pathLength, resolve, bytes, offset, length, out) => {
    out[OPEN_FD] = -1;
    const name = path.slice(pathOffset, pathOffset + pathLength);
    const fd = kernel.openat2(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, resolve);
    if (fd < 0) return fd;
    let result = kernel.fstat(fd, out);
    if (result >= 0 && (out[Stat.mode]! & S_IFMT) !== S_IFREG) result = EINVAL;
    if (result >= 0 && out[Stat.size]! >= length) {
      out[OPEN_FD] = fd;
      return 0;
    }
    if (result >= 0) result = kernel.pread(fd, bytes, offset, length, 0);
    kernel.close(fd);
    return result;
  };

/**
 * The real kernel with some calls replaced and others observed: the subject makes real system calls, and a test records
 * the ones that matter to it or makes them fail.
 */
export function kernelWith(
  replaced: Partial<Calls>,
  observed: { readonly [name in keyof Kernel]?: Observer } = {},
): Kernel {
  const kernel: Record<string, unknown> = { ...realKernel, ...replaced };
  if (PARTS.some((name) => name in replaced || name in observed)) {
    kernel['openRead'] = replaced.openRead ?? openReadOf(kernel as unknown as Kernel);
  }
  for (const [name, observe] of Object.entries(observed) as [keyof Kernel, Observer][]) {
    const call = kernel[name] as (...args: unknown[]) => unknown;
    kernel[name] = (...args: unknown[]) => {
      const result = call(...args);
      observe(args, result);
      return result;
    };
  }
  return kernel as unknown as Kernel;
}
