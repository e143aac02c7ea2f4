import { EXPERIMENT_NAMES, type ExperimentName } from './experiments/registry.js';

/** `epollet lab --all` ends within 40 minutes: 38 for the experiments, and what a cancelled one takes to stop. */
export const ALL_SECONDS = 38 * 60;

/** Parts of the time. What one leaves over goes to those after it. */
const WEIGHTS: Readonly<Partial<Record<ExperimentName, number>>> = {
  models: 10,
  rates: 12,
  libuv: 3,
  connections: 5,
  triggers: 1,
};
const DEFAULT_WEIGHT = 4;

const weightOf = (name: ExperimentName): number => WEIGHTS[name] ?? DEFAULT_WEIGHT;

/** The shortest ones first: a mistake of the machine is found before the long ones. */
export const ALL_EXPERIMENTS: readonly ExperimentName[] = [...EXPERIMENT_NAMES].sort(
  (a, b) => weightOf(a) - weightOf(b),
);

/** The seconds that an experiment may take, of those that are left. */
export function budgetOf(name: ExperimentName, leftSeconds: number, order = ALL_EXPERIMENTS): number {
  const remaining = order.slice(order.indexOf(name));
  const sum = remaining.reduce((total, each) => total + weightOf(each), 0);
  return Math.max(1, Math.floor((leftSeconds * weightOf(name)) / sum));
}
