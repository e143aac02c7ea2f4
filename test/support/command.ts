import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
/** The built command, from `npm run build`. */
export const MAIN = `${PACKAGE}dist/epollet.cjs`;

/** The built package, for `import`. */
export const PACKAGE_ENTRY = new URL('../../dist/library/index.js', import.meta.url).href;

const TIMEOUT_MS = 8000;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Added to an environment without any variable that epollet reads. */
  env?: Record<string, string>;
  /** A command that runs `node`, such as prlimit. */
  wrapper?: readonly string[];
  stdio?: StdioOptions;
  cwd?: string;
}

/** A process of the command, with its output and its exit. `await using` kills it. */
export class Command {
  stdout = '';
  stderr = '';
  readonly ended: Promise<Ended>;
  private wake: (() => void)[] = [];

  constructor(readonly process: ChildProcess) {
    process.stdout?.on('data', (piece: Buffer) => this.collect('stdout', piece));
    process.stderr?.on('data', (piece: Buffer) => this.collect('stderr', piece));
    this.ended = new Promise((resolve, reject) => {
      process.on('error', reject);
      process.on('close', (code, signal) => {
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
        for (const wake of this.wake.splice(0)) wake();
      });
    });
  }

  /** Waits for a text in the output. */
  async waitFor(text: RegExp, from: 'stdout' | 'stderr' = 'stdout', timeoutMs = TIMEOUT_MS): Promise<RegExpExecArray> {
    const untilMs = performance.now() + timeoutMs;
    for (;;) {
      const found = text.exec(this[from]);
      if (found) return found;
      const leftMs = untilMs - performance.now();
      if (leftMs <= 0 || this.process.exitCode !== null || this.process.signalCode !== null)
        throw new Error(
          `no ${text} on ${from}: ${JSON.stringify([this.stdout, this.stderr])}, exit code ${this.process.exitCode}`,
        );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  /** The port of the printed URL, which is on standard error if there is an access log. */
  async port(from: 'stdout' | 'stderr' = 'stdout'): Promise<number> {
    return Number((await this.waitFor(/^http:\/\/[^\n]+:(\d+)\/\n/m, from))[1]);
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): this {
    this.process.kill(signal);
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGKILL');
    this.process.stdin?.destroy();
    this.process.stdout?.destroy();
    this.process.stderr?.destroy();
    await this.ended;
  }

  private collect(from: 'stdout' | 'stderr', piece: Buffer): void {
    this[from] += piece.toString('utf8');
    for (const wake of this.wake.splice(0)) wake();
  }
}

/** Starts `epollet` with these arguments. */
export function command(args: readonly string[], options: CommandOptions = {}): Command {
  if (!existsSync(MAIN)) throw new Error('dist/ is not built: npm run build');
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '/',
    NO_COLOR: '1',
  };
  const argv = [...(options.wrapper ?? []), process.execPath, MAIN, ...args];
  return new Command(
    spawn(argv[0]!, argv.slice(1), {
      env: { ...env, ...options.env },
      stdio: options.stdio ?? ['ignore', 'pipe', 'pipe'],
      cwd: options.cwd ?? PACKAGE,
    }),
  );
}

/** Runs `epollet` until it exits. */
export async function run(args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  await using started = command(args, options);
  const timer = setTimeout(() => started.kill('SIGKILL'), TIMEOUT_MS);
  const ended = await started.ended;
  clearTimeout(timer);
  return ended;
}

/** User and system time of a process in clock ticks (hundredths of a second), proc_pid_stat(5). */
export function cpuTicks(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
