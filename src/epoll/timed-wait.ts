import { check, ENOSYS } from '../sys/errno.js';
import { argumentRangeError, argumentTypeError, shown } from '../sys/error-code.js';
import type { Kernel } from '../sys/kernel.js';

/** epoll_wait(2) takes a C int of milliseconds: 24 days and 20 hours. */
export const LAST_TIMEOUT_MS = 0x7fffffff;

/** @throws TypeError or RangeError */
export function assertTimeout(timeoutMs: number): void {
  if (typeof timeoutMs !== 'number') throw argumentTypeError(`timeoutMs must be a number, not ${shown(timeoutMs)}`);
  if (timeoutMs !== -1 && !(timeoutMs >= 0 && timeoutMs <= LAST_TIMEOUT_MS)) {
    throw argumentRangeError(`timeoutMs must be -1 (no limit) or from 0 to ${LAST_TIMEOUT_MS}, not ${timeoutMs}`);
  }
}

/**
 * epoll_wait(2), continued with the rest of the time after a signal, PEP 475. Returns the count of events.
 * @param timeoutMs a fraction is waited for by epoll_pwait2(2), which takes nanoseconds
 */
export function waitFor(
  kernel: Kernel,
  epfd: number,
  events: Uint32Array,
  maxEvents: number,
  timeoutMs: number,
): number {
  let waitMs = timeoutMs;
  const dueMs = waitMs > 0 ? kernel.monotonicMs() + timeoutMs : 0;
  for (;;) {
    const count = check('epoll_wait', waitOnce(kernel, epfd, events, maxEvents, waitMs));
    if (count > 0 || waitMs === 0) return count;
    // No event before the timeout: the call was interrupted by a signal.
    if (waitMs > 0) {
      waitMs = dueMs - kernel.monotonicMs();
      if (waitMs <= 0) return 0;
      if (Number.isInteger(timeoutMs)) waitMs = Math.ceil(waitMs);
    }
  }
}

function waitOnce(kernel: Kernel, epfd: number, events: Uint32Array, maxEvents: number, waitMs: number): number {
  if (!Number.isInteger(waitMs)) {
    const count = kernel.epollPwait2(epfd, events, maxEvents, Math.ceil(waitMs * 1e6));
    if (count !== ENOSYS) return count;
  }
  return kernel.epollWait(epfd, events, maxEvents, Math.ceil(waitMs));
}
