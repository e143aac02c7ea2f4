import { execFileSync } from 'node:child_process';
import { textOf } from '../base/text-file.js';

export interface Cores {
  readonly model: number;
  readonly load: readonly number[];
}

/**
 * The model gets the first core that this process may use. The load gets the other ones, without the hyperthread
 * siblings of the model's core, which share its execution units, unless there are no others.
 */
export function assignCores(allowed: readonly number[], siblingsOf: (core: number) => readonly number[]): Cores | null {
  const [model, ...others] = allowed;
  if (model === undefined || others.length === 0) return null;
  const separate = others.filter((core) => !siblingsOf(model).includes(core));
  return { model, load: separate.length > 0 ? separate : others };
}

export const detectCores = (): Cores | null => assignCores(allowedCores(), siblings);

/** Cpus_allowed_list, proc_pid_status(5). */
export function allowedCores(): number[] {
  return parseCores(/^Cpus_allowed_list:\s*(\S+)/m.exec(textOf('/proc/self/status'))?.[1] ?? '0');
}

/** `0-2,5` is 0, 1, 2 and 5. */
export function parseCores(list: string): number[] {
  return list.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number);
    return Array.from({ length: last! - first! + 1 }, (_, at) => first! + at);
  });
}

function siblings(core: number): number[] {
  // Empty in some containers, which hide it.
  const list = textOf(`/sys/devices/system/cpu/cpu${core}/topology/thread_siblings_list`);
  return list === '' ? [core] : parseCores(list);
}

/** The prefix of a command that runs it on these cores, taskset(1). */
export const tasksetArgs = (cores: number | readonly number[] | undefined): string[] =>
  cores === undefined ? [] : ['taskset', '-c', [cores].flat().join(',')];

export function moveSelfTo(cores: readonly number[]): void {
  execFileSync('taskset', ['-a', '-p', '-c', cores.join(','), String(process.pid)], { stdio: 'ignore' });
}
