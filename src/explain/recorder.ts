import type { Decisions, Observe } from '../files/representation/decisions.js';
import { type Kernel, Stat } from '../sys/kernel.js';

/** A symlink that was read, by its path as it was opened. */
export interface SymlinkRead {
  readonly name: string;
  readonly target: string;
}

interface KernelRecord {
  symlinks: SymlinkRead[];
  /** st_mode of the last fstat(2). */
  mode: number;
}

/** Records what a site decides for one request, and what the kernel reports while its path is resolved. */
export class Recorder {
  readonly decisions: Partial<Decisions> = {};
  resolving: KernelRecord = { symlinks: [], mode: 0 };
  readonly kernel: Kernel;
  private readonly record: KernelRecord = { symlinks: [], mode: 0 };

  constructor(kernel: Kernel) {
    this.kernel = recordingKernel(kernel, this.record);
  }

  readonly observe: Observe = (name, decision) => {
    this.decisions[name] = decision;
    if (name === 'path') this.record.symlinks = [];
    if (name === 'resolution') this.resolving = { ...this.record, symlinks: [...this.record.symlinks] };
  };
}

function recordingKernel(kernel: Kernel, record: KernelRecord): Kernel {
  const names = new Map<number, string>();
  const nameOf = (directory: number, path: Uint8Array | string): string => {
    const text = Buffer.from(path as Uint8Array).toString();
    const parent = text.startsWith('/') ? undefined : names.get(directory);
    return parent === undefined ? text : text === '' || text === '.' ? parent : `${parent}/${text}`;
  };
  const opened = (fd: number, directory: number, path: Uint8Array | string): number => {
    if (fd >= 0) names.set(fd, nameOf(directory, path));
    return fd;
  };
  const calls: Pick<Kernel, 'openat' | 'openat2' | 'readlinkat' | 'fstat'> = {
    openat: (directory, path, flags) => opened(kernel.openat(directory, path, flags), directory, path),
    openat2: (directory, path, flags, resolve) =>
      opened(kernel.openat2(directory, path, flags, resolve), directory, path),
    readlinkat(directory, path) {
      const target = kernel.readlinkat(directory, path);
      if (typeof target !== 'number') {
        record.symlinks.push({ name: nameOf(directory, path), target: Buffer.from(target).toString() });
      }
      return target;
    },
    fstat(fd, out) {
      const result = kernel.fstat(fd, out);
      if (result === 0) record.mode = out[Stat.mode]!;
      return result;
    },
  };
  return Object.assign(Object.create(kernel) as Kernel, calls);
}
