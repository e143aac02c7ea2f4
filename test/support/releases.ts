import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import type { RawResponse } from './raw-client.js';
import { KIB } from './site.js';

type Sizes = Readonly<Record<string, number>>;

/** What a release has unless said otherwise: files in memory and one by its descriptor, and one in a folder of its own. */
const SIZES: Sizes = { 'a.txt': 300, 'folder/b.txt': 5000, 'large.bin': 100 * KIB };

export const RELEASE_TARGETS: readonly string[] = Object.keys(SIZES).map((name) => `/${name}`);

/** A folder in which releases come and go. All names are below `base`. */
export interface Releases extends Disposable {
  readonly base: string;
  path(name: string): string;
  /** Writes files that all tell their number, and the folders on the way. */
  release(name: string, number: number, sizes?: Sizes): void;
  /** Lets a link lead elsewhere, in one step. */
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

/** The release that an answer is of; it must be that from its first to its last byte. */
export function releaseOf(response: RawResponse, target: string, sizes: Sizes = SIZES): number {
  const size = sizes[target.slice(1)]!;
  expect([response.status, response.body.length], target).toEqual([200, size]);
  const number = response.body[0]!;
  expect(response.body.equals(Buffer.alloc(size, number)), `${target} is of one release`).toBe(true);
  return number;
}
