import { expect, test } from 'vitest';
import { withDescriptorReserve } from '../../../../src/files/cache/fd-reserve.js';
import { constants } from '../../../../src/sys/binding.js';
import { EACCES, EMFILE, ENFILE, ENOENT } from '../../../../src/sys/errno.js';
import { FakeKernel } from '../../../support/fake-kernel.js';

const { AT_FDCWD, O_PATH, RESOLVE_BENEATH } = constants;

test.each<[results: number[], hasReserve: boolean, expected: number, reclaims: number]>([
  [[7], true, 7, 0],
  [[EMFILE, 7], true, 7, 1],
  [[ENFILE, 7], true, 7, 1],
  [[EMFILE, EMFILE], true, EMFILE, 1],
  [[EMFILE, ENOENT], true, ENOENT, 1],
  [[EMFILE], false, EMFILE, 1],
  [[ENOENT], true, ENOENT, 0],
  [[EACCES], true, EACCES, 0],
])(
  'an open with the results %j and a reserve (%j) returns %i after %i reclaims',
  (results, hasReserve, expected, reclaims) => {
    for (const call of ['openat', 'openat2'] as const) {
      let calls = 0;
      const reserve = {
        reclaim(): boolean {
          calls++;
          return hasReserve;
        },
      };
      const fake = new FakeKernel();
      fake.fault(call, ...results);
      const kernel = withDescriptorReserve(fake, reserve);
      const fd =
        call === 'openat'
          ? kernel.openat(AT_FDCWD, 'x', O_PATH)
          : kernel.openat2(AT_FDCWD, 'x', O_PATH, RESOLVE_BENEATH);
      expect([fd, calls, fake.counts()[call]]).toEqual([expected, reclaims, results.length]);
    }
  },
);
