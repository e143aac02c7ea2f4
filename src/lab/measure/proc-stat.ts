import { readdirSync, readFileSync } from 'node:fs';

/** USER_HZ: the unit of times in proc_pid_stat(5), which is 100 for user space on every architecture that Node runs on. */
const TICK_US = 10_000;

/** CPU time so far, in microseconds. */
export interface CpuTime {
  readonly userUs: number;
  readonly systemUs: number;
  /** To the nanosecond, by thread. */
  readonly threads: ReadonlyMap<string, number>;
}

/** A process and all that descend from it. */
export function processTree(pid: number): number[] {
  const family = [pid];
  for (const task of threadsOf(pid)) {
    const children = textOf(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean);
    for (const child of children) family.push(...processTree(Number(child)));
  }
  return family;
}

/** Time of the family, with that of children that have ended and been waited for. */
export function cpuTime(pid: number): CpuTime {
  let user = 0;
  let system = 0;
  const threads = new Map<string, number>();
  for (const member of processTree(pid)) {
    const stat = textOf(`/proc/${member}/stat`);
    // The name stands in parentheses and may hold anything. utime, stime, cutime and cstime are fields 14 to 17.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
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
 * What was used between two moments. The kernel splits user from system by samples of 10 ms; the sum is exact where the
 * same threads lived at both moments, and the parts are then scaled to it.
 */
export function cpuBetween(before: CpuTime, after: CpuTime): CpuUse {
  const userUs = after.userUs - before.userUs;
  const systemUs = after.systemUs - before.systemUs;
  const sampledUs = userUs + systemUs;
  const totalUs = exactBetween(before.threads, after.threads) ?? sampledUs;
  const scale = sampledUs > 0 ? totalUs / sampledUs : 0;
  return { userUs: userUs * scale, systemUs: systemUs * scale, totalUs };
}

function exactBetween(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): number | null {
  if (before.size === 0 || before.size !== after.size) return null;
  let totalUs = 0;
  for (const [thread, us] of after) {
    const atFirst = before.get(thread);
    if (atFirst === undefined) return null;
    totalUs += us - atFirst;
  }
  return totalUs;
}

/** Resident memory, added up: pages that processes share are counted for each. */
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

/** Empty for a process that has just ended. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
