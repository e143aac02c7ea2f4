import { type Kernel, STAT_WORDS, Stat } from './kernel.js';

const IDENTIFYING = [Stat.deviceHigh, Stat.deviceLow, Stat.inodeHigh, Stat.inodeLow];

/** The device and inode of a descriptor's file, which identify it under any name. Empty if fstat(2) fails. */
export function deviceInode(kernel: Kernel, fd: number): string {
  const stat = new Float64Array(STAT_WORDS);
  if (kernel.fstat(fd, stat) < 0) return '';
  return IDENTIFYING.map((at) => stat[at]).join(' ');
}
