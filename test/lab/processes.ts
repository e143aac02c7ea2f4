import { readdirSync, readFileSync } from 'node:fs';

/** Processes with the environment variable `NAME=value`, which child processes inherit. */
export const processesWith = (variable: string): string[] =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(variable);
    } catch {
      return false; // it has exited
    }
  });
