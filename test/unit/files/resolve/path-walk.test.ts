import { describe, expect, test } from 'vitest';
import { PathWalk } from '../../../../src/files/resolve/path-walk.js';

const walkOf = (path: string, symlinks?: number): PathWalk => new PathWalk(Buffer.from(path, 'latin1'), symlinks);

/** Enters every directory on the way and expands every symlink of a table. Returns the path, or why there is none. */
function resolved(path: string, symlinks: Readonly<Record<string, string>> = {}, budget?: number): string {
  const walk = walkOf(path, budget);
  for (let { name } = walk; name !== undefined; { name } = walk) {
    const target = symlinks[walk.path.toString()];
    if (name === '..') {
      if (!walk.leave()) return 'above the top';
    } else if (target === undefined) walk.enter();
    else if (walk.countSymlink()) walk.expand(Buffer.from(target));
    else return 'too many symlinks';
    if (walk.isAbsolute) return 'absolute';
  }
  return walk.names.join('/') + (walk.needsDirectory ? '/' : '');
}

describe('PathWalk', () => {
  test.each<[path: string, symlinks: Record<string, string>, expected: string]>([
    ['', {}, ''],
    ['.', {}, ''],
    ['a//./b', {}, 'a/b'],
    ['a/', {}, 'a/'],
    ['a/../b', {}, 'b'],
    ['..', {}, 'above the top'],
    ['a/../..', {}, 'above the top'],
    ['/a', {}, 'absolute'],
    ['link/x', { link: 'a/b' }, 'a/b/x'],
    ['a/link', { 'a/link': '../b' }, 'b'],
    ['link', { link: 'dir/' }, 'dir/'],
    ['link/x', { link: 'dir/' }, 'dir/x'],
    ['link', { link: '/a' }, 'absolute'],
    ['l1', { l1: 'l2', l2: 'a' }, 'a'],
    ['loop', { loop: 'loop' }, 'too many symlinks'],
  ])('%j with the symlinks %j resolves to %j', (path, symlinks, expected) => {
    expect(resolved(path, symlinks)).toBe(expected);
  });

  test('follows as many symlinks as it is given', () => {
    const chain = { l1: 'l2', l2: 'l3', l3: 'a' };
    expect([resolved('l1', chain, 3), resolved('l1', chain, 2)]).toEqual(['a', 'too many symlinks']);
  });

  test('an absolute target replaces all names before it', () => {
    const walk = walkOf('/a/link/x');
    walk.enter();
    walk.expand(Buffer.from('/other'));
    expect([walk.names, walk.name, walk.parent.toString()]).toEqual([['other', 'x'], 'other', '']);
  });

  test('has the path of the current name and of its parent, byte for byte', () => {
    const walk = walkOf('a/\xff/c');
    walk.enter();
    expect([walk.path, walk.parent, walk.isLast]).toEqual([Buffer.from('a/\xff', 'latin1'), Buffer.from('a'), false]);
    walk.enter();
    expect([walk.name, walk.isLast]).toEqual(['c', true]);
    walk.restart();
    expect(walk.name).toBe('a');
  });
});
