import { type Spread, spreadOf } from '../base/stats.js';

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
  readonly requestsPerSecond: Spread;
  readonly cpuUs: Spread;
  readonly p99Ms: Spread | null;
  readonly residentBytes: Spread;
  readonly stillOpen: Spread;
}

/** Where a model does not go on as it began. */
export interface Bend {
  /** How many idle connections were open, or were to be. */
  readonly idle: number;
  readonly why: string;
}

export interface ConnectionsResult {
  readonly model: string;
  readonly waits: string;
  readonly points: readonly ConnectionsPoint[];
  /** The first number with which a request takes more than twice the CPU time that it takes with the fewest. */
  readonly slows: Bend | null;
  /** Where it could not be measured any more. */
  readonly stops: Bend | null;
  /** Why it was not measured; null for one that was. */
  readonly failure: string | null;
}

/** What is gathered of a model while the rounds go on. */
export interface ConnectionsNotes {
  readonly model: string;
  readonly waits: string;
  readonly rounds: Map<number, ConnectionsRound[]>;
  /** The first time. */
  stops: Bend | null;
  failure: string | null;
}

export function connectionsResultOf({ model, waits, rounds, stops, failure }: ConnectionsNotes): ConnectionsResult {
  const points = [...rounds].map(([idle, all]): ConnectionsPoint => {
    const spread = (of: (round: ConnectionsRound) => number | null): Spread | null => spreadOf(all.map(of));
    return {
      idle,
      requestsPerSecond: spread((round) => round.requestsPerSecond)!,
      cpuUs: spread((round) => round.cpuUs)!,
      p99Ms: spread((round) => round.p99Ms),
      residentBytes: spread((round) => round.residentBytes)!,
      stillOpen: spread((round) => round.stillOpen)!,
    };
  });
  return { model, waits, points, slows: slowdownIn(points), stops, failure };
}

/** CPU time and not requests a second: of those the rest of the machine takes its share. */
function slowdownIn(points: readonly ConnectionsPoint[]): Bend | null {
  const first = points[0]?.cpuUs.median ?? 0;
  const slow = points.find(({ cpuUs }) => cpuUs.median > 2 * first);
  if (slow === undefined) return null;
  const times = (slow.cpuUs.median / first).toFixed(1);
  return { idle: slow.idle, why: `A request takes ${times} times the CPU time that it took at first.` };
}
