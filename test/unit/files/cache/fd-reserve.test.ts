import { expect, test } from 'vitest';
import { withDescriptorReserve } from '../../../../src/files/cache/fd-reserve.js';
import { constants } from '../../../../src/sys/binding.js';
import { EACCES, EMFILE, ENFILE, ENOENT } from '../../../../src/sys/errno.js';
import { FakeKernel } from '../../../support/fake-kernel.js';

const { AT_FDCWD, O_PATH, RESOLVE_BENEATH } = constants;

test.each<[results: number[], letsGo: boolean, expected: number, asked: number]>([
  [[7], true, 7, 0],
  [[EMFILE, 7], true, 7, 1],
  [[ENFILE, 7], true, 7, 1],
  [[EMFILE, EMFILE], true, EMFILE, 1],
  [[EMFILE, ENOENT], true, ENOENT, 1],
  [[EMFILE], false, EMFILE, 1],
  [[ENOENT], true, ENOENT, 0],
  [[EACCES], true, EACCES, 0],
])('what the kernel says, %j, where descriptors are let go, %j: %i', (results, letsGo, expected, asked) => {
  for (const call of ['openat', 'openat2'] as const) {
    let asks = 0;
    const fake = new FakeKernel();
    fake.fault(call, ...results);
    const kernel = withDescriptorReserve(fake, () => {
      asks++;
      return letsGo;
    });
    const fd =
      call === 'openat' ? kernel.openat(AT_FDCWD, 'x', O_PATH) : kernel.openat2(AT_FDCWD, 'x', O_PATH, RESOLVE_BENEATH);
    expect([fd, asks, fake.counts()[call]]).toEqual([expected, asked, results.length]);
  }
});
