import type { Figure } from '../base/chart.js';
import { formatNumber } from '../base/format.js';
import { connectionsFigures } from './connections-figures.js';
import { modelFigures, ratioFigure } from './models-figures.js';
import type { LabReport } from './report.js';
import { triggerFigures } from './triggers-figures.js';

/** What a report has to show. */
export function figuresOf(report: LabReport): Figure[] {
  switch (report.experiment) {
    case 'models':
      return modelFigures(report.results, report.settings);
    case 'libuv':
      return [ratioFigure(report.ratios), ...modelFigures(report.results, report.settings)];
    case 'connections':
      return connectionsFigures(report.results, report.settings.rate);
    case 'triggers':
      return triggerFigures(report.results, report.herd);
  }
}

/** Where and how it was measured, for whoever wants to repeat it. */
export function environmentOf({ machine, tools, settings, experiment, ...head }: LabReport): [string, string][] {
  const { pinned } = machine;
  const versions = tools.filter(({ version }) => version !== null).map(({ name, version }) => `${name} ${version}`);
  return [
    ['Machine', `${machine.cpu}, ${count(machine.cores, 'core')}, ${formatNumber(machine.memoryMib)} MiB`],
    ['System', `Linux ${machine.kernel}, Node ${machine.node}, libuv ${machine.libuv}, epollet ${head.epollet}`],
    ['Tools', versions.join(', ') || 'none'],
    [
      'Cores',
      pinned === null
        ? 'model and load share them'
        : `the model has core ${pinned.model}, the load ${pinned.load.join(', ')}`,
    ],
    ['Busy before', `load average ${machine.loadAverage}`],
    ...(experiment === 'triggers'
      ? []
      : ([
          ['Load', loadInWords({ settings, experiment })],
          ['Order', `drawn anew in each round, seed ${settings.seed}`],
        ] as [string, string][])),
    ['Begun', `${head.startedAt.replace('T', ' ').replace(/\.\d+Z$/, ' UTC')}, took ${formatNumber(head.seconds)} s`],
  ];
}

function loadInWords({ settings, experiment }: Pick<LabReport, 'settings' | 'experiment'>): string {
  const { rounds, seconds, warmUpSeconds, connections, close } = settings;
  const how = close ? 'a connection for each request' : 'connections are kept where the model keeps them';
  const busy = experiment === 'connections' ? '' : `${connections} connections, `;
  return `${busy}${how}; ${count(rounds, 'round')} of ${formatNumber(seconds)} s after ${formatNumber(warmUpSeconds)} s to warm up`;
}

const count = (many: number, noun: string): string => `${formatNumber(many)} ${noun}${many === 1 ? '' : 's'}`;
