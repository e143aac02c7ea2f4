import { expect, test } from 'vitest';
import { reasonFor } from '../../../../src/models/shared/ring-support.js';

test.each([
  ['ENOSYS', '', /^there is no io_uring in Linux 5\.4\.0, or a seccomp profile hides it$/],
  ['EPERM', '2', /off for every process .*kernel\.io_uring_disabled is 2/],
  ['EPERM', '1', /off for this user .*kernel\.io_uring_disabled is 1.*kernel\.io_uring_group/],
  ['EPERM', '0', /^io_uring_setup is forbidden \(EPERM\), .*seccomp profile/],
  ['EPERM', '', /seccomp profile/],
  ['EACCES', '0', /^io_uring_setup is forbidden \(EACCES\), .*seccomp profile/],
  ['EINVAL', '', /Linux 6\.1 or newer, and this is 5\.4\.0$/],
  ['ENOMEM', '0', /^io_uring_setup fails with ENOMEM$/],
])('%s with kernel.io_uring_disabled "%s"', (code, setting, expected) => {
  const error = Object.assign(new Error(code), { code, syscall: 'io_uring_setup' });
  expect(reasonFor(error, setting, '5.4.0')).toMatch(expected);
});
