import type { MeasureSettings } from './bench/settings.js';
import { EXPERIMENT_NAMES, type ExperimentName } from './experiments/registry.js';

/** `epollet lab --all` takes no longer than this, by its budgets. */
export const ALL_SECONDS = 38 * 60;

/** A model started within the budget of an experiment may take this much longer; then the experiment is cancelled. */
export const GRACE_SECONDS = 8;
/** The end of a model that has started hundreds of processes. */
const END_SECONDS = 22;

/** Settings of the experiments that would take too much of the time with their defaults. */
export const PLANNED: Readonly<Partial<Record<ExperimentName, Partial<MeasureSettings>>>> = {
  models: { seconds: 1.5 },
  rates: { rounds: 3, seconds: 1.5 },
  libuv: { seconds: 2 },
  connections: { seconds: 0.75 },
  websocket: { rounds: 3 },
  workers: { rounds: 2, seconds: 1.5, warmUpSeconds: 0.5 },
  drivers: { rounds: 3, seconds: 1.5 },
};

/** The seconds that each takes on two cores: its part of the time. What one leaves over goes to those after it. */
const WEIGHTS: Readonly<Partial<Record<ExperimentName, number>>> = {
  models: 420,
  rates: 750,
  libuv: 140,
  connections: 380,
  triggers: 25,
  workers: 190,
  drivers: 290,
  websocket: 90,
};
const DEFAULT_WEIGHT = 120;

const weightOf = (name: ExperimentName): number => WEIGHTS[name] ?? DEFAULT_WEIGHT;

/** The shortest ones first: a mistake of the machine is found before the long ones. */
export const ALL_EXPERIMENTS: readonly ExperimentName[] = [...EXPERIMENT_NAMES].sort(
  (a, b) => weightOf(a) - weightOf(b),
);

/**
 * The seconds after which an experiment starts no model, of those that are left. The end of the last one is in them, so
 * that all of them together take no longer.
 */
export function budgetOf(name: ExperimentName, leftSeconds: number, order = ALL_EXPERIMENTS): number {
  const remaining = order.slice(order.indexOf(name));
  const sum = remaining.reduce((total, each) => total + weightOf(each), 0);
  return Math.max(1, Math.floor(((leftSeconds - GRACE_SECONDS - END_SECONDS) * weightOf(name)) / sum));
}
