import { expect, test } from 'vitest';
import { Mounts } from '../../../../src/files/watch/mounts.js';
import { ENOENT } from '../../../../src/sys/errno.js';
import { kernelWith } from '../../../support/counting-kernel.js';

test('every event but the first, of the registration, is a change', () => {
  let opened = '';
  const mounts = new Mounts(
    kernelWith(
      {},
      {
        openat: (args) => {
          opened = String(args[1]);
        },
      },
    ),
  );
  let changes = 0;
  mounts.onChange = () => changes++;
  expect(mounts.fd).toBeGreaterThanOrEqual(0);
  mounts.onMountEvent();
  expect([opened, changes, mounts.changes]).toEqual(['/proc/self/mountinfo', 0, 0]);
  for (const count of [1, 2]) {
    mounts.onMountEvent();
    expect([changes, mounts.changes]).toEqual([count, count]);
  }
  mounts.close();
});

test('without /proc close() closes nothing', () => {
  const mounts = new Mounts(kernelWith({ openat: () => ENOENT, close: () => expect.unreachable() }));
  expect(mounts.fd).toBe(ENOENT);
  mounts.close();
});
