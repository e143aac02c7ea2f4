import type { Decisions, Observe } from '../files/representation/decisions.js';
import type { Kernel } from '../sys/kernel.js';
import { type KernelRecord, recordingKernel } from './recording-kernel.js';

/** Records what a site decides for one request, and what the kernel reports while its path is resolved. */
export class Recorder {
  readonly decisions: Partial<Decisions> = {};
  /** While the path was resolved. */
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
