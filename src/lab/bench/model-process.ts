import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ExperimentError } from '../base/errors.js';
import { Cancelled } from '../base/interruption.js';
import { killGroup, spawnGroup, waitForExit } from '../base/process-group.js';
import { tasksetArgs } from '../measure/cores.js';

const START_MS = 15_000;
/** A hundred threads that are just starting take that long to end on one core. */
const STOP_MS = 20_000;
const LAST_LINES = 300;

/** The command that serves a folder as a model does, and prints a line with its URL when it answers. */
export type ModelCommand = (model: string, folder: string) => readonly string[];

/** As a user would start it. */
export const modelCommand: ModelCommand = (model, folder) => [
  process.execPath,
  fileURLToPath(new URL('../../cli/main.js', import.meta.url)),
  'model',
  model,
  folder,
  '--host',
  '127.0.0.1',
  '--port',
  '0',
];

/** A model that runs, as a process of its own on a core of its own. */
export class ModelProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly url: URL,
  ) {}

  /** Resolves when it answers. */
  static async start(words: readonly string[], core: number | undefined, signal: AbortSignal): Promise<ModelProcess> {
    const child = spawnGroup([...tasksetArgs(core), ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
    try {
      return new ModelProcess(child, await urlOf(child, signal));
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

  get alive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** SIGTERM, and SIGKILL to all of its group where that is not enough. Says whether it was. */
  async stop(): Promise<boolean> {
    let inOrder = true;
    if (this.alive) {
      this.child.kill('SIGTERM');
      const timer = setTimeout(() => {
        inOrder = false;
        killGroup(this.pid);
      }, STOP_MS);
      await waitForExit(this.child);
      clearTimeout(timer);
    }
    return inOrder;
  }
}

/** Its first line of output has the URL. */
function urlOf(child: ChildProcess, signal: AbortSignal): Promise<URL> {
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (why: string): void => {
      const last = said.trim().slice(-LAST_LINES);
      reject(new ExperimentError(`It ${why}${last === '' ? '' : `; it said: ${last}`}.`));
    };
    const interrupt = (): void => reject(new Cancelled());
    const timer = setTimeout(fail, START_MS, `did not answer within ${START_MS / 1000} s`);
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', interrupt);
    };
    if (signal.aborted) interrupt();
    signal.addEventListener('abort', interrupt, { once: true });
    child.once('error', (error) => {
      settle();
      fail(`could not be started (${error.message})`);
    });
    child.once('close', (code) => {
      settle();
      fail(`ended with ${code} before it answered`);
    });
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = `${said}${text}`.slice(-4 * LAST_LINES);
        const url = /\bhttp:\/\/\S+:\d+\/?/.exec(said)?.[0];
        if (url === undefined || !said.includes('\n')) return;
        settle();
        resolve(new URL(url));
      });
    }
  });
}
