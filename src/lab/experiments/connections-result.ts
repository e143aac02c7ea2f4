import { type Summary, summarize } from '../base/stats.js';

/** What one round has measured with a number of idle connections open. */
export interface ConnectionsRound {
  readonly requestsPerSecond: number;
  readonly cpuUs: number;
  /** At the fixed rate; null where h2load is missing. */
  readonly p99Ms: number | null;
  readonly residentBytes: number;
  /** Idle connections that the model had not closed by the end. */
  readonly stillOpen: number;
}

/** One number of idle connections, over the rounds. */
export interface ConnectionsPoint {
  readonly idle: number;
  readonly requestsPerSecond: Summary;
  readonly cpuUs: Summary;
  readonly p99Ms: Summary | null;
  readonly residentBytes: Summary;
  readonly stillOpen: Summary;
}

/** Where a model does not go on as it began. */
export interface Knee {
  /** How many idle connections were open, or were to be. */
  readonly idle: number;
  readonly reason: string;
}

export interface ConnectionsResult {
  readonly model: string;
  readonly waits: string;
  readonly points: readonly ConnectionsPoint[];
  /** The first number with which a request takes more than twice the CPU time that it takes with the fewest. */
  readonly knee: Knee | null;
  /** Where it could not be measured any more. */
  readonly failedAt: Knee | null;
  /** Why it was not measured; null for one that was. */
  readonly failure: string | null;
}

/** What is gathered of a model while the rounds go on. */
export interface ConnectionsPartial {
  readonly model: string;
  readonly waits: string;
  readonly rounds: Map<number, ConnectionsRound[]>;
  /** The first time. */
  failedAt: Knee | null;
  failure: string | null;
}

export function connectionsResult({ model, waits, rounds, failedAt, failure }: ConnectionsPartial): ConnectionsResult {
  const points = [...rounds].map(([idle, all]): ConnectionsPoint => {
    const spread = (of: (round: ConnectionsRound) => number | null): Summary | null => summarize(all.map(of));
    return {
      idle,
      requestsPerSecond: spread((round) => round.requestsPerSecond)!,
      cpuUs: spread((round) => round.cpuUs)!,
      p99Ms: spread((round) => round.p99Ms),
      residentBytes: spread((round) => round.residentBytes)!,
      stillOpen: spread((round) => round.stillOpen)!,
    };
  });
  return { model, waits, points, knee: findKnee(points), failedAt, failure };
}

/** CPU time and not requests a second: of those the rest of the machine takes its share. */
function findKnee(points: readonly ConnectionsPoint[]): Knee | null {
  const first = points[0]?.cpuUs.median ?? 0;
  const slow = points.find(({ cpuUs }) => cpuUs.median > 2 * first);
  if (slow === undefined) return null;
  const times = (slow.cpuUs.median / first).toFixed(1);
  return { idle: slow.idle, reason: `A request takes ${times} times the CPU time that it took at first.` };
}
