import * as fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DIRECTORY } from '../../../../src/files/resolve/open-file.js';
import { ELOOP, ENOENT, ENOTDIR } from '../../../../src/sys/errno.js';
import { testDescriptors } from '../../../support/descriptors.js';
import { testLookups } from '../../../support/lookups.js';

const descriptors = testDescriptors();
const { lookupIn } = testLookups();

describe('what was resolved is invalidated', () => {
  /** A tree in which symsymlinks lead to the same file in several ways. */
  function makeTree(): string {
    const directory = descriptors.directory();
    for (const name of ['a/deep', 'b/deep']) {
      fs.mkdirSync(join(directory, name), { recursive: true });
      fs.writeFileSync(join(directory, name, 'x'), name);
    }
    const symlinks = {
      current: 'a',
      to: 'current/deep/x',
      up: 'current/deep/../../to',
      hop: 'to',
      around: 'a/deep/../../b',
      nowhere: 'later/x',
      loop: 'loop',
    };
    for (const [name, target] of Object.entries(symlinks)) fs.symlinkSync(target, join(directory, name));
    return directory;
  }

  const flip = (path: (name: string) => string, name: string, target: string): void => {
    fs.symlinkSync(target, path(`.${name}`));
    fs.renameSync(path(`.${name}`), path(name));
  };

  test.each<
    [name: string, act: (path: (name: string) => string) => void, before: string | number, after: string | number]
  >([
    ['a/deep/x', (path) => fs.writeFileSync(path('a/deep/x'), 'other'), 'a/deep', 'other'],
    ['a/deep/x', (path) => fs.unlinkSync(path('a/deep/x')), 'a/deep', ENOENT],
    ['a/deep/x', (path) => fs.renameSync(path('a/deep'), path('a/gone')), 'a/deep', ENOENT],
    ['a/deep/x', (path) => fs.renameSync(path('a'), path('c')), 'a/deep', ENOENT],
    ['current/deep/x', (path) => flip(path, 'current', 'b'), 'a/deep', 'b/deep'],
    ['current/deep/x', (path) => fs.writeFileSync(path('a/deep/x'), 'other'), 'a/deep', 'other'],
    ['current/deep/x', (path) => fs.unlinkSync(path('current')), 'a/deep', ENOENT],
    ['to', (path) => flip(path, 'current', 'b'), 'a/deep', 'b/deep'],
    ['to', (path) => flip(path, 'to', 'b/deep/x'), 'a/deep', 'b/deep'],
    ['hop', (path) => flip(path, 'to', 'b/deep/x'), 'a/deep', 'b/deep'],
    ['hop', (path) => flip(path, 'hop', 'b/deep/x'), 'a/deep', 'b/deep'],
    ['hop', (path) => fs.rmSync(path('a'), { recursive: true }), 'a/deep', ENOENT],
    ['up', (path) => flip(path, 'to', 'b/deep/x'), 'a/deep', 'b/deep'],
    ['up', (path) => flip(path, 'current', 'nowhere'), 'a/deep', ENOENT],
    ['around/deep/x', (path) => fs.writeFileSync(path('b/deep/x'), 'other'), 'b/deep', 'other'],
    ['around/deep/x', (path) => fs.renameSync(path('a/deep'), path('a/gone')), 'b/deep', ENOENT],
    ['nowhere', (path) => fs.mkdirSync(path('later')), ENOENT, ENOENT],
    ['nowhere', (path) => fs.renameSync(path('a/deep'), path('later')), ENOENT, 'a/deep'],
    ['later/deep/x', (path) => fs.renameSync(path('a'), path('later')), ENOENT, 'a/deep'],
    ['a/missing', (path) => fs.renameSync(path('a/deep/x'), path('a/missing')), ENOENT, 'a/deep'],
    ['a/deep/x/y', (path) => fs.unlinkSync(path('a/deep/x')), ENOTDIR, ENOENT],
    ['loop', (path) => flip(path, 'loop', 'a/deep/x'), ELOOP, 'a/deep'],
    ['current', (path) => flip(path, 'current', 'a/deep/x'), DIRECTORY, 'a/deep'],
  ])('%s by %s', (name, act, before, after) => {
    const directory = makeTree();
    const lookup = lookupIn(directory);
    expect([lookup.find(name), lookup.areWatched, lookup.isInvalidated]).toEqual([before, true, false]);
    act((each) => join(directory, each));
    expect(lookup.isInvalidated).toBe(true);
    expect([lookup.find(name), lookup.isInvalidated]).toEqual([after, false]);
  });

  test.each<[name: string, act: (path: (name: string) => string) => void]>([
    ['current/deep/x', (path) => fs.writeFileSync(path('b/deep/x'), 'other')],
    ['current/deep/x', (path) => fs.writeFileSync(path('a/deep/y'), 'new')],
    ['hop', (path) => flip(path, 'up', 'b')],
    ['nowhere', (path) => fs.mkdirSync(path('late'))],
  ])('%s not by a change of something else: %s', (name, act) => {
    const directory = makeTree();
    const lookup = lookupIn(directory);
    lookup.find(name);
    act((each) => join(directory, each));
    expect(lookup.isInvalidated).toBe(false);
  });

  test('a directory that was read, by a change of any entry', () => {
    const directory = makeTree();
    const lookup = lookupIn(directory);
    expect(lookup.entries('current/deep')).toEqual(['x']);
    expect(lookup.isInvalidated).toBe(false);
    fs.writeFileSync(join(directory, 'a/deep/new'), '');
    expect(lookup.isInvalidated).toBe(true);
  });

  test('everything, by invalidate()', () => {
    const lookup = lookupIn(makeTree());
    lookup.find('hop');
    lookup.lookup.invalidate();
    expect([lookup.isInvalidated, lookup.inotify.size]).toEqual([true, 0]);
    expect([lookup.find('hop'), lookup.areWatched]).toEqual(['a/deep', true]);
  });
});
