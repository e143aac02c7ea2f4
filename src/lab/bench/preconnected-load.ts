import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ExperimentError, sleep } from '../base/errors.js';
import { countH2loadLog, h2loadOpenEndedArgs, type TimeWindow } from '../load/h2load.js';
import type { FixedRateResult, FixedRateSpec, LoadSpec } from '../load/load.js';
import { assertMemoryFor, type Memory, stableRss } from '../measure/memory.js';
import { cpuBetween, cpuTime } from '../measure/proc-stat.js';
import { callsPerRequest, type Instruments, type LoadGenerator } from './instruments.js';
import { type SteadyLoad, steadyLoad, windowOf } from './steady-load.js';

/** A connection that takes more memory has a process or a thread of its own. */
export const HEAVY_BYTES = 1024 * 1024;
/** The connections are open once the model uses this ratio of the memory expected for them. */
const EXPECTED_MEMORY_RATIO = 0.8;
const MAX_SECONDS = 3600;
/** Each engine warms up by itself, but all of them at once. */
const HEAVY_WINDOWS = 8;
/** Enough to count the calls of a request; strace must stop every thread of every process. */
const TRACED_CONNECTIONS = 4;
const RETRY_SECONDS = 8;

/**
 * A load for models that start a process or a thread per connection: opens the connections first, and measures once
 * all of them are served. Otherwise the measurement would include the startup time of Node.
 */
export class PreconnectedLoad implements LoadGenerator {
  /** Null if the connections are light, if each is closed after a response, or if h2load is missing. */
  static forHeavy(instruments: Instruments, memory: Memory, close: boolean): PreconnectedLoad | null {
    const isHeavy = (memory.perConnectionBytes ?? 0) > HEAVY_BYTES;
    return isHeavy && !close && instruments.tools.has('h2load') ? new PreconnectedLoad(instruments, memory) : null;
  }

  private constructor(
    private readonly instruments: Instruments,
    private readonly memory: Memory,
  ) {}

  /** The log is complete only at the end, so there are as many windows as may be needed. */
  async steady(spec: LoadSpec, pid: number): Promise<SteadyLoad> {
    const args = (file: string): string[] => h2loadOpenEndedArgs(spec, file);
    const window = windowOf(spec);
    const { measured, log } = await this.run(spec, pid, args, async () => {
      const bounds = [{ atUs: nowUs(), cpu: cpuTime(pid) }];
      for (let at = 0; at < HEAVY_WINDOWS; at++) {
        await sleep(window.seconds * 1000, this.instruments.signal);
        bounds.push({ atUs: nowUs(), cpu: cpuTime(pid) });
      }
      return bounds;
    });
    const bounds = measured.slice(1).map(({ atUs, cpu }, at) => ({ from: measured[at]!, untilUs: atUs, cpu }));
    const counts = countH2loadLog(
      log,
      bounds.map(({ from, untilUs }) => ({ fromUs: from.atUs, untilUs })),
    );
    const windows = counts.map((count, at) => ({ ...count, cpu: cpuBetween(bounds[at]!.from.cpu, bounds[at]!.cpu) }));
    if (windows.every(({ requests }) => requests === 0)) throw new ExperimentError('It sent no response under load.');
    return steadyLoad(windows, window);
  }

  /** Its generator opens the connections first, too. */
  fixedRate(spec: FixedRateSpec, pid: number): Promise<FixedRateResult> {
    return this.instruments.fixedRate(spec, pid);
  }

  /** Retries for longer, because threads start very slowly under strace. */
  async systemCallsPerRequest(spec: LoadSpec, pid: number): Promise<Record<string, number> | null> {
    const few = { ...spec, connections: Math.min(spec.connections, TRACED_CONNECTIONS) };
    return (await this.traced(few, pid)) ?? this.traced({ ...few, seconds: RETRY_SECONDS }, pid);
  }

  private async traced(spec: LoadSpec, pid: number): Promise<Record<string, number> | null> {
    const args = (file: string): string[] => h2loadOpenEndedArgs(spec, file);
    const work = async (): Promise<TimeWindow> => {
      const fromUs = nowUs();
      await sleep(spec.seconds * 1000, this.instruments.signal);
      return { fromUs, untilUs: nowUs() };
    };
    const { measured, log } = await this.run(spec, pid, args, () => this.instruments.withStrace(pid, work));
    return callsPerRequest(measured.calls, countH2loadLog(log, [measured.result])[0]!.requests);
  }

  private async run<Measured>(
    { connections }: LoadSpec,
    pid: number,
    args: (file: string) => string[],
    measure: () => Promise<Measured>,
  ): Promise<{ measured: Measured; log: string }> {
    const { instruments, memory } = this;
    const file = join(instruments.directory, 'preconnected.log');
    rmSync(file, { force: true });
    const stop = new AbortController();
    const bytesEach = memory.perConnectionBytes ?? 0;
    assertMemoryFor(connections, bytesEach);
    const load = instruments.run('h2load', args(file), MAX_SECONDS, { stopSignal: stop.signal });
    load.catch(() => {}); // awaited below; the measurement may fail first
    try {
      const minBytes = memory.baselineBytes + EXPECTED_MEMORY_RATIO * connections * bytesEach;
      await stableRss(pid, instruments.signal, 1, minBytes);
      const measured = await measure();
      stop.abort();
      await load;
      return { measured, log: readFileSync(file, 'utf8') };
    } finally {
      stop.abort();
    }
  }
}

const nowUs = (): number => Date.now() * 1000;
