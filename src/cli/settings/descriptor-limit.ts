import { readdirSync, readFileSync } from 'node:fs';
import { UsageError } from './usage-error.js';

/** A server with fewer left would have no use: it needs ten, and one for each connection and each open file. */
const MIN_FREE = 32;

/** For a start that has found no descriptor left (EMFILE, ENFILE), or too few. */
export function tooFewDescriptors(): UsageError {
  return new UsageError(
    `This process may open ${openFilesLimit() ?? 'few'} files, which is too few; raise the limit: ulimit -n 4096, LimitNOFILE=4096 in systemd, --ulimit nofile=4096 in Docker.`,
  );
}

/** @throws UsageError if the process cannot open as many further files as a server needs */
export function checkDescriptors(): void {
  const limit = openFilesLimit();
  if (limit !== null && limit - openFiles() < MIN_FREE) throw tooFewDescriptors();
}

/** The soft limit RLIMIT_NOFILE, which Node raises to the hard one; null if it is not known or unlimited. */
function openFilesLimit(): number | null {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return soft === undefined ? null : Number(soft);
  } catch {
    // No descriptor left to read it with, or no /proc: getrlimit(2) by way of Node's report, which is slow.
    const { userLimits } = process.report.getReport() as { userLimits?: { open_files?: { soft?: unknown } } };
    return Number(userLimits?.open_files?.soft) || null;
  }
}

function openFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
