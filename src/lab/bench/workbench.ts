import { fileURLToPath } from 'node:url';
import { MODELS, type Model } from '../../models/catalogue.js';
import { ExperimentError } from '../base/errors.js';
import { Cancelled, throwIfCancelled } from '../base/interruption.js';
import type { Instruments } from './instruments.js';
import { type ModelCommand, ModelProcess, modelCommand } from './model-process.js';
import type { Progress } from './progress.js';
import type { Site } from './sample-site.js';
import type { LabSettings } from './settings.js';

/** How things are started that are measured. */
export interface Launcher {
  readonly model: ModelCommand;
  /** A server that tells its own counters at /stats. */
  readonly countingServer: (folder: string) => readonly string[];
}

export const launcher: Launcher = {
  model: modelCommand,
  countingServer: (folder) => [
    process.execPath,
    fileURLToPath(new URL('./counting-server.js', import.meta.url)),
    folder,
  ],
};

/** Those that an HTTP load can measure. */
export const HTTP_MODELS: readonly Model[] = MODELS.filter(({ scheme }) => scheme === 'http');

export const modelNamed = (name: string): Model => MODELS.find((each) => each.name === name)!;

/** All that an experiment works with. */
export class Workbench {
  /** Sentences for the report. */
  readonly notes: string[] = [];
  private readonly startedMs = performance.now();

  constructor(
    readonly settings: LabSettings,
    readonly instruments: Instruments,
    readonly site: Site,
    readonly launch: Launcher,
    readonly progress: Progress,
    readonly signal: AbortSignal,
  ) {}

  note(sentence: string): void {
    if (!this.notes.includes(sentence)) this.notes.push(sentence);
  }

  /** Starts something, does `work` with it, and ends it whatever comes of that. */
  async withServer<Found>(words: readonly string[], work: (model: ModelProcess) => Promise<Found>): Promise<Found> {
    throwIfCancelled(this.signal);
    const model = await ModelProcess.start(words, this.instruments.cores?.model, this.signal);
    try {
      const found = await work(model);
      if (!model.alive) throw new ExperimentError('It ended while it was measured.');
      return found;
    } finally {
      const inOrder = await model.stop();
      if (!inOrder) this.note(`${words.slice(2, 4).join(' ')} did not end on SIGTERM and was killed.`);
    }
  }

  /**
   * Measures each model in each round.
   * @param orders of the models' names, one a round
   * @param steps of the progress, in a round
   * @returns false when it was interrupted: what there is by then counts
   */
  async rounds(
    orders: readonly (readonly string[])[],
    steps: number,
    measure: (name: string, round: number) => Promise<void>,
  ): Promise<boolean> {
    this.progress.start(orders.length * steps);
    try {
      for (const [round, order] of orders.entries()) for (const name of order) await measure(name, round);
      return true;
    } catch (error) {
      if (error instanceof Cancelled) return false;
      throw error;
    } finally {
      this.progress.stop();
    }
  }

  /** Nothing more is begun. */
  get isOverBudget(): boolean {
    const { budgetSeconds } = this.settings;
    return budgetSeconds !== null && performance.now() - this.startedMs > budgetSeconds * 1000;
  }
}
