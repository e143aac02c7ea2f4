import { createHash } from 'node:crypto';
import type { Cores } from './cores.js';

export interface Hardware {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMib: number;
  /** Null if model and load share the cores. */
  readonly pinned: Cores | null;
}

/** What figures depend on, and a run cannot change: the processor, the cores that are used, and the memory in GiB. */
const hardwareOf = ({ cpu, cores, memoryMib, pinned }: Hardware): string =>
  [cpu, cores, Math.round(memoryMib / 1024), pinned === null ? 'shared' : [pinned.model, ...pinned.load]].join('\n');

/** Twelve digits of a hash. Machines with the same one may be compared. */
export const fingerprintOf = (machine: Hardware): string =>
  createHash('sha256').update(hardwareOf(machine)).digest('hex').slice(0, 12);
