import { readdirSync } from 'node:fs';
import { textOf } from '../base/text-file.js';

/** Times in proc_pid_stat(5) are in units of 1/USER_HZ, and USER_HZ is 100 on every architecture that Node supports. */
const TICK_US = 10_000;

/** CPU time since the start, in microseconds. */
export interface CpuTime {
  readonly userUs: number;
  readonly systemUs: number;
  /** Exact time by thread, `PID/TID`. */
  readonly threads: ReadonlyMap<string, number>;
}

export function processTree(pid: number): number[] {
  const tree = [pid];
  for (const task of threadsOf(pid)) {
    const children = textOf(`/proc/${pid}/task/${task}/children`).split(/\s+/).filter(Boolean);
    for (const child of children) tree.push(...processTree(Number(child)));
  }
  return tree;
}

/** CPU time of a process tree, including children that have exited and been waited for. */
export function cpuTime(pid: number): CpuTime {
  let user = 0;
  let system = 0;
  const threads = new Map<string, number>();
  for (const member of processTree(pid)) {
    // The command name, in parentheses, may contain anything. utime, stime, cutime and cstime are fields 14 to 17.
    const [, fieldsText = ''] = /^.*\) (.*)/s.exec(textOf(`/proc/${member}/stat`)) ?? [];
    const fields = fieldsText.split(' ').map(Number);
    user += (fields[11] ?? 0) + (fields[13] ?? 0);
    system += (fields[12] ?? 0) + (fields[14] ?? 0);
    for (const task of threadsOf(member)) {
      const nanoseconds = textOf(`/proc/${member}/task/${task}/schedstat`).split(' ')[0];
      if (nanoseconds) threads.set(`${member}/${task}`, Number(nanoseconds) / 1000);
    }
  }
  return { userUs: user * TICK_US, systemUs: system * TICK_US, threads };
}

export interface CpuUse {
  readonly userUs: number;
  readonly systemUs: number;
  readonly totalUs: number;
}

/**
 * CPU time between two samples. The kernel splits user and system time by sampling every 10 ms; the sum is exact if the
 * same threads lived at both samples, and the parts are then scaled to it.
 */
export function cpuBetween(before: CpuTime, after: CpuTime): CpuUse {
  const userUs = after.userUs - before.userUs;
  const systemUs = after.systemUs - before.systemUs;
  const sampledUs = userUs + systemUs;
  const totalUs = exactUsBetween(before.threads, after.threads) ?? sampledUs;
  const scale = sampledUs > 0 ? totalUs / sampledUs : 0;
  return { userUs: userUs * scale, systemUs: systemUs * scale, totalUs };
}

function exactUsBetween(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): number | null {
  if (before.size === 0 || before.size !== after.size) return null;
  let totalUs = 0;
  for (const [thread, us] of after) {
    const beforeUs = before.get(thread);
    if (beforeUs === undefined) return null;
    totalUs += us - beforeUs;
  }
  return totalUs;
}

/** Sum of VmRSS over a process tree: shared pages are counted for each process. */
export function residentBytes(pid: number): number {
  let kib = 0;
  for (const member of processTree(pid)) {
    kib += Number(/^VmRSS:\s+(\d+)/m.exec(textOf(`/proc/${member}/status`))?.[1] ?? 0);
  }
  return kib * 1024;
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** How often the threads of a process tree have slept: voluntary_ctxt_switches, proc_pid_status(5). */
export function voluntarySwitches(pid: number): number {
  let count = 0;
  for (const member of processTree(pid)) {
    for (const task of threadsOf(member)) {
      const status = textOf(`/proc/${member}/task/${task}/status`);
      count += Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    }
  }
  return count;
}
