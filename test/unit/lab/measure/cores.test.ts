import { describe, expect, test } from 'vitest';
import { assignCores, parseCores } from '../../../../src/lab/measure/cores.js';

describe('cores', () => {
  test.each([
    ['0', [0]],
    ['0-3', [0, 1, 2, 3]],
    ['0-1,4,6-7', [0, 1, 4, 6, 7]],
  ])('the list %s is parsed', (list, cores) => expect(parseCores(list)).toEqual(cores));

  test('the model gets one core, the load those that are not its siblings', () => {
    const pairs = (core: number): number[] => [core, core ^ 1];
    expect(assignCores([0, 1, 2, 3], pairs)).toEqual({ model: 0, load: [2, 3] });
    expect(assignCores([2, 3], pairs)).toEqual({ model: 2, load: [3] });
    expect(assignCores([5], pairs)).toBeNull();
  });
});
