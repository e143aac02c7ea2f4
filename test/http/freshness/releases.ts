import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import type { RawResponse } from '../../support/raw-client.js';
import { KIB } from '../../support/site.js';

type Sizes = Readonly<Record<string, number>>;

/** The default files of a release: two sent from memory, one of them in a subdirectory, and one sent by descriptor. */
const SIZES: Sizes = { 'a.txt': 300, 'dir/b.txt': 5000, 'large.bin': 100 * KIB };

export const RELEASE_TARGETS: readonly string[] = Object.keys(SIZES).map((name) => `/${name}`);

/** A directory in which releases are created and removed. All names are below `base`. */
export interface Releases extends Disposable {
  readonly base: string;
  path(name: string): string;
  /** Writes files whose every byte is the number of the release, and their directories. */
  release(name: string, number: number, sizes?: Sizes): void;
  /** Retargets a symlink atomically. */
  flip(name: string, target: string): void;
  move(from: string, to: string): void;
  remove(name: string): void;
}

export function makeReleases(): Releases {
  const base = mkdtempSync(join(tmpdir(), 'epollet-releases-'));
  const path = (name: string): string => join(base, name);
  return {
    base,
    path,
    release(name, number, sizes = SIZES) {
      for (const [file, size] of Object.entries(sizes)) {
        const whole = path(`${name}/${file}`);
        mkdirSync(dirname(whole), { recursive: true });
        writeFileSync(whole, Buffer.alloc(size, number));
      }
    },
    flip(name, target) {
      symlinkSync(target, path('.next'));
      renameSync(path('.next'), path(name));
    },
    move: (from, to) => renameSync(path(from), path(to)),
    remove: (name) => rmSync(path(name), { recursive: true }),
    [Symbol.dispose]: () => rmSync(base, { recursive: true, force: true }),
  };
}

/** The release of a response, which every byte of it must have. */
export function releaseOf(response: RawResponse, target: string, sizes: Sizes = SIZES): number {
  const size = sizes[target.slice(1)]!;
  expect([response.status, response.body.length], target).toEqual([200, size]);
  const number = response.body[0]!;
  expect(response.body.equals(Buffer.alloc(size, number)), `${target} is of one release`).toBe(true);
  return number;
}
