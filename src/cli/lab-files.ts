import { accessSync, constants, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import pc from 'picocolors';
import type { LoadName } from '../lab/drivers/result.js';
import type { ExperimentName } from '../lab/experiments/registry.js';
import { type EncodedLatencies, percentileText } from '../lab/measure/hdr.js';
import { renderPage } from '../lab/report/page.js';
import type { LabReport } from '../lab/report/report.js';
import { UsageError } from './settings/usage-error.js';

/** The files that a report is written to. */
export interface ReportFiles {
  json?: string | undefined;
  html?: string | undefined;
  /** A directory. */
  hgrm?: string | undefined;
}

/** Before the run, which may take minutes. */
export function assertWritable(file: string): void {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found?.isDirectory()) throw new UsageError(`${file} is a directory; name a file to write the report to.`);
    accessSync(found ? file : dirname(resolve(file)), constants.W_OK);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file} cannot be written (${codeOf(error)}); name another file.`);
  }
}

export function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
    accessSync(directory, constants.W_OK);
  } catch (error) {
    throw new UsageError(`${directory} cannot be written (${codeOf(error)}); name another directory.`);
  }
}

export function writeFiles(report: LabReport, { json, html, hgrm }: ReportFiles): void {
  if (json !== undefined) writeText(json, `${JSON.stringify(report, null, 2)}\n`);
  if (html !== undefined) writeText(html, renderPage(report));
  if (hgrm === undefined) return;
  for (const [name, text] of histogramsOf(report)) writeFileSync(join(hgrm, name), text);
  process.stderr.write(`${pc.dim('written:')} ${resolve(hgrm)}\n`);
}

/** @throws UsageError if the file is not a report */
export function readReport(file: string): LabReport {
  let report: LabReport;
  try {
    report = JSON.parse(readFileSync(file, 'utf8')) as LabReport;
  } catch (error) {
    throw new UsageError(
      `${file} cannot be read as a report (${codeOf(error) ?? 'it is not JSON'}); name another file.`,
    );
  }
  if (report?.format !== 'epollet-lab') throw new UsageError(`${file} is not a report of epollet lab --json.`);
  return report;
}

/** `epollet-again-1000.corrected.hgrm` and `.raw.hgrm`, for each model and rate, or each driver and load. */
function* histogramsOf(report: LabReport): Generator<[name: string, text: string]> {
  for (const { model, rate, histograms } of encodedIn(report)) {
    if (histograms === null) continue;
    const name = `${model.replaceAll(' ', '-')}-${String(rate).replace(',', '').replace('/s', '')}`;
    for (const kind of ['corrected', 'raw'] as const) yield [`${name}.${kind}.hgrm`, percentileText(histograms[kind])!];
  }
}

interface Encoded {
  readonly model: string;
  /** Requests per second, or the name of a load. */
  readonly rate: number | LoadName;
  readonly histograms: EncodedLatencies | null;
}

/** The experiments whose report has histograms. */
export const HISTOGRAM_EXPERIMENTS: readonly ExperimentName[] = ['models', 'rates', 'libuv', 'drivers'];

function encodedIn(report: LabReport): Encoded[] {
  switch (report.experiment) {
    case 'rates':
      return report.results.flatMap(({ model, points }) => points.map((point) => ({ model, ...point })));
    case 'models':
    case 'libuv':
      return report.results.map(({ model, histograms }) => ({ model, rate: report.settings.rate, histograms }));
    case 'drivers':
      return report.results.flatMap(({ driver, points }) =>
        points.map(({ load, histograms }) => ({ model: driver, rate: load, histograms })),
      );
    default:
      return [];
  }
}

export function writeText(file: string, text: string): void {
  writeFileSync(file, text);
  process.stderr.write(`${pc.dim('written:')} ${resolve(file)}\n`);
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;
