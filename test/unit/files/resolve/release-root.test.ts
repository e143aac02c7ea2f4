import * as fs from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { Dependencies } from '../../../../src/files/watch/dependencies.js';
import { kernel as realKernel } from '../../../../src/sys/binding.js';
import { EMFILE } from '../../../../src/sys/errno.js';
import { kernelWith } from '../../../support/counting-kernel.js';
import { countDescriptors } from '../../../support/descriptors.js';
import { POLL_MS, REVALIDATE_MS, testReleaseRoots } from '../../../support/release-roots.js';

const releases = testReleaseRoots();
const { path, link, release, flip, replace, open, releaseName, check, kernelWatches } = releases;

const SWITCHES: [what: string, root: string, links: [string, string][], act: () => void, to: string][] = [
  [
    'the root is a symlink: rename',
    'current',
    [['current', 'releases/1']],
    () => flip('current', 'releases/2'),
    'releases/2',
  ],
  [
    'the root is a symlink: rm, ln',
    'current',
    [['current', 'releases/1']],
    () => replace('current', 'releases/2'),
    'releases/2',
  ],
  [
    'an absolute symlink',
    'current',
    [['current', '<base>/releases/1']],
    () => flip('current', path('more/1')),
    'more/1',
  ],
  [
    'a symlink with `..`',
    'releases/now',
    [['releases/now', '../more/1']],
    () => flip('releases/now', '../more/2'),
    'more/2',
  ],
  ['a symlink in the middle', 'all/1', [['all', 'releases']], () => flip('all', 'more'), 'more/1'],
  ['a symlink in the middle: rm, ln', 'all/1', [['all', 'releases']], () => replace('all', 'more'), 'more/1'],
  ['`..` after a symlink', 'now/../2', [['now', 'releases/1']], () => flip('now', 'more/1'), 'more/2'],
  [
    'the head of a chain',
    'a',
    [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'releases/1'],
    ],
    () => flip('a', 'more/2'),
    'more/2',
  ],
  [
    'the middle of a chain',
    'a',
    [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'releases/1'],
    ],
    () => flip('b', 'more/2'),
    'more/2',
  ],
  [
    'the end of a chain',
    'a',
    [
      ['a', 'b'],
      ['b', 'c'],
      ['c', 'releases/1'],
    ],
    () => flip('c', 'more/2'),
    'more/2',
  ],
  [
    'a symlink in the target of a symlink',
    'now',
    [
      ['all', 'releases'],
      ['now', 'all/2'],
    ],
    () => flip('all', 'more'),
    'more/2',
  ],
  [
    'a directory replaces a symlink',
    'now',
    [['now', 'releases/1']],
    () => {
      fs.unlinkSync(path('now'));
      release('now');
    },
    'now',
  ],
  [
    'a symlink replaces a directory',
    'releases/1',
    [],
    () => {
      fs.renameSync(path('releases/1'), path('old'));
      link('releases/1', '../more/1');
    },
    'more/1',
  ],
  [
    'the target is replaced under the same name',
    'now',
    [['now', 'releases/1']],
    () => {
      fs.renameSync(path('releases/1'), path('old'));
      fs.renameSync(path('more/2'), path('releases/1'));
    },
    'more/2',
  ],
  [
    'the parent directory is replaced',
    'releases/1',
    [],
    () => {
      fs.renameSync(path('releases'), path('old'));
      fs.renameSync(path('more'), path('releases'));
    },
    'more/1',
  ],
  [
    'the root is removed and made again',
    'releases/1',
    [],
    () => {
      fs.rmSync(path('releases/1'), { recursive: true });
      fs.mkdirSync(path('releases/1'));
      fs.writeFileSync(path('releases/1/name.txt'), 'new');
    },
    'new',
  ],
];

describe.each(SWITCHES)('%s', (_, root, links, act, to) => {
  beforeEach(() => {
    for (const [name, target] of links) link(name, target.replace('<base>/', path('')));
  });

  test('is noticed at once where it is watched', () => {
    const before = countDescriptors();
    open(root);
    const first = releaseName();
    expect([releases.releaseRoot.checkDueMs, check(REVALIDATE_MS - 1), releaseName()]).toEqual([
      REVALIDATE_MS,
      false,
      first,
    ]);
    act();
    expect([check(1000), releaseName(), releases.releaseRoot.changes]).toEqual([true, to, 1]);
    expect([check(1000), releases.releaseRoot.checkDueMs, kernelWatches()]).toEqual([
      false,
      1000 + REVALIDATE_MS,
      releases.inotify.size,
    ]);
    expect(countDescriptors()).toBe(before + 1);
  });

  test('is noticed by polling where it is not', () => {
    releases.limitWatches(0);
    open(root);
    const first = releaseName();
    act();
    expect([releases.releaseRoot.checkDueMs, check(POLL_MS - 1)]).toEqual([POLL_MS, false]);
    expect([check(POLL_MS), releaseName(), releases.releaseRoot.changes]).toEqual([true, to, 1]);
    expect(to === first).toBe(false);
  });
});

test('at the limit of watches the new release gets the watch of the old one', () => {
  link('current', 'releases/1');
  const onTheWay = path('releases').split('/').length;
  releases.limitWatches(onTheWay + 1);
  open('current');
  const isWatched = (): boolean => {
    const dependencies = new Dependencies();
    const file = releases.releaseRoot.current.lookup.file(Buffer.from('name.txt'), Date.now(), dependencies);
    if (typeof file === 'object') realKernel.close(file.fd);
    return dependencies.areWatched;
  };
  expect([releaseName(), isWatched(), releases.inotify.size]).toEqual(['releases/1', true, onTheWay + 1]);
  for (const release of ['releases/2', 'releases/1']) {
    flip('current', release);
    expect([check(10), releaseName(), isWatched(), releases.inotify.size]).toEqual([true, release, true, onTheWay + 1]);
  }
});

describe('the root is not switched', () => {
  test.each<[string, () => void]>([
    ['by a symlink to the same directory', () => flip('current', './releases/1')],
    ['by a directory next to the symlink', () => release('releases/3')],
    ['by a file written in it', () => fs.writeFileSync(path('releases/1/new'), '')],
    ['by a dangling symlink', () => flip('current', 'releases/9')],
    ['by a symlink to a file', () => flip('current', 'releases/1/name.txt')],
    ['by a symlink to itself', () => flip('current', 'current')],
    ['by the removal of the symlink', () => fs.unlinkSync(path('current'))],
  ])('%s', (_, act) => {
    link('current', 'releases/1');
    open('current');
    act();
    expect([check(10), check(REVALIDATE_MS + 20), releaseName(), releases.releaseRoot.changes]).toEqual([
      false,
      false,
      'releases/1',
      0,
    ]);
    flip('current', 'releases/2'); // the path is still watched
    expect([check(REVALIDATE_MS + 30), releaseName()]).toEqual([true, 'releases/2']);
  });

  test('by a change elsewhere, which causes no check', () => {
    link('current', 'releases/1');
    let opens = 0;
    open('current', { kernel: kernelWith({}, { openat: () => opens++ }) });
    opens = 0;
    link('other', 'releases/2');
    fs.writeFileSync(path('releases/1/name.txt'), 'edited');
    expect([check(10), opens, releaseName()]).toEqual([false, 0, 'edited']);
  });
});

test('a root is removed with its parent, and comes back', () => {
  open('more/1');
  fs.rmSync(path('more'), { recursive: true });
  expect([check(10), check(1000), releases.releaseRoot.changes]).toEqual([false, false, 0]);
  expect(releases.releaseRoot.checkDueMs).toBe(1000 + POLL_MS); // a directory that does not exist cannot be watched
  release('more/1');
  expect([check(1001), releaseName(), releases.releaseRoot.checkDueMs]).toEqual([true, 'more/1', 1001 + REVALIDATE_MS]);
});

test('a switch during a check is not missed', () => {
  link('current', 'releases/1');
  let act = (): void => {};
  const kernel = kernelWith({}, { openat: ([, name]) => name === path('current') && act() });
  open('current', { kernel });
  act = () => {
    act = () => {};
    flip('current', 'releases/2');
  };
  releases.releaseRoot.checkDueMs = 0;
  expect(check(10)).toBe(false); // the check opened the path before the switch
  expect([check(10), releaseName()]).toEqual([true, 'releases/2']);
});

test('a root may be behind as many symlinks as the kernel follows, and not one more', () => {
  for (let i = 1; i <= 41; i++) link(`l${i}`, i === 1 ? 'releases/1' : `l${i - 1}`);
  expect(() => open('l41')).toThrow(expect.objectContaining({ code: 'ELOOP', path: path('l41') }));
  open('l40');
  flip('l1', 'more/1');
  expect([check(10), releaseName()]).toEqual([true, 'more/1']);
});

test.each(['openat', 'openat2'] as const)(
  'without a descriptor left (%s) the release stays until there is one',
  (call) => {
    link('current', 'releases/1');
    let isFull = false;
    const kernel = kernelWith({
      [call]: (...args: never[]) => (isFull ? EMFILE : (realKernel[call] as (...args: never[]) => number)(...args)),
    });
    open('current', { kernel });
    const before = countDescriptors();
    flip('current', 'releases/2');
    isFull = true;
    expect([check(10), releases.releaseRoot.changes, countDescriptors()]).toEqual([false, 0, before]);
    isFull = false;
    expect([check(releases.releaseRoot.checkDueMs), releaseName()]).toEqual([true, 'releases/2']);
  },
);
