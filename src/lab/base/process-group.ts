import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/** Leaders of running process groups, which are killed when this process exits. */
const groups = new Set<number>();

process.on('exit', () => {
  for (const group of groups) killGroup(group);
});

/**
 * Starts a process as the leader of its own process group. A terminal sends SIGINT to its foreground group: only the
 * lab must receive it, so that it can stop the others in order.
 */
export function spawnGroup(args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(args[0]!, args.slice(1), { ...options, detached: true });
  const { pid } = child;
  if (pid !== undefined) {
    groups.add(pid);
    child.once('exit', () => {
      killGroup(pid); // the remaining members
      groups.delete(pid);
    });
  }
  return child;
}

export function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // ESRCH: the group is empty
  }
}
