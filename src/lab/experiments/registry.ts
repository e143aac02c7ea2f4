import { type BenchSettings, SETTING_NAMES, SETTINGS } from '../bench/settings.js';
import { connections } from './connections.js';
import { drivers } from './drivers.js';
import type { Experiment } from './experiment.js';
import { libuv } from './libuv.js';
import { models } from './models.js';
import { rates } from './rates.js';
import { triggers } from './triggers.js';
import { websocket } from './websocket.js';
import { workers } from './workers.js';

/** All experiments; the name is the value of --experiment. */
export const EXPERIMENTS = { models, rates, libuv, connections, triggers, workers, drivers, websocket };

export type ExperimentName = keyof typeof EXPERIMENTS;

export const EXPERIMENT_NAMES = Object.keys(EXPERIMENTS) as ExperimentName[];

type ResultOf<Name extends ExperimentName> =
  (typeof EXPERIMENTS)[Name] extends Experiment<infer Result> ? Result : never;

export const experimentNamed = (name: ExperimentName): Experiment<ResultOf<ExperimentName>> => EXPERIMENTS[name];

export type ExperimentResult = {
  [Name in ExperimentName]: { readonly experiment: Name } & ResultOf<Name>;
}[ExperimentName];

export interface LabSettings extends BenchSettings {
  readonly experiment: ExperimentName;
}

const FLAGS: readonly (readonly [flag: string, setting: keyof BenchSettings])[] = [
  ['models', 'models'],
  ...SETTING_NAMES.map((name) => [SETTINGS[name].flag, name] as const),
  ['rates', 'rates'],
  ['seed', 'seed'],
  ['close', 'close'],
  ['budget', 'budgetSeconds'],
];

export function commandOf(settings: LabSettings): string {
  const { unused } = experimentNamed(settings.experiment);
  const used = FLAGS.filter(([, setting]) => unused !== 'all' && !unused.includes(setting));
  const flags = used.flatMap(([flag, setting]) => {
    const value = settings[setting];
    return value === null || value === false ? [] : [value === true ? `--${flag}` : `--${flag} ${value}`];
  });
  return ['epollet lab', `--experiment ${settings.experiment}`, ...flags].join(' ');
}
