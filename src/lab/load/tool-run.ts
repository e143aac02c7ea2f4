import { Cancelled, throwIfCancelled } from '../base/errors.js';
import { spawnGroup } from '../base/process-group.js';

/** A tool gets this long after SIGINT to print its result. */
const FLUSH_MS = 3000;

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
  /** Called with the whole standard error output whenever it grows. */
  readonly onStderr?: (stderr: string) => void;
}

export function runTool(args: readonly string[], limits: ToolLimits): Promise<ToolOutput> {
  throwIfCancelled(limits.signal);
  return new Promise((resolve, reject) => {
    const child = spawnGroup(args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    const interrupt = (): boolean => child.kill('SIGINT');
    const kill = (): boolean => child.kill('SIGKILL');
    const timers = [setTimeout(interrupt, limits.stopAfterMs), setTimeout(kill, limits.stopAfterMs + FLUSH_MS)];
    limits.signal.addEventListener('abort', kill, { once: true });
    limits.stopSignal?.addEventListener('abort', interrupt, { once: true });
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
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
