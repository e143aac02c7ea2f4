import { readFileSync } from 'node:fs';
import { ExperimentError } from '../base/errors.js';
import { sleep } from '../base/interruption.js';
import { residentBytes } from './proc-stat.js';

export interface Memory {
  /** RSS of the process tree after its first responses, without idle connections. */
  readonly baselineBytes: number;
  /** RSS per idle connection, without the kernel's memory for a socket; null if the model allows none. */
  readonly perConnectionBytes: number | null;
}

const STEP_MS = 100;
/** A model that starts a process for each of many connections, on one core, takes that long. */
const TIMEOUT_MS = 30_000;
/** What grows by less than this in a step has come to rest. */
const STABLE_RATIO = 0.002;

/**
 * Resident memory of a process and its family when it has stopped growing.
 * @param steps how often in a row it has to be the same
 * @param least what it has to be at least
 */
export async function stableRss(pid: number, signal: AbortSignal, steps = 1, least = 0): Promise<number> {
  let bytes = residentBytes(pid);
  let still = 0;
  for (let waitedMs = 0; still < steps && waitedMs < TIMEOUT_MS; waitedMs += STEP_MS) {
    await sleep(STEP_MS, signal);
    const before = bytes;
    bytes = residentBytes(pid);
    still = bytes >= least && bytes - before <= before * STABLE_RATIO ? still + 1 : 0;
  }
  return bytes;
}

/** The lab is not to drive other programs out of memory. @throws Failure */
export function assertMemoryFor(connections: number, perConnectionBytes: number): void {
  const wanted = connections * perConnectionBytes;
  const kib = Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0);
  if (wanted <= (kib * 1024) / 2) return;
  const [wantedMib, mib] = [Math.round(wanted / 1024 / 1024), Math.round(kib / 1024)];
  throw new ExperimentError(`${connections} connections would take ${wantedMib} MiB, and ${mib} are available.`);
}
