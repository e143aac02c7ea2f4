import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../base/interruption.js';
import {
  countH2loadLog,
  type FixedRateResult,
  type FixedRateSpec,
  h2loadArgs,
  h2loadOpenEndedArgs,
  parseH2loadLog,
  type TimeWindow,
} from '../load/h2load.js';
import type { LoadSpec } from '../load/load.js';
import { assertMemoryFor, type Memory, stableRss } from '../measure/memory.js';
import { cpuBetween, cpuTime } from '../measure/proc-stat.js';
import type { Instruments, LoadWithCpu } from './instruments.js';

/** A connection that takes more has a process or a thread of its own. */
export const HEAVY_BYTES = 1024 * 1024;
/** A load that is not yet settled may take this long: it is asked for that many seconds more. */
const START_SECONDS = 30;
const SETTLED_STEPS = 4;
/** Of the memory that the connections were seen to take. */
const MOST_OF = 0.8;
const HELD_SECONDS_MAX = 3600;
/** Few are enough to count the calls of a request, and strace has to stop each thread of each process. */
const TRACED_CONNECTIONS = 4;
/** For a second try. */
const RETRY_SECONDS = 8;

/**
 * For models that start a process or a thread for each connection: connections are held, and it is measured when all
 * have what they need. A load that began with the measurement would measure how long Node takes to start.
 */
export class PreconnectedLoad {
  /** Null for a model whose connections are light, or closed after each answer, and where h2load is missing. */
  static forHeavy(instruments: Instruments, pid: number, memory: Memory, close: boolean): PreconnectedLoad | null {
    const heavy = (memory.perConnectionBytes ?? 0) > HEAVY_BYTES;
    return heavy && !close && instruments.tools.has('h2load') ? new PreconnectedLoad(instruments, pid, memory) : null;
  }

  private constructor(
    private readonly instruments: Instruments,
    private readonly pid: number,
    private readonly memory: Memory,
  ) {}

  /** As `Instruments.costed`. */
  async withCpu(order: LoadSpec): Promise<LoadWithCpu> {
    const {
      found: cpu,
      log,
      window,
    } = await this.hold(
      order,
      (file) => h2loadOpenEndedArgs(order, file),
      async () => {
        const before = cpuTime(this.pid);
        await sleep(order.seconds * 1000, this.instruments.signal);
        return cpuBetween(before, cpuTime(this.pid));
      },
    );
    return { ...countH2loadLog(log, window), cpu };
  }

  /** As `Instruments.paced`. */
  async fixedRate(order: FixedRateSpec): Promise<FixedRateResult> {
    const { log, window } = await this.hold(
      order,
      (file) => h2loadArgs({ ...order, seconds: order.seconds + START_SECONDS }, file),
      () => sleep(order.seconds * 1000, this.instruments.signal),
    );
    return parseH2loadLog(log, order, window);
  }

  /** As `Instruments.callsPerRequest`. Threads that have yet to start do so many times slower under strace. */
  async systemCallsPerRequest(order: LoadSpec): Promise<Record<string, number> | null> {
    const few = { ...order, connections: Math.min(order.connections, TRACED_CONNECTIONS) };
    return (await this.traced(few)) ?? this.traced({ ...few, seconds: RETRY_SECONDS });
  }

  private async traced(few: LoadSpec): Promise<Record<string, number> | null> {
    const { found, log } = await this.hold(
      few,
      (file) => h2loadOpenEndedArgs(few, file),
      () =>
        this.instruments.traced(this.pid, async () => {
          const fromUs = nowUs();
          await sleep(few.seconds * 1000, this.instruments.signal);
          return { fromUs, untilUs: nowUs() };
        }),
    );
    const { requests } = countH2loadLog(log, found.work);
    if (requests === 0) return null;
    return Object.fromEntries(Object.entries(found.calls).map(([name, count]) => [name, count / requests] as const));
  }

  private async hold<Found>(
    { connections }: LoadSpec,
    words: (file: string) => string[],
    measure: () => Promise<Found>,
  ): Promise<{ found: Found; log: string; window: TimeWindow }> {
    const { instruments, pid, memory } = this;
    const file = join(instruments.directory, 'held.log');
    rmSync(file, { force: true });
    const stop = new AbortController();
    assertMemoryFor(connections, memory.perConnectionBytes ?? 0);
    const load = instruments.run([...instruments.tools.command('h2load'), ...words(file)], HELD_SECONDS_MAX, {
      stopSignal: stop.signal,
    });
    load.catch(() => {}); // it is awaited below, and the measurement may fail first
    try {
      const least = memory.baselineBytes + MOST_OF * connections * (memory.perConnectionBytes ?? 0);
      await stableRss(pid, instruments.signal, SETTLED_STEPS, least);
      const fromUs = nowUs();
      const found = await measure();
      const window = { fromUs, untilUs: nowUs() };
      stop.abort();
      await load;
      return { found, log: readFileSync(file, 'utf8'), window };
    } finally {
      stop.abort();
    }
  }
}

const nowUs = (): number => Date.now() * 1000;
