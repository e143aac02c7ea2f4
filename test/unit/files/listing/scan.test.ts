import { mkdirSync, renameSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { finish } from '../../../../src/files/listing/content.js';
import { type DirectoryScan, MAX_ENTRIES, MAX_NAMES, scanDirectory } from '../../../../src/files/listing/scan.js';
import { constants, kernel as realKernel } from '../../../../src/sys/binding.js';
import { EIO, ENOENT } from '../../../../src/sys/errno.js';
import type { Kernel } from '../../../../src/sys/kernel.js';
import { kernelWith } from '../../../support/counting-kernel.js';
import { testDescriptors } from '../../../support/descriptors.js';
import { settled } from '../../../support/directory.js';

const { AT_FDCWD, O_DIRECTORY, O_RDONLY } = constants;
const test = testDescriptors();
let directory: string;
/** How often names were read since it was 0. */
let reads = 0;
const counting = kernelWith({}, { getdents64: () => reads++ });

beforeEach(() => {
  directory = test.directory();
});

const read = (before: DirectoryScan | null, kernel: Kernel = counting): DirectoryScan | number => {
  reads = 0;
  const fd = test.own('openat', realKernel.openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY));
  return finish(scanDirectory(kernel, fd, () => ENOENT, before));
};
const entries = (before: DirectoryScan | null, kernel: Kernel = counting): DirectoryScan => {
  const result = read(before, kernel);
  if (typeof result === 'number') throw new Error(`${result}`);
  return result;
};
const namesOf = ({ listed }: DirectoryScan): string[] => listed.map(({ name }) => name.toString());
const write = (name: string, content = ''): void => writeFileSync(join(directory, name), content);

it('has the served entries in order of their names, and counts all that are not hidden', () => {
  for (const name of ['file10', 'file9', '.hidden', 'B', 'a']) write(name);
  mkdirSync(join(directory, 'sub'));
  symlinkSync('nowhere', join(directory, 'dangling'));
  const scan = entries(null);
  expect(namesOf(scan)).toEqual(['a', 'B', 'file9', 'file10', 'sub']);
  expect(scan.names).toMatchObject({ count: 6, isWhole: true });
});

it('has the entries of the first names of a directory that has too many', () => {
  for (let i = 0; i < MAX_ENTRIES; i++) write(`b${i}`);
  for (let i = 0; i < 10; i++) symlinkSync('nowhere', join(directory, `a${i}`));
  const scan = entries(null);
  expect(namesOf(scan)).toEqual(Array.from({ length: MAX_ENTRIES - 10 }, (_, i) => `b${i}`));
  expect(scan.names).toMatchObject({ count: MAX_ENTRIES + 10, isWhole: true });
  expect(scan.names.first.length).toBe(MAX_ENTRIES);
});

/** getdents64 of a directory of so many entries: records of 24 bytes, with names of four characters. */
function manyNames(count: number): Kernel {
  let written = 0;
  return kernelWith({
    getdents64(_, bytes) {
      const records = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
      let at = 0;
      for (; at + 24 <= bytes.length && written < count; at += 24) {
        records.writeUInt16LE(24, at + 16);
        records.write(`${(written++).toString(36).padStart(4, '0')}\0`, at + 19);
      }
      return at;
    },
  });
}

it.each([
  [MAX_NAMES - 1, { count: MAX_NAMES - 1, isWhole: true }],
  [MAX_NAMES, { count: MAX_NAMES, isWhole: true }],
  [MAX_NAMES + 1, { count: MAX_NAMES, isWhole: false }],
  [20 * MAX_NAMES, { count: MAX_NAMES, isWhole: false }],
])('of %d names it has %j', (count, expected) => expect(entries(null, manyNames(count)).names).toMatchObject(expected));

describe('a second scan', () => {
  beforeEach(async () => {
    for (const name of ['a', 'b']) write(name);
    await settled();
  });

  it('returns the first and reads no names if nothing has changed', () => {
    const before = entries(null);
    expect(reads).toBeGreaterThan(0);
    expect(entries(before)).toBe(before);
    expect(reads).toBe(0);
  });

  it.each<[change: string, make: () => void, names: string[]]>([
    ['a new name', () => write('c'), ['a', 'b', 'c']],
    ['a hidden name', () => write('.c'), ['a', 'b']],
    ['a renamed entry', () => renameSync(join(directory, 'a'), join(directory, 'c')), ['b', 'c']],
    ['a dangling symlink', () => symlinkSync('nowhere', join(directory, 'c')), ['a', 'b']],
    ['another size', () => write('a', 'longer'), ['a', 'b']],
    ['another time', () => utimesSync(join(directory, 'a'), 1, 1), ['a', 'b']],
  ])('sees %s at once', (change, make, names) => {
    const before = entries(null);
    make();
    const after = entries(before);
    expect(namesOf(after)).toEqual(names);
    expect(after === before).toBe(change === 'a hidden name');
    expect(entries(after)).toBe(after);
  });

  it('reads the names while the times of the directory are racy', () => {
    const wallMs = (): number => statSync(directory).ctimeMs + 1;
    const racy = kernelWith({ wallMs }, { getdents64: () => reads++ });
    const before = entries(null, racy);
    expect(entries(before, racy)).toBe(before);
    expect(reads).toBeGreaterThan(0);
    expect(entries(before)).toBe(before);
    expect(reads).toBeGreaterThan(0);
    expect(entries(before)).toBe(before);
    expect(reads).toBe(0);
  });

  it('returns -errno on an error', () => {
    const before = entries(null);
    write('c');
    expect(read(before, kernelWith({ getdents64: () => EIO }))).toBe(EIO);
  });
});
