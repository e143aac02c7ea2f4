import { expect, it } from 'vitest';
import { ConnectionState, State } from '../../../src/net/connection-state.js';
import { NEVER } from '../../../src/reactor/deadlines.js';

class Exposed extends ConnectionState {
  nowMs = 0;
}

const DAY_MS = 86_400_000;

it('each part of the state keeps its value while the others change', () => {
  const state = new Exposed() as unknown as Record<string, unknown>;
  const values: [string, unknown[]][] = [
    ['state', Object.values(State)],
    ['inputEnded', [false, true]],
    ['inputDeferred', [false, true]],
    ['queuedForRead', [false, true]],
    ['resetsWhenCut', [false, true]],
    ['isRegistered', [false, true]],
    ['isEdge', [false, true]],
    ['pausedReadiness', [0, 1, 6, 15]],
    ['moreReadiness', [0, 1, 6, 15]],
    ['interest', [0, 1, 2, 11]],
  ];
  const expected: Record<string, unknown> = Object.fromEntries(values.map(([name, [first]]) => [name, first]));
  for (let round = 0; round < 2; round++)
    for (const [name, each] of round === 0 ? values : values.toReversed())
      for (const value of each) {
        state[name] = expected[name] = value;
        expect(Object.fromEntries(values.map(([other]) => [other, state[other]]))).toEqual(expected);
      }
});

it.each([0, 1000, 2 ** 31 - 5, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 5e9, 400 * DAY_MS + 7])('times at %d', (atMs) => {
  const state = new Exposed() as unknown as {
    nowMs: number;
    sinceMs: number;
    isArmedAfter(timeMs: number): boolean;
    noteArmed(timeMs: number): void;
  };
  state.nowMs = atMs;
  state.sinceMs = atMs;
  expect(state.sinceMs).toBe(atMs);
  state.nowMs += 20 * DAY_MS;
  expect(state.sinceMs).toBe(atMs);
  state.sinceMs = atMs + 0.2;
  expect(state.sinceMs - atMs).toBe(1); // not before its time
  expect([state.isArmedAfter(atMs), state.isArmedAfter(NEVER)]).toEqual([true, false]);
  state.noteArmed(atMs + DAY_MS);
  expect([0, DAY_MS - 1, DAY_MS, DAY_MS + 1, NEVER].map((ms) => state.isArmedAfter(atMs + ms))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
  state.noteArmed(NEVER);
  expect([state.isArmedAfter(atMs + DAY_MS), state.isArmedAfter(NEVER)]).toEqual([true, false]);
});
