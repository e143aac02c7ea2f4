import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Meter } from '../../../../src/server/measure/meter.js';

let nowMs = 0;
let meter: Meter;
const countOf = ({ counts }: { counts: number[] }): number => counts.reduce((sum, count) => sum + count, 0);

beforeEach(() => {
  nowMs = 1000;
  meter = new Meter({ monotonicMs: () => nowMs }, false);
});
afterEach(() => meter.close());

describe('measurements', () => {
  test('responses made at once take until the end of their turn', () => {
    for (const status of [200, 206, 304]) meter.onSentAtOnce(status);
    expect(countOf(meter.measurements.requestDuration['2xx']!)).toBe(0);
    nowMs += 2;
    meter.onTurnEnd(3, 1000);
    nowMs += 2;
    meter.onTurnEnd(1, 1002); // they are counted once
    const { requestDuration, turnDuration, turnEvents } = meter.measurements;
    expect(requestDuration['2xx']!.sum).toBeCloseTo(0.004);
    expect(countOf(requestDuration['2xx']!)).toBe(2);
    expect(countOf(requestDuration['3xx']!)).toBe(1);
    expect([countOf(turnDuration), countOf(turnEvents), turnEvents.sum]).toEqual([2, 2, 4]);
  });

  test('a response made later takes from its request on', () => {
    nowMs += 250;
    meter.onFinished(503, 1000);
    expect(meter.measurements.requestDuration['5xx']!.sum).toBeCloseTo(0.25);
  });

  test('an error of the wait is a turn without events', () => {
    meter.onTurnEnd(-4, 1000);
    expect(meter.measurements.turnEvents).toMatchObject({ sum: 0, counts: expect.arrayContaining([1]) });
  });

  test('can be sent to another thread', () => {
    meter.onResponse(200);
    expect(structuredClone(meter.measurements).responses).toEqual({ '1xx': 0, '2xx': 1, '3xx': 0, '4xx': 0, '5xx': 0 });
  });

  test('the event loop is measured only with a handler', () => {
    expect(meter.measurements.eventLoopDelay).toBeNull();
    const withHandler = new Meter({ monotonicMs: () => nowMs }, true);
    expect(withHandler.measurements.eventLoopDelay).toEqual({ p50: 0, p99: 0, max: 0 });
    withHandler.close();
  });
});
