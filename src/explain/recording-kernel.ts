import { type Kernel, Stat } from '../sys/kernel.js';

/** A link that was read: where it stands, and what it says. */
export interface SymlinkRead {
  readonly name: string;
  readonly target: string;
}

/** What the kernel said on the way, for who wants to tell of it. */
export interface KernelRecord {
  links: SymlinkRead[];
  /** Of the last file that was looked at. */
  mode: number;
}

/** The kernel as it is; what it says is noted in `seen`. */
export function recordingKernel(kernel: Kernel, seen: KernelRecord): Kernel {
  const names = new Map<number, string>();
  const nameOf = (folder: number, path: Uint8Array | string): string => {
    const text = Buffer.from(path as Uint8Array).toString();
    const above = text.startsWith('/') ? undefined : names.get(folder);
    return above === undefined ? text : text === '' || text === '.' ? above : `${above}/${text}`;
  };
  const noted = (fd: number, folder: number, path: Uint8Array | string): number => {
    if (fd >= 0) names.set(fd, nameOf(folder, path));
    return fd;
  };
  const calls: Pick<Kernel, 'openat' | 'openat2' | 'readlinkat' | 'fstat'> = {
    openat: (folder, path, flags) => noted(kernel.openat(folder, path, flags), folder, path),
    openat2: (folder, path, flags, resolve) => noted(kernel.openat2(folder, path, flags, resolve), folder, path),
    readlinkat(folder, path) {
      const target = kernel.readlinkat(folder, path);
      if (typeof target !== 'number') {
        seen.links.push({ name: nameOf(folder, path), target: Buffer.from(target).toString() });
      }
      return target;
    },
    fstat(fd, out) {
      const result = kernel.fstat(fd, out);
      if (result === 0) seen.mode = out[Stat.mode]!;
      return result;
    },
  };
  return Object.assign(Object.create(kernel) as Kernel, calls);
}
