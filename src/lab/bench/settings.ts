/** The settings of a run; with the machine, everything needed to repeat it. */
export interface BenchSettings {
  readonly models: readonly string[];
  readonly rounds: number;
  /** Duration of each load. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Busy connections. */
  readonly connections: number;
  /** The maximum of busy connections for a model with a process or thread per connection, which start slowly. */
  readonly maxHeavy: number;
  /** Opens a connection for every request. */
  readonly close: boolean;
  /** Requests per second for the latency measurement. */
  readonly rate: number;
  /** Idle connections for the memory measurement. */
  readonly idle: number;
  /** The maximum of idle connections in the experiment `connections`. */
  readonly maxIdle: number;
  readonly seed: number;
  /** No model is started after this time, and the run is cancelled some seconds later; null for no limit. */
  readonly budgetSeconds: number | null;
}

export type MeasureSettings = Omit<BenchSettings, 'models' | 'seed'>;

/** For results to publish: some minutes. */
export const THOROUGH: MeasureSettings = {
  rounds: 3,
  seconds: 3,
  warmUpSeconds: 1,
  connections: 64,
  maxHeavy: 64,
  close: false,
  rate: 1000,
  idle: 1000,
  maxIdle: 10_000,
  budgetSeconds: null,
};

/** For a first look: within a minute on two cores. */
export const QUICK: MeasureSettings = {
  ...THOROUGH,
  rounds: 1,
  seconds: 0.25,
  warmUpSeconds: 0.25,
  connections: 32,
  maxHeavy: 4,
  maxIdle: 1000,
  budgetSeconds: 49,
};
