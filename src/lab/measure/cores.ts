import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Which cores the model and the load have to themselves; null where they cannot be told apart. */
export interface Cores {
  readonly model: number;
  readonly load: readonly number[];
}

/**
 * The model gets the first core that this process may use, the load what is left, but for the other threads of the
 * model's core, which would share its execution units (if there is anything else).
 */
export function assignCores(allowed: readonly number[], siblingsOf: (core: number) => readonly number[]): Cores | null {
  const [model, ...others] = allowed;
  if (model === undefined || others.length === 0) return null;
  const apart = others.filter((core) => !siblingsOf(model).includes(core));
  return { model, load: apart.length > 0 ? apart : others };
}

export const detectCores = (): Cores | null => assignCores(allowedCores(), siblings);

/** Cpus_allowed_list of proc_pid_status(5). */
export function allowedCores(): number[] {
  return parseCores(/^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0');
}

/** `0-2,5` is 0, 1, 2 and 5. */
export function parseCores(list: string): number[] {
  return list.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number);
    return Array.from({ length: last! - first! + 1 }, (_, at) => first! + at);
  });
}

function siblings(core: number): number[] {
  try {
    const path = `/sys/devices/system/cpu/cpu${core}/topology/thread_siblings_list`;
    return parseCores(readFileSync(path, 'utf8').trim());
  } catch {
    return [core]; // not every container shows it
  }
}

/** What stands before a command that is to run on these cores, taskset(1). */
export const tasksetArgs = (cores: number | readonly number[] | undefined): string[] =>
  cores === undefined ? [] : ['taskset', '-c', [cores].flat().join(',')];

/** Moves every thread of this process off the model's core. */
export function moveSelfTo(cores: readonly number[]): void {
  execFileSync('taskset', ['-a', '-p', '-c', cores.join(','), String(process.pid)], { stdio: 'ignore' });
}
