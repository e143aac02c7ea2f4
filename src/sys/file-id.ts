import { type Kernel, STAT_WORDS, Stat } from './kernel.js';

const IDENTIFYING = [Stat.deviceHigh, Stat.deviceLow, Stat.inodeHigh, Stat.inodeLow];

/** What a descriptor is of, whatever its name is: device and inode. Empty when the kernel does not say. */
export function deviceInode(kernel: Kernel, fd: number): string {
  const stat = new Float64Array(STAT_WORDS);
  if (kernel.fstat(fd, stat) < 0) return '';
  return IDENTIFYING.map((at) => stat[at]).join(' ');
}
