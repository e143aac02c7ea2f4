import { Cancelled, throwIfCancelled } from '../base/errors.js';
import { spawnGroup } from '../base/process-group.js';
import { textOf } from '../base/text-file.js';

/** A tool gets this long after SIGINT to print its result. */
const FLUSH_MS = 3000;
/** On a busy machine a tool may start this late. SIGINT would end it before that, without a result. */
const START_MS = 1000;
const STEP_MS = 10;

export interface ToolOutput {
  readonly stdout: string;
  readonly stderr: string;
}

export interface ToolLimits {
  /** Sends SIGINT after this time, on which every tool here prints its result so far. */
  readonly stopAfterMs: number;
  /** Sends SIGKILL and rejects with Cancelled. */
  readonly signal: AbortSignal;
  /** Sends SIGINT before that time. */
  readonly stopSignal?: AbortSignal;
  /** Called when there is a line of standard output, with what ends the standard input, which is empty by default. */
  readonly onFirstLine?: (endInput: () => void) => void;
  /** Called with the whole standard error output whenever it grows. */
  readonly onStderr?: (stderr: string) => void;
}

/** Whether it has a handler of SIGINT, whose bit is 1 in SigCgt, proc_pid_status(5). */
function catchesSigint(pid: number): boolean {
  const [, mask = '0'] = /^SigCgt:\s+([0-9a-f]+)$/m.exec(textOf(`/proc/${pid}/status`)) ?? [];
  return (Number.parseInt(mask.slice(-1), 16) & 2) !== 0;
}

export function runTool(args: readonly string[], limits: ToolLimits): Promise<ToolOutput> {
  throwIfCancelled(limits.signal);
  return new Promise((resolve, reject) => {
    const child = spawnGroup(args, { stdio: [limits.onFirstLine ? 'pipe' : 'ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    let waitedMs = 0;
    const interrupt = (): void => {
      if (waitedMs < START_MS && !catchesSigint(child.pid!)) timers.push(setTimeout(interrupt, STEP_MS));
      else child.kill('SIGINT');
      waitedMs += STEP_MS;
    };
    const kill = (): boolean => child.kill('SIGKILL');
    const timers: NodeJS.Timeout[] = [
      setTimeout(interrupt, limits.stopAfterMs),
      setTimeout(kill, limits.stopAfterMs + FLUSH_MS),
    ];
    limits.signal.addEventListener('abort', kill, { once: true });
    limits.stopSignal?.addEventListener('abort', interrupt, { once: true });
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const isFirst = !stdout.includes('\n');
      stdout += text;
      if (isFirst && stdout.includes('\n')) limits.onFirstLine?.(() => child.stdin!.end());
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      limits.onStderr?.(stderr);
    });
    child.on('error', reject);
    child.on('close', () => {
      for (const timer of timers) clearTimeout(timer);
      limits.signal.removeEventListener('abort', kill);
      if (limits.signal.aborted) reject(new Cancelled());
      else resolve({ stdout, stderr });
    });
  });
}
