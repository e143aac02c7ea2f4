import { formatCount, formatNumber } from '../base/format.js';
import { agreeingWindows } from '../bench/agreement.js';
import { experimentNamed } from '../experiments/registry.js';
import type { LabReport } from './report.js';

/** The machine, the tools and the load of a run, as labelled rows. */
export function environmentOf({
  machine,
  tools,
  settings,
  ...report
}: LabReport): (readonly [label: string, text: string])[] {
  const { pinned } = machine;
  const { models, unused } = experimentNamed(settings.experiment);
  const { rounds, seconds, warmUpSeconds, connections, close } = settings;
  const versions = tools.filter(({ version }) => version !== null).map(({ name, version }) => `${name} ${version}`);
  const load = [
    ...(unused.includes('connections') ? [] : [formatCount(connections, 'connection')]),
    close ? 'a new connection for each request' : 'persistent connections if the model keeps them open',
    `${formatCount(rounds, 'round')}, each until ${agreeingWindows(seconds, !unused.includes('rates'))} agree, after ${formatNumber(warmUpSeconds)} s of warm-up`,
  ].join('; ');
  const loadRows = [['Load', load] as const, ['Order', `shuffled in each round, seed ${settings.seed}`] as const];
  const started = report.startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC');
  const cores = pinned && `core ${pinned.model} for the model, ${pinned.load.join(', ')} for the load`;
  return [
    [
      'Machine',
      `${machine.fingerprint}: ${machine.cpu}, ${formatCount(machine.cores, 'core')}, ${formatNumber(machine.memoryMib)} MiB`,
    ],
    ['System', `Linux ${machine.kernel}, Node ${machine.node}, libuv ${machine.libuv}, epollet ${report.epollet}`],
    ['Tools', versions.join(', ') || 'none'],
    ['Cores', cores ?? 'shared by model and load'],
    ['Load average', `${machine.loadAverage} before the run`],
    ...(models.length === 0 ? [] : loadRows),
    ['Started', `${started}, took ${formatNumber(report.seconds)} s`],
  ];
}
