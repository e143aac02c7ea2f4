import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { sleep } from './raw-client.js';

/** Longer than the step of the kernel's coarse clock: a newer file is racy, so it is not cached and has a weak ETag. */
export const OLD_ENOUGH_MS = 40;
const HOUR_SECONDS = 3600;

/** A directory to serve, and one next to it that is not served. */
export interface TestDirectory extends Disposable {
  readonly root: string;
  /** Next to the root. */
  readonly outside: string;
  path(name: string): string;
  /** Writes a file and its directories; modified an hour ago by default. */
  write(name: string | Buffer, content: string | Uint8Array, secondsAgo?: number): void;
  link(name: string, target: string): void;
  remove(name: string): void;
}

export function makeDirectory(files: Readonly<Record<string, string | Uint8Array>> = {}): TestDirectory {
  const base = mkdtempSync(join(tmpdir(), 'epollet-directory-'));
  const root = join(base, 'root');
  const outside = join(base, 'outside');
  const path = (name: string): string => join(root, name);
  // Computed once, so that all files get the same second.
  const nowSeconds = Math.floor(Date.now() / 1000);
  const directory: TestDirectory = {
    root,
    outside,
    path,
    write(name, content, secondsAgo = HOUR_SECONDS) {
      const whole = typeof name === 'string' ? path(name) : Buffer.concat([Buffer.from(`${root}/`), name]);
      if (typeof name === 'string') mkdirSync(dirname(path(name)), { recursive: true });
      writeFileSync(whole, content);
      utimesSync(whole, nowSeconds - secondsAgo, nowSeconds - secondsAgo);
    },
    link(name, target) {
      mkdirSync(dirname(path(name)), { recursive: true });
      symlinkSync(target, path(name));
    },
    remove(name) {
      rmSync(path(name), { recursive: true });
    },
    [Symbol.dispose]() {
      rmSync(base, { recursive: true, force: true });
    },
  };
  mkdirSync(root);
  mkdirSync(outside);
  for (const [name, content] of Object.entries(files)) directory.write(name, content);
  return directory;
}

/** Waits until the timestamps of files just written are not racy. */
export const settled = (): Promise<void> => sleep(OLD_ENOUGH_MS);
