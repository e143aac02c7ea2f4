import { readFileSync } from 'node:fs';

/** The content of a file; empty if it cannot be read, such as the files in /proc of an exited process. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
