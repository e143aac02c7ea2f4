import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { allowedCores, type Cores } from './cores.js';

/** Where it was measured. Figures of two machines are not to be compared, nor of a busy one with a quiet one. */
export interface Machine {
  readonly cpu: string;
  /** Those that this process may use. */
  readonly cores: number;
  readonly kernel: string;
  readonly node: string;
  readonly v8: string;
  readonly libuv: string;
  readonly memoryMib: number;
  /** Null where model and load are not kept apart. */
  readonly pinned: Cores | null;
  /** The load average of the last minute at the start: what else the machine had to do. */
  readonly loadAverage: number;
  /** RLIMIT_NOFILE, getrlimit(2). */
  readonly openFiles: number;
}

export function describeMachine(pinned: Cores | null): Machine {
  return {
    cpu: cpus()[0]?.model.trim() || 'unknown',
    cores: allowedCores().length,
    kernel: release(),
    node: process.version,
    v8: process.versions.v8,
    libuv: process.versions['uv']!,
    memoryMib: Math.round(totalmem() / 1024 / 1024),
    pinned,
    loadAverage: Math.round(loadavg()[0]! * 100) / 100,
    openFiles: openFilesLimit(),
  };
}

/** The soft limit, which Node raises to the hard one when it starts. */
export function openFilesLimit(): number {
  const soft = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return soft === 'unlimited' ? Number.MAX_SAFE_INTEGER : Number(soft ?? 1024);
}
