import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';

const CGROUPS = '/sys/fs/cgroup';

/** Reads a small file; null if it does not exist or cannot be read. */
type ReadText = (path: string) => string | null;

/**
 * The cores that this process may use: those of its affinity, sched_getaffinity(2), but no more than the CPU time that
 * its cgroup and those above it may use, cpu.max of cgroup v2, rounded up. At least 1.
 */
export function usableCores(byAffinity = availableParallelism(), read: ReadText = readText): number {
  const path = /^0::(\/.*)$/m.exec(read('/proc/self/cgroup') ?? '')?.[1] ?? '/';
  let cores = byAffinity;
  for (let group = path; ; group = dirname(group)) {
    const [quota, period] = (read(join(CGROUPS, group, 'cpu.max')) ?? 'max 100000').split(' ').map(Number);
    if (quota! > 0 && period! > 0) cores = Math.min(cores, Math.ceil(quota! / period!));
    if (group === '/') return Math.max(1, cores);
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
