/** A number with its flag, its default without and with --quick, and its range. */
export interface Setting {
  readonly flag: string;
  readonly description: string;
  readonly thorough: number;
  readonly quick: number;
  /** A fractional minimum allows fractions. */
  readonly min: number;
  readonly max: number;
}

const setting = (
  flag: string,
  description: string,
  [thorough, quick]: [number, number],
  [min, max]: [number, number],
): Setting => ({ flag, description, thorough, quick, min, max });

export const SETTINGS = {
  rounds: setting('rounds', 'number of rounds; the models are shuffled in each', [5, 1], [1, 100]),
  seconds: setting(
    'seconds',
    'duration of each load, which goes on until successive windows agree',
    [3, 0.15],
    [0.1, 3600],
  ),
  warmUpSeconds: setting('warm-up', 'seconds of load before each measurement', [1, 0.4], [0.1, 3600]),
  // As many as a model with a process for each opens in two seconds: then all models have the same load, with --quick too.
  connections: setting('connections', 'busy connections, 64 in workers, drivers and websocket', [16, 16], [1, 10_000]),
  maxHeavy: setting(
    'heavy',
    'maximum busy connections for models with a process or thread per connection, those of --connections if given',
    [16, 16],
    [1, 10_000],
  ),
  rate: setting('rate', 'requests per second for the latency measurement', [1000, 1000], [1, 1_000_000]),
  idle: setting('idle', 'idle connections for the memory measurement', [1000, 1000], [1, 50_000]),
  maxIdle: setting('most', 'maximum idle connections in the experiment connections', [10_000, 1000], [1, 50_000]),
};

/** Requests per second: from what lets a model sleep before each request to what hardly lets it sleep. */
export const RATES = { thorough: [100, 1000, 10_000, 50_000], quick: [1000, 10_000], min: 1, max: 1_000_000 } as const;

export type SettingName = keyof typeof SETTINGS;

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/** The settings of a run; with the machine, everything needed to repeat it. */
export interface BenchSettings extends Readonly<Record<SettingName, number>> {
  readonly models: readonly string[];
  readonly seed: number;
  /** Of the experiment rates, ascending. */
  readonly rates: readonly number[];
  readonly close: boolean;
  /** No model is started after this time, and the run is cancelled some seconds later; null for no limit. */
  readonly budgetSeconds: number | null;
}

export type MeasureSettings = Omit<BenchSettings, 'models' | 'seed'>;

/** For results to publish: some minutes. */
export const THOROUGH: MeasureSettings = {
  ...numbers('thorough'),
  rates: RATES.thorough,
  close: false,
  budgetSeconds: null,
};
/** For a first look: within a minute on two cores. */
export const QUICK: MeasureSettings = { ...numbers('quick'), rates: RATES.quick, close: false, budgetSeconds: 54 };

function numbers(preset: 'thorough' | 'quick'): Record<SettingName, number> {
  const entries = SETTING_NAMES.map((name) => [name, SETTINGS[name][preset]] as const);
  return Object.fromEntries(entries) as Record<SettingName, number>;
}
