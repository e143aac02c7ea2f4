import { existsSync, readFileSync } from 'node:fs';
import { MODELS } from '../../models/catalogue.js';
import { formatCalls, formatNumber } from '../base/format.js';
import { modelOf } from '../base/noise.js';
import type { LabReport } from './report.js';

/** A model with what makes its figures understandable. */
export interface ModelNote {
  readonly name: string;
  readonly waits: string;
  /** Its source in the repository, and its code. */
  readonly file: string;
  readonly code: string | null;
  /** The system calls of a request: counted in this run, or else by strace(1) once. */
  readonly calls: string;
  readonly limitation: string;
}

/** Of the models of a report, in the order of the catalogue. */
export function modelNotes(report: LabReport): ModelNote[] {
  const results: readonly object[] = 'results' in report ? report.results : [];
  const rows = results.flatMap((each) =>
    'model' in each ? [each as { model: string; systemCalls?: Counted | null }] : [],
  );
  const names = new Set(rows.map(({ model }) => modelOf(model)));
  return MODELS.filter(({ name }) => names.has(name)).map(({ name, waits, calls, limitation }) => {
    const counted = rows.find(({ model }) => model === name)?.systemCalls;
    return {
      name,
      waits,
      file: `src/models/${name}.ts`,
      code: codeOf(name),
      calls: counted
        ? `${formatNumber(counted.perRequest)} by strace in this run: ${formatCalls(counted.byName)}`
        : calls,
      limitation,
    };
  });
}

interface Counted {
  readonly perRequest: number;
  readonly byName: Readonly<Record<string, number>>;
}

/** The package has the compiled file; its comments and names are those of the source. */
function codeOf(name: string): string | null {
  const file = ['js', 'ts']
    .map((extension) => new URL(`../../models/${name}.${extension}`, import.meta.url))
    .find((url) => existsSync(url));
  return file === undefined
    ? null
    : readFileSync(file, 'utf8')
        .replace(/^\/\/# sourceMappingURL=.*$/m, '')
        .trim();
}
