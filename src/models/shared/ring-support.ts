import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { Ring } from './ring.js';

/** Why this process cannot use io_uring as the model does, as the end of a sentence; null if it can. */
export function unavailable(): string | null {
  try {
    const ring = Ring.open();
    try {
      ring.provide(0, 1, 4096);
    } finally {
      ring.close();
    }
    return null;
  } catch (error) {
    return reasonFor(error as NodeJS.ErrnoException, setting(), release());
  }
}

/**
 * @param setting the text of /proc/sys/kernel/io_uring_disabled, empty before Linux 6.6
 * @param version of the kernel
 */
export function reasonFor({ code, syscall }: NodeJS.ErrnoException, setting: string, version: string): string {
  switch (code) {
    case 'ENOSYS':
      return `there is no io_uring in Linux ${version}, or a seccomp profile hides it`;
    case 'EPERM':
    case 'EACCES':
      if (setting === '2') return 'io_uring is off for every process (sysctl kernel.io_uring_disabled is 2)';
      if (setting === '1')
        return 'io_uring is off for this user (sysctl kernel.io_uring_disabled is 1: it takes CAP_SYS_ADMIN, or the group of kernel.io_uring_group)';
      return `${syscall} is forbidden (${code}), as by the default seccomp profile of Docker and Podman`;
    case 'EINVAL':
      return `it takes Linux 6.1 or newer, and this is ${version}`;
    default:
      return `${syscall} fails with ${code}`;
  }
}

function setting(): string {
  try {
    return readFileSync('/proc/sys/kernel/io_uring_disabled', 'utf8').trim();
  } catch {
    return '';
  }
}
