import { fileURLToPath } from 'node:url';
import { MODELS, type Model } from '../../models/catalogue.js';
import { Cancelled, ExperimentError, throwIfCancelled } from '../base/errors.js';
import { noisySentence, repetitionOf } from '../base/noise.js';
import type { Instruments } from './instruments.js';
import { type ModelCommand, ModelProcess, modelCommand } from './model-process.js';
import type { Progress } from './progress.js';
import type { SampleSite } from './sample-site.js';
import type { BenchSettings } from './settings.js';

export interface Launcher {
  readonly model: ModelCommand;
  /** A server that reports its own counters at /stats. */
  readonly countingServer: (directory: string) => readonly string[];
  /** The program that generates the load. */
  readonly rateLoad: readonly string[];
}

const pathOf = (program: string): string => fileURLToPath(new URL(program, import.meta.url));

export const launcher: Launcher = {
  model: modelCommand,
  countingServer: (directory) => [process.execPath, pathOf('./counting-server.js'), directory],
  rateLoad: [process.execPath, pathOf('./rate-load-program.js')],
};

export const HTTP_MODELS: readonly Model[] = MODELS.filter(({ scheme }) => scheme === undefined);

export const modelNamed = (name: string): Model => MODELS.find((each) => each.name === name)!;

/** @throws ExperimentError if this machine cannot run the model */
export async function assertAvailable(name: string): Promise<void> {
  const reason = await modelNamed(name).unavailable?.();
  if (reason) throw new ExperimentError(`Not available: ${reason}.`);
}

/** What each experiment has of a row of its report. */
export interface Row {
  /** Why it was not measured, or not in all rounds; null otherwise. */
  failure: string | null;
}

export class Workbench {
  readonly notes: string[] = [];
  private readonly startedMs = performance.now();

  constructor(
    readonly settings: BenchSettings,
    readonly instruments: Instruments,
    readonly site: SampleSite,
    readonly launch: Launcher,
    readonly progress: Progress,
    readonly signal: AbortSignal,
    /** The model that is measured twice, or null. */
    readonly repeated: string | null = null,
  ) {}

  /** What a round measures: the models, and one of them again. */
  get rows(): readonly string[] {
    const { models } = this.settings;
    return this.repetition === null ? models : [...models, this.repetition];
  }

  /** The second row of the model that is measured twice, or null. */
  get repetition(): string | null {
    return this.repeated === null ? null : repetitionOf(this.repeated);
  }

  note(sentence: string): void {
    if (!this.notes.includes(sentence)) this.notes.push(sentence);
  }

  /** Notes what the two runs of a model differ by, where it is too much. */
  noteNoise(model: string, noise: readonly (readonly [noise: number | null, where?: string])[]): void {
    const sentence = noisySentence(model, noise);
    if (sentence !== null) this.note(sentence);
  }

  async withServer<Result>(args: readonly string[], measure: (server: ModelProcess) => Promise<Result>) {
    throwIfCancelled(this.signal);
    const server = await ModelProcess.start(args, this.instruments.cores?.model, this.signal);
    try {
      const result = await measure(server);
      if (!server.isRunning) throw new ExperimentError('It exited during the measurement.');
      return result;
    } finally {
      if (!(await server.stop())) this.note(`${args.slice(2, 4).join(' ')} did not exit on SIGTERM and was killed.`);
    }
  }

  /**
   * Measures each row of each round. It goes on when the run has ended, so that each row left gets its reason by `turn`.
   * @param steps progress steps per round
   * @returns false if cancelled: the rounds so far count
   */
  async rounds(
    orders: readonly (readonly string[])[],
    steps: number,
    measure: (model: string, round: number) => Promise<void>,
  ): Promise<boolean> {
    let complete = true;
    this.progress.start(orders.length * steps);
    try {
      for (const [round, order] of orders.entries()) {
        for (const model of order) {
          await measure(model, round).catch((error: unknown) => {
            if (!(error instanceof Cancelled)) throw error;
            complete = false;
          });
        }
      }
    } finally {
      this.progress.stop();
    }
    return complete;
  }

  /**
   * The turn of a row in a round. A row that fails is skipped from then on; its `failure` is the reason, which may be that
   * the run ended before its turn, or during it.
   * @throws Cancelled if the run has ended
   */
  async turn(row: Row, round: number, measure: () => Promise<void>): Promise<void> {
    const ended = this.signal.aborted ? 'The run was ended' : this.budgetEnded;
    if (ended !== null) row.failure ??= `${ended} before its turn in round ${round + 1}.`;
    throwIfCancelled(this.signal);
    if (row.failure !== null) return;
    try {
      await measure();
    } catch (error) {
      const isCancelled = error instanceof Cancelled;
      if (!isCancelled && !(error instanceof ExperimentError)) throw error;
      row.failure = isCancelled ? `The run was ended during its turn in round ${round + 1}.` : error.message;
      if (isCancelled) throw error;
    }
  }

  private get budgetEnded(): string | null {
    const { budgetSeconds } = this.settings;
    const isOver = budgetSeconds !== null && performance.now() - this.startedMs > budgetSeconds * 1000;
    return isOver ? `The budget of ${budgetSeconds} s was used up` : null;
  }
}
