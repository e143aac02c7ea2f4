import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Cancelled, ExperimentError } from '../base/errors.js';
import { killGroup, spawnGroup } from '../base/process-group.js';
import { tasksetArgs } from '../measure/cores.js';

const START_TIMEOUT_MS = 15_000;
/** A hundred threads that are still starting take this long to exit on one core. */
const STOP_TIMEOUT_MS = 20_000;
const QUOTED_CHARS = 300;

/** The command that serves a directory with a model, and prints a line with its URL when it listens. */
export type ModelCommand = (model: string, directory: string) => readonly string[];

const EPOLLET = fileURLToPath(new URL('../../epollet.cjs', import.meta.url));

export const modelCommand: ModelCommand = (model, directory) => [
  process.execPath,
  EPOLLET,
  'model',
  model,
  directory,
  '--host=127.0.0.1',
  '--port=0',
];

/** A running server, in a process and on a core of its own. */
export class ModelProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: URL,
  ) {}

  /** Resolves when it has printed its URL. */
  static async start(args: readonly string[], core: number | undefined, signal: AbortSignal): Promise<ModelProcess> {
    const child = spawnGroup([...tasksetArgs(core), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    try {
      return new ModelProcess(child, await readUrl(child, signal));
    } catch (error) {
      if (child.pid !== undefined) killGroup(child.pid);
      throw error;
    }
  }

  get pid(): number {
    return this.child.pid!;
  }

  get port(): number {
    return Number(this.url.port);
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Sends SIGTERM, and SIGKILL to its process group after a timeout. Returns whether SIGTERM sufficed. */
  async stop(): Promise<boolean> {
    if (!this.isRunning) return true;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    let killed = false;
    const timer = setTimeout(() => {
      killed = true;
      killGroup(this.pid);
    }, STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
    return !killed;
  }
}

function readUrl(child: ChildProcess, signal: AbortSignal): Promise<URL> {
  return new Promise((resolve, reject) => {
    let output = '';
    const fail = (reason: string): void => {
      cleanUp();
      const quoted = output.trim().slice(-QUOTED_CHARS);
      reject(new ExperimentError(`It ${reason}${quoted === '' ? '' : `; its output: ${quoted}`}.`));
    };
    const cancel = (): void => reject(new Cancelled());
    const timer = setTimeout(fail, START_TIMEOUT_MS, `printed no URL within ${START_TIMEOUT_MS / 1000} s`);
    const cleanUp = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
    };
    if (signal.aborted) cancel();
    signal.addEventListener('abort', cancel, { once: true });
    child.once('error', (error) => fail(`could not be started (${error.message})`));
    child.once('close', (code) => fail(`exited with code ${code} before it listened`));
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = `${output}${text}`.slice(-4 * QUOTED_CHARS);
        const url = /\bhttp:\/\/\S+:\d+\/?/.exec(output)?.[0];
        if (url === undefined || !output.includes('\n')) return;
        cleanUp();
        resolve(new URL(url));
      });
    }
  });
}
