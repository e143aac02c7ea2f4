import type { ServerStats } from '../server/handlers/handler-server.js';

/** The statistics of all workers as those of one server: numbers are added, lists of texts joined, texts that differ are `mixed`. */
export function totalOf(all: readonly ServerStats[]): ServerStats | null {
  const [first, ...others] = all;
  if (first === undefined) return null;
  const total = others.reduce<ServerStats>((sum, each) => joined(sum, each) as ServerStats, first);
  const { turns, events } = total.reactor;
  return { ...total, eventsPerTurn: turns === 0 ? 0 : events / turns };
}

function joined(one: unknown, other: unknown): unknown {
  if (one === null || one === undefined) return other;
  if (other === null || other === undefined) return one;
  if (typeof one === 'number') return one + (other as number);
  if (typeof one === 'string') return one === other ? one : 'mixed';
  if (typeof one !== 'object') return one;
  if (Array.isArray(one)) {
    const second = other as unknown[];
    if (typeof (one[0] ?? second[0]) === 'string') return [...new Set([...one, ...second])];
    return one.map((value, at) => joined(value, second[at]));
  }
  const [left, right] = [one as Record<string, unknown>, other as Record<string, unknown>];
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return Object.fromEntries(
    [...names].map((name) => [name, name === 'bounds' ? left[name] : joined(left[name], right[name])]),
  );
}
