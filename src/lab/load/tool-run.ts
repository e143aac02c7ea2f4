import { Cancelled, throwIfCancelled } from '../base/interruption.js';
import { spawnGroup } from '../base/process-group.js';

/** How long a tool that was asked to end may take to print what it has. */
const FLUSH_MS = 3000;

export interface ToolOutput {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
  /** It did not end by itself. */
  readonly cutShort: boolean;
}

export interface ToolLimits {
  /** SIGINT after this time: every tool here then prints what it has counted so far. */
  readonly stopAfterMs: number;
  readonly signal: AbortSignal;
  /** The same before that time. */
  readonly stopSignal?: AbortSignal;
  /** Hears all that it has said on standard error, whenever that is more. */
  readonly onStderr?: (stderr: string) => void;
}

/** Runs a program to its end, or to the end of its time. */
export function runTool(words: readonly string[], limits: ToolLimits): Promise<ToolOutput> {
  throwIfCancelled(limits.signal);
  return new Promise((resolve, reject) => {
    const child = spawnGroup(words, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    let cutShort = false;
    const stop = (): void => {
      cutShort = true;
      child.kill('SIGINT');
    };
    const kill = (): boolean => child.kill('SIGKILL');
    const timers = [setTimeout(stop, limits.stopAfterMs), setTimeout(kill, limits.stopAfterMs + FLUSH_MS)];
    limits.signal.addEventListener('abort', kill, { once: true });
    limits.stopSignal?.addEventListener('abort', stop, { once: true });
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      limits.onStderr?.(stderr);
    });
    child.on('error', reject);
    child.on('close', (code) => {
      for (const timer of timers) clearTimeout(timer);
      limits.signal.removeEventListener('abort', kill);
      if (limits.signal.aborted) reject(new Cancelled());
      else resolve({ stdout, stderr, code, cutShort });
    });
  });
}
