import { cpus, loadavg, release, totalmem } from 'node:os';
import { textOf } from '../base/text-file.js';
import { allowedCores, type Cores } from './cores.js';
import { fingerprintOf } from './fingerprint.js';

/** The environment of a run. Results from different machines, or from a busy and an idle one, are not comparable. */
export interface Machine {
  /** Only reports with the same one are compared: of processor, cores and memory. */
  readonly fingerprint: string;
  readonly cpu: string;
  /** The number of cores that this process may use. */
  readonly cores: number;
  readonly kernel: string;
  readonly node: string;
  readonly v8: string;
  readonly libuv: string;
  readonly memoryMib: number;
  /** Null if model and load share the cores. */
  readonly pinned: Cores | null;
  /** The one-minute load average before the run: work of other processes. */
  readonly loadAverage: number;
  /** RLIMIT_NOFILE, getrlimit(2). */
  readonly openFiles: number;
}

export function describeMachine(pinned: Cores | null): Machine {
  const hardware = {
    cpu: cpus()[0]?.model.trim() || 'unknown',
    cores: allowedCores().length,
    memoryMib: Math.round(totalmem() / 1024 / 1024),
    pinned,
  };
  return {
    fingerprint: fingerprintOf(hardware),
    ...hardware,
    kernel: release(),
    node: process.version,
    v8: process.versions.v8,
    libuv: process.versions['uv']!,
    loadAverage: Math.round(loadavg()[0]! * 100) / 100,
    openFiles: openFilesLimit(),
  };
}

/** The soft limit of RLIMIT_NOFILE; Node raises it to the hard limit at startup. */
export function openFilesLimit(): number {
  const soft = /^Max open files\s+(\S+)/m.exec(textOf('/proc/self/limits'))?.[1];
  return soft === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(soft ?? 1024);
}
