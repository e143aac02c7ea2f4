import { setImmediate } from 'node:timers/promises';
import {
  constants,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_MOD,
  EPOLLET,
  EPOLLIN,
  EPOLLONESHOT,
  kernel,
} from '../../sys/index.js';
import { ExperimentError, throwIfCancelled } from '../base/errors.js';
import { noiseOf, repetitionOf } from '../base/noise.js';
import { type Summary, summarize } from '../base/stats.js';

/** What a reader does with an event, so that no byte stays unread for ever. */
export const READERS = {
  'level, one read': { flags: 0, until: 'once', rearm: false },
  'edge, until EAGAIN': { flags: EPOLLET, until: 'EAGAIN', rearm: false },
  'edge, until a short read': { flags: EPOLLET, until: 'short', rearm: false },
  'oneshot, one read, MOD': { flags: EPOLLONESHOT, until: 'once', rearm: true },
} as const;

export type ReaderName = keyof typeof READERS;
type Reader = (typeof READERS)[ReaderName];

export const READER_NAMES = Object.keys(READERS) as ReaderName[];
/** Measured twice. */
const REPEATED: ReaderName = 'level, one read';

/** Less than the buffer, a quarter of it, and four times as much. */
export const MESSAGE_BYTES = [64, 4096, 65_536];
/** How many descriptors are ready in the same wait. */
export const READY_AT_ONCE = [1, 16, 256];
export const BUFFER_BYTES = 16_384;

export interface TriggerCost {
  /** A reader, or `READER again`. */
  readonly reader: string;
  readonly messageBytes: number;
  readonly ready: number;
  /** System calls per message: exact, and the same on every run. */
  readonly systemCalls: number;
  /** Per message, over the rounds, from the wait to the last byte; user and kernel. */
  readonly ns: Summary;
}

export interface TriggerNoise {
  readonly messageBytes: number;
  readonly ready: number;
  /** What the reader that is measured twice differs by. */
  readonly ns: number | null;
}

export interface TriggerCosts {
  readonly costs: readonly TriggerCost[];
  readonly repeated: { readonly model: ReaderName; readonly noise: readonly TriggerNoise[] };
}

export interface TriggerCostOptions {
  readonly rounds: number;
  /** Messages per round and reader, in batches of those that are ready at once. */
  readonly messages: number;
}

/** Short rounds, of which there are several for each of the lab: what disturbs one of them does not change the median. */
export const costOptions = (rounds: number): TriggerCostOptions => ({ rounds: 7 * rounds, messages: 4096 });

/** Large messages take the time of copying, so fewer of them suffice. */
const MAX_ROUND_BYTES = 64 * 1024 * 1024;

/**
 * Every reader with every message size and every number of descriptors that are ready at once, in turn in each round.
 * Sockets of a pair; only reading is timed.
 */
export async function measureTriggerCosts(options: TriggerCostOptions, signal: AbortSignal): Promise<TriggerCosts> {
  const costs: TriggerCost[] = [];
  const noise: TriggerNoise[] = [];
  for (const messageBytes of MESSAGE_BYTES) {
    for (const ready of READY_AT_ONCE) {
      await setImmediate(); // signals
      throwIfCancelled(signal);
      const rows = measureCell(options, messageBytes, ready);
      costs.push(...rows.map(({ rounds: _, ...row }) => row));
      const roundsOf = (name: string) => rows.find(({ reader }) => reader === name)!.rounds.map((ns) => ({ ns }));
      noise.push({ messageBytes, ready, ...noiseOf(['ns'], roundsOf(REPEATED), roundsOf(repetitionOf(REPEATED))) });
    }
  }
  return { costs, repeated: { model: REPEATED, noise } };
}

type Row = TriggerCost & { readonly rounds: readonly number[] };

function measureCell({ rounds, messages }: TriggerCostOptions, messageBytes: number, ready: number): Row[] {
  const batches = Math.max(1, Math.floor(Math.min(messages, MAX_ROUND_BYTES / messageBytes) / ready));
  const sets = [...READER_NAMES, repetitionOf(REPEATED)].map((name) => ({
    name,
    times: [] as number[],
    set: new ReaderSet(READERS[name as ReaderName] ?? READERS[REPEATED], messageBytes, ready),
  }));
  try {
    // The first round is that of the compilers of V8. Each begins with the next reader, so that none is always the first
    // one, and none has its turn twice in succession, with its sockets still in the caches.
    for (let round = -1; round < rounds; round++) {
      for (let at = 0; at < sets.length; at++) {
        const { set, times } = sets[(round + 1 + at) % sets.length]!;
        const ns = set.round(batches);
        if (round >= 0) times.push(ns);
      }
    }
    return sets.map(({ name, set, times }) => ({
      reader: name,
      messageBytes,
      ready,
      systemCalls: set.callsPerMessage,
      ns: summarize(times)!,
      rounds: times,
    }));
  } finally {
    for (const { set } of sets) set.close();
  }
}

/** Pairs of sockets whose readers are in an epoll set. */
class ReaderSet {
  private readonly epfd = checked('epoll_create1', kernel.epollCreate1(EPOLL_CLOEXEC));
  private readonly writers: number[] = [];
  private readonly readers: number[] = [];
  private readonly events: Uint32Array;
  private readonly message: Uint8Array;
  private readonly buffer = new Uint8Array(BUFFER_BYTES);
  private readonly mask: number;
  private calls = 0;
  private messages = 0;

  constructor(
    private readonly reader: Reader,
    messageBytes: number,
    ready: number,
  ) {
    this.events = new Uint32Array(3 * ready);
    this.message = new Uint8Array(messageBytes);
    this.mask = EPOLLIN | reader.flags;
    for (let at = 0; at < ready; at++) {
      const pair = kernel.socketpair(constants.SOCK_STREAM | constants.SOCK_NONBLOCK);
      if (typeof pair === 'number') throw new ExperimentError(`socketpair failed with ${-pair}.`);
      this.writers.push(pair[0]);
      this.readers.push(pair[1]);
      checked('epoll_ctl', kernel.epollCtl(this.epfd, EPOLL_CTL_ADD, pair[1], this.mask, pair[1], 0));
    }
  }

  get callsPerMessage(): number {
    return this.calls / this.messages;
  }

  /** Returns nanoseconds per message. */
  round(batches: number): number {
    let ms = 0;
    for (let batch = 0; batch < batches; batch++) {
      for (const writer of this.writers)
        if (kernel.send(writer, this.message, 0, this.message.length, 0) !== this.message.length)
          throw new ExperimentError(`A socket took less than ${this.message.length} bytes.`);
      const startMs = performance.now();
      this.readAll();
      ms += performance.now() - startMs;
    }
    return (ms * 1e6) / (batches * this.writers.length);
  }

  close(): void {
    for (const fd of [...this.writers, ...this.readers, this.epfd]) kernel.close(fd);
  }

  private readAll(): void {
    const { reader, events, buffer, epfd, mask } = this;
    let left = this.message.length * this.readers.length;
    let calls = 0;
    while (left > 0) {
      const count = kernel.epollWait(epfd, events, this.readers.length, 0);
      calls++;
      if (count <= 0) throw new ExperimentError(`${left} bytes are unread, and no event reports them.`);
      for (let at = 0; at < count; at++) {
        const fd = events[3 * at + 1]!;
        for (;;) {
          const bytes = kernel.recv(fd, buffer, 0, BUFFER_BYTES, 0);
          calls++;
          if (bytes > 0) left -= bytes;
          if (bytes <= 0 || reader.until === 'once' || (reader.until === 'short' && bytes < BUFFER_BYTES)) break;
        }
        if (!reader.rearm) continue;
        kernel.epollCtl(epfd, EPOLL_CTL_MOD, fd, mask, fd, 0);
        calls++;
      }
    }
    this.calls += calls;
    this.messages += this.readers.length;
  }
}

function checked(call: string, result: number): number {
  if (result < 0) throw new ExperimentError(`${call} failed with ${-result}.`);
  return result;
}
