import { readdirSync, readFileSync } from 'node:fs';

/** Processes that were started with this variable, `NAME=value`: what a process starts has its environment. */
export const processesWith = (variable: string): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(variable);
    } catch {
      return false; // it has ended meanwhile
    }
  });
