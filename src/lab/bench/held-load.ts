import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pause } from '../base/interruption.js';
import type { Memory } from '../experiments/models-result.js';
import {
  countH2loadLog,
  h2loadHeldWords,
  h2loadWords,
  type Paced,
  type PacedOrder,
  parseH2loadLog,
  type Window,
} from '../load/h2load.js';
import type { LoadOrder } from '../load/load.js';
import { assertRoomFor, settledBytes } from '../measure/memory.js';
import { cpuBetween, cpuTimeOf } from '../measure/proc-stat.js';
import type { CostedLoad, Instruments } from './instruments.js';

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
const PATIENT_SECONDS = 8;

/**
 * For models that start a process or a thread for each connection: connections are held, and it is measured when all
 * have what they need. A load that began with the measurement would measure how long Node takes to start.
 */
export class HeldLoad {
  /** Null for a model whose connections are light, or closed after each answer, and where h2load is missing. */
  static forHeavy(instruments: Instruments, pid: number, memory: Memory, close: boolean): HeldLoad | null {
    const heavy = (memory.perConnectionBytes ?? 0) > HEAVY_BYTES;
    return heavy && !close && instruments.tools.has('h2load') ? new HeldLoad(instruments, pid, memory) : null;
  }

  private constructor(
    private readonly instruments: Instruments,
    private readonly pid: number,
    private readonly memory: Memory,
  ) {}

  /** As `Instruments.costed`. */
  async costed(order: LoadOrder): Promise<CostedLoad> {
    const {
      found: cpu,
      log,
      window,
    } = await this.hold(
      order,
      (file) => h2loadHeldWords(order, file),
      async () => {
        const before = cpuTimeOf(this.pid);
        await pause(order.seconds * 1000, this.instruments.signal);
        return cpuBetween(before, cpuTimeOf(this.pid));
      },
    );
    return { ...countH2loadLog(log, window), cpu };
  }

  /** As `Instruments.paced`. */
  async paced(order: PacedOrder): Promise<Paced> {
    const { log, window } = await this.hold(
      order,
      (file) => h2loadWords({ ...order, seconds: order.seconds + START_SECONDS }, file),
      () => pause(order.seconds * 1000, this.instruments.signal),
    );
    return parseH2loadLog(log, order, window);
  }

  /** As `Instruments.callsPerRequest`. Threads that have yet to start do so many times slower under strace. */
  async callsPerRequest(order: LoadOrder): Promise<Record<string, number> | null> {
    const few = { ...order, connections: Math.min(order.connections, TRACED_CONNECTIONS) };
    return (await this.traced(few)) ?? this.traced({ ...few, seconds: PATIENT_SECONDS });
  }

  private async traced(few: LoadOrder): Promise<Record<string, number> | null> {
    const { found, log } = await this.hold(
      few,
      (file) => h2loadHeldWords(few, file),
      () =>
        this.instruments.traced(this.pid, async () => {
          const fromUs = nowUs();
          await pause(few.seconds * 1000, this.instruments.signal);
          return { fromUs, untilUs: nowUs() };
        }),
    );
    const { requests } = countH2loadLog(log, found.work);
    if (requests === 0) return null;
    return Object.fromEntries(Object.entries(found.calls).map(([name, count]) => [name, count / requests] as const));
  }

  private async hold<Found>(
    { connections }: LoadOrder,
    words: (file: string) => string[],
    measure: () => Promise<Found>,
  ): Promise<{ found: Found; log: string; window: Window }> {
    const { instruments, pid, memory } = this;
    const file = join(instruments.folder, 'held.log');
    rmSync(file, { force: true });
    const stop = new AbortController();
    assertRoomFor(connections, memory.perConnectionBytes ?? 0);
    const load = instruments.run([...instruments.tools.command('h2load'), ...words(file)], HELD_SECONDS_MAX, {
      stop: stop.signal,
    });
    load.catch(() => {}); // it is awaited below, and the measurement may fail first
    try {
      const least = memory.restBytes + MOST_OF * connections * (memory.perConnectionBytes ?? 0);
      await settledBytes(pid, instruments.signal, SETTLED_STEPS, least);
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
