import {
  EACCES,
  EAGAIN,
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
} from '../../sys/errno.js';

/** Of open(2) and openat2(2) for a name that leads nowhere, out of the root, or to something other than a file. */
const NOT_FOUND: readonly number[] = [ENOENT, ENOTDIR, ENAMETOOLONG, ELOOP, EXDEV, ENXIO, ENODEV];
/** A shortage that passes. */
const UNAVAILABLE: readonly number[] = [EMFILE, ENFILE, ENOMEM, EAGAIN];

export function statusForErrno(errno: number): 403 | 404 | 500 | 503 {
  if (NOT_FOUND.includes(errno)) return 404;
  if (errno === EACCES) return 403;
  return UNAVAILABLE.includes(errno) ? 503 : 500;
}
