import { expect, test } from 'vitest';
import { statusForErrno } from '../../../../src/files/resolve/error-status.js';
import {
  EACCES,
  EAGAIN,
  EIO,
  ELOOP,
  EMFILE,
  ENAMETOOLONG,
  ENFILE,
  ENODEV,
  ENOENT,
  ENOMEM,
  ENOTDIR,
  ENXIO,
  EXDEV,
} from '../../../../src/sys/errno.js';

test.each([
  [404, [ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP, EXDEV, ENXIO, ENODEV]],
  [403, [EACCES]],
  [503, [EMFILE, ENFILE, ENOMEM, EAGAIN]],
  [500, [EIO]],
])('%i for %j', (status, errnos) => {
  expect(errnos.map(statusForErrno)).toEqual(errnos.map(() => status));
});
