import { formatNumber, NONE } from './format.js';
import type { Summary } from './stats.js';

/** What one load has, or lacks. */
export interface StruckOutPoint {
  /** Why its figures do not count, or null. */
  readonly struckOut: string | null;
  readonly errors: Summary | null;
}

/** Rows of a name, a load and a reason: what could not be measured, what is struck out, and failed requests. */
export function struckOutRows<Point extends StruckOutPoint>(
  name: string,
  failure: string | null,
  points: readonly Point[],
  loadOf: (point: Point) => string,
): string[][] {
  return [
    ...(failure === null ? [] : [[name, NONE, failure]]),
    ...points.flatMap((point) => (point.struckOut === null ? [] : [[name, loadOf(point), point.struckOut]])),
    ...points.flatMap((point) =>
      point.errors && point.errors.max > 0
        ? [[name, loadOf(point), `${formatNumber(point.errors.max)} errors in a round.`]]
        : [],
    ),
  ];
}
