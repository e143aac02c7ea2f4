import { ExperimentError, sleep } from '../base/errors.js';
import { textOf } from '../base/text-file.js';
import { residentBytes } from './proc-stat.js';

export interface Memory {
  /** RSS of the process tree after its first responses, without idle connections. */
  readonly baselineBytes: number;
  /** RSS per idle connection, without the kernel's memory for a socket; null if the model allows none. */
  readonly perConnectionBytes: number | null;
}

/** A connection that takes more has a process or a thread of its own. */
const HEAVY_BYTES = 1024 * 1024;

export const isHeavy = ({ perConnectionBytes }: Pick<Memory, 'perConnectionBytes'>): boolean =>
  (perConnectionBytes ?? 0) > HEAVY_BYTES;

const STEP_MS = 100;
/** Starting a process for each of many connections takes this long on one core. */
const TIMEOUT_MS = 30_000;
/** Growth per step below this ratio counts as stable. */
const STABLE_RATIO = 0.002;

/**
 * RSS of a process tree once it has stopped growing.
 * @param steps the number of consecutive stable samples required
 */
export async function stableRss(pid: number, signal: AbortSignal, steps = 1): Promise<number> {
  let bytes = residentBytes(pid);
  let stable = 0;
  for (let waitedMs = 0; stable < steps && waitedMs < TIMEOUT_MS; waitedMs += STEP_MS) {
    await sleep(STEP_MS, signal);
    const before = bytes;
    bytes = residentBytes(pid);
    stable = bytes - before <= before * STABLE_RATIO ? stable + 1 : 0;
  }
  return bytes;
}

/** Allows at most half of the available memory. @throws ExperimentError */
export function assertMemoryFor(connections: number, perConnectionBytes: number): void {
  const neededBytes = connections * perConnectionBytes;
  const kib = Number(/^MemAvailable:\s+(\d+)/m.exec(textOf('/proc/meminfo'))?.[1] ?? 0);
  if (neededBytes <= (kib * 1024) / 2) return;
  const [neededMib, availableMib] = [Math.round(neededBytes / 1024 / 1024), Math.round(kib / 1024)];
  throw new ExperimentError(
    `${connections} connections need ${neededMib} MiB of memory, and ${availableMib} MiB are available.`,
  );
}
