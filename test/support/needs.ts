import { spawnSync } from 'node:child_process';
import { constants, kernel } from '../../src/sys/binding.js';

/**
 * Whether a test that needs a tool can run. If not, one line reports what is skipped and why; with CI set a missing tool
 * is a failure, so that no test is skipped unseen.
 */
export function needs(has: boolean, what: string, why: string): boolean {
  if (!has && process.env['CI']) throw new Error(`${what} cannot be skipped in CI: ${why}`);
  return permits(has, what, why);
}

/** The same for a property of the machine or the user (IPv6, running as root): reported, never a failure. */
export function permits(has: boolean, what: string, why: string): boolean {
  if (!has) process.stderr.write(`skipped: ${what}: ${why}\n`);
  return has;
}

/** prlimit(1) limits the number of descriptors of a process. */
export const hasPrlimit = (): boolean => spawnSync('prlimit', ['--version']).status === 0;

/** Whether a socket can be bound to an IPv6 address. */
export function hasIPv6(): boolean {
  const fd = kernel.socket(constants.AF_INET6, constants.SOCK_STREAM, 0);
  if (fd < 0) return false;
  const result = kernel.bind(fd, '::1', 0);
  kernel.close(fd);
  return result === 0;
}
