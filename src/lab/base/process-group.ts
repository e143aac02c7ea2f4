import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';

/** Leaders of groups that are still alive; whatever ends this process ends them. */
const groups = new Set<number>();

process.on('exit', () => {
  for (const group of groups) killGroup(group);
});

/**
 * Starts a process as the leader of a group of its own: Ctrl-C in a terminal goes to the foreground group, and only the
 * lab is to hear it, so that it can end the others in order.
 */
export function spawnGroup(words: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(words[0]!, words.slice(1), { ...options, detached: true });
  const { pid } = child;
  if (pid !== undefined) {
    groups.add(pid);
    child.once('exit', () => {
      killGroup(pid); // what it has left behind
      groups.delete(pid);
    });
  }
  return child;
}

/** SIGKILL to all that are left of a group. */
export function killGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL');
  } catch {
    // nobody is left
  }
}

/** Resolves when it has ended and its output is read; at once if that was so. */
export function waitForExit(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}
