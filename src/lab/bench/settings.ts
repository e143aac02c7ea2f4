export const EXPERIMENTS = ['models', 'libuv', 'connections', 'triggers'] as const;
export type ExperimentName = (typeof EXPERIMENTS)[number];

/** What each experiment asks, for --list and the head of its report. */
export const QUESTIONS: Readonly<Record<ExperimentName, string>> = {
  models: 'What does a request cost in each model, and how long does it take?',
  libuv: 'The same protocol, the same answers: what is our reactor against libuv?',
  connections: 'Up to 10,000 connections are open, and few of them busy: where does each model bend?',
  triggers: 'The same bytes: what is one told, and how many system calls does that make?',
};

/** What was asked of the lab; with the machine, all that somebody needs to repeat it. */
export interface LabSettings {
  readonly experiment: ExperimentName;
  readonly models: readonly string[];
  readonly rounds: number;
  /** Of each load. */
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Busy ones. */
  readonly connections: number;
  /** The most busy ones of a model that starts a process or a thread for each: that takes its time. */
  readonly maxHeavy: number;
  /** A connection for every request. */
  readonly close: boolean;
  /** Requests a second when latency is measured. */
  readonly rate: number;
  /** Connections whose memory is measured. */
  readonly idle: number;
  /** The most idle ones of the experiment with connections. */
  readonly maxIdle: number;
  readonly seed: number;
  /** No model is begun after this time, and one that was is ended some seconds later; null: there is time. */
  readonly budgetSeconds: number | null;
}

export type MeasureSettings = Omit<LabSettings, 'experiment' | 'models' | 'seed'>;

/** For figures to quote: a few minutes. */
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

/** For a first look: within a minute, on two cores. */
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

/** The command that does the same again. */
export function commandOf(settings: LabSettings): string {
  const flags: [name: string, value: string | number | boolean][] = [
    ['experiment', settings.experiment],
    ...(settings.experiment === 'triggers'
      ? []
      : ([
          ['models', settings.models.join(',')],
          ['rounds', settings.rounds],
          ['seconds', settings.seconds],
          ['warm-up', settings.warmUpSeconds],
          ['connections', settings.connections],
          ...(settings.maxHeavy < settings.connections ? [['heavy', settings.maxHeavy]] : []),
          ['rate', settings.rate],
          ...(settings.experiment === 'connections' ? [['most', settings.maxIdle]] : [['idle', settings.idle]]),
          ['seed', settings.seed],
          ...(settings.close ? [['close', true]] : []),
          ...(settings.budgetSeconds === null ? [] : [['budget', settings.budgetSeconds]]),
        ] as [string, string | number | boolean][])),
  ];
  return ['epollet lab', ...flags.map(([name, value]) => (value === true ? `--${name}` : `--${name} ${value}`))].join(
    ' ',
  );
}
