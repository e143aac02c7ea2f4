import * as fs from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { Dependencies } from '../../../../src/files/watch/dependencies.js';
import { kernel as realKernel } from '../../../../src/sys/binding.js';
import { EMFILE } from '../../../../src/sys/errno.js';
import { kernelWith } from '../../../support/counting-kernel.js';
import { LOOK_MS, TRUST_MS, testDeployments } from '../../../support/deployments.js';
import { countDescriptors } from '../../../support/descriptors.js';

const releases = testDeployments();
const { path, link, release, flip, replace, deploy, who, look, watchedByKernel } = releases;

const SWITCHES: [what: string, root: string, links: [string, string][], act: () => void, to: string][] = [
  [
    'the root is a link: rename',
    'current',
    [['current', 'releases/1']],
    () => flip('current', 'releases/2'),
    'releases/2',
  ],
  [
    'the root is a link: rm, ln',
    'current',
    [['current', 'releases/1']],
    () => replace('current', 'releases/2'),
    'releases/2',
  ],
  ['an absolute link', 'current', [['current', '<base>/releases/1']], () => flip('current', path('more/1')), 'more/1'],
  [
    'a link with `..`',
    'releases/now',
    [['releases/now', '../more/1']],
    () => flip('releases/now', '../more/2'),
    'more/2',
  ],
  ['a link in the middle', 'all/1', [['all', 'releases']], () => flip('all', 'more'), 'more/1'],
  ['a link in the middle: rm, ln', 'all/1', [['all', 'releases']], () => replace('all', 'more'), 'more/1'],
  ['`..` behind a link', 'now/../2', [['now', 'releases/1']], () => flip('now', 'more/1'), 'more/2'],
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
    'a link in a link’s target',
    'now',
    [
      ['all', 'releases'],
      ['now', 'all/2'],
    ],
    () => flip('all', 'more'),
    'more/2',
  ],
  [
    'a folder in the place of a link',
    'now',
    [['now', 'releases/1']],
    () => {
      fs.unlinkSync(path('now'));
      release('now');
    },
    'now',
  ],
  [
    'a link in the place of a folder',
    'releases/1',
    [],
    () => {
      fs.renameSync(path('releases/1'), path('old'));
      link('releases/1', '../more/1');
    },
    'more/1',
  ],
  [
    'the target is another by the same name',
    'now',
    [['now', 'releases/1']],
    () => {
      fs.renameSync(path('releases/1'), path('old'));
      fs.renameSync(path('more/2'), path('releases/1'));
    },
    'more/2',
  ],
  [
    'the folder above is another',
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
      fs.writeFileSync(path('releases/1/who'), 'new');
    },
    'new',
  ],
];

describe.each(SWITCHES)('%s', (_, root, links, act, to) => {
  beforeEach(() => {
    for (const [name, target] of links) link(name, target.replace('<base>/', path('')));
  });

  test('is noticed at once where the kernel tells', () => {
    const before = countDescriptors();
    deploy(root);
    const first = who();
    expect([releases.deployment.checkDueMs, look(TRUST_MS - 1), who()]).toEqual([TRUST_MS, false, first]);
    act();
    expect([look(1000), who(), releases.deployment.changes]).toEqual([true, to, 1]);
    expect([look(1000), releases.deployment.checkDueMs, watchedByKernel()]).toEqual([
      false,
      1000 + TRUST_MS,
      releases.watch.size,
    ]);
    expect(countDescriptors()).toBe(before + 1);
  });

  test('is noticed in time where it does not', () => {
    releases.limitWatch(0);
    deploy(root);
    const first = who();
    act();
    expect([releases.deployment.checkDueMs, look(LOOK_MS - 1)]).toEqual([LOOK_MS, false]);
    expect([look(LOOK_MS), who(), releases.deployment.changes]).toEqual([true, to, 1]);
    expect(to === first).toBe(false);
  });
});

test('where as many folders are watched as may be, that of the new release gets the watch of the old one', () => {
  link('current', 'releases/1');
  const onTheWay = path('releases').split('/').length;
  releases.limitWatch(onTheWay + 1);
  deploy('current');
  const isTold = (): boolean => {
    const dependencies = new Dependencies();
    const file = releases.deployment.current.lookup.file(Buffer.from('who'), Date.now(), dependencies);
    if (typeof file === 'object') realKernel.close(file.fd);
    return dependencies.areWatched;
  };
  expect([who(), isTold(), releases.watch.size]).toEqual(['releases/1', true, onTheWay + 1]);
  for (const release of ['releases/2', 'releases/1']) {
    flip('current', release);
    expect([look(10), who(), isTold(), releases.watch.size]).toEqual([true, release, true, onTheWay + 1]);
  }
});

describe('nothing is switched', () => {
  test.each<[string, () => void]>([
    ['by a link to the same folder', () => flip('current', './releases/1')],
    ['by files beside the link', () => release('releases/3')],
    ['by what is written in the folder', () => fs.writeFileSync(path('releases/1/new'), '')],
    ['by a link that leads nowhere', () => flip('current', 'releases/9')],
    ['by a link to a file', () => flip('current', 'releases/1/who')],
    ['by a link to itself', () => flip('current', 'current')],
    ['by a link that is gone', () => fs.unlinkSync(path('current'))],
  ])('%s', (_, act) => {
    link('current', 'releases/1');
    deploy('current');
    act();
    expect([look(10), look(TRUST_MS + 20), who(), releases.deployment.changes]).toEqual([
      false,
      false,
      'releases/1',
      0,
    ]);
    flip('current', 'releases/2'); // it is still watched
    expect([look(TRUST_MS + 30), who()]).toEqual([true, 'releases/2']);
  });

  test('by what happens elsewhere, and it is not even looked for', () => {
    link('current', 'releases/1');
    let opens = 0;
    deploy('current', { kernel: kernelWith({}, { openat: () => opens++ }) });
    opens = 0;
    link('other', 'releases/2');
    fs.writeFileSync(path('releases/1/who'), 'edited');
    expect([look(10), opens, who()]).toEqual([false, 0, 'edited']);
  });
});

test('a root that is gone for a while, with all that leads to it', () => {
  deploy('more/1');
  fs.rmSync(path('more'), { recursive: true });
  expect([look(10), look(1000), releases.deployment.changes]).toEqual([false, false, 0]);
  expect(releases.deployment.checkDueMs).toBe(1000 + LOOK_MS); // nobody tells of what happens in a folder that is not there
  release('more/1');
  expect([look(1001), who(), releases.deployment.checkDueMs]).toEqual([true, 'more/1', 1001 + TRUST_MS]);
});

test('a switch while it looks is not missed', () => {
  link('current', 'releases/1');
  let act = (): void => {};
  const kernel = kernelWith({}, { openat: ([, name]) => name === path('current') && act() });
  deploy('current', { kernel });
  act = () => {
    act = () => {};
    flip('current', 'releases/2');
  };
  releases.deployment.checkDueMs = 0;
  expect(look(10)).toBe(false); // it has looked just before
  expect([look(10), who()]).toEqual([true, 'releases/2']);
});

test('a chain of more links than the kernel follows is no root, one of as many is', () => {
  for (let i = 1; i <= 41; i++) link(`l${i}`, i === 1 ? 'releases/1' : `l${i - 1}`);
  expect(() => deploy('l41')).toThrow(expect.objectContaining({ code: 'ELOOP', path: path('l41') }));
  deploy('l40');
  flip('l1', 'more/1');
  expect([look(10), who()]).toEqual([true, 'more/1']);
});

test.each(['openat', 'openat2'] as const)(
  'without a descriptor left (%s) the release stays until there is one',
  (call) => {
    link('current', 'releases/1');
    let isFull = false;
    const kernel = kernelWith({
      [call]: (...args: never[]) => (isFull ? EMFILE : (realKernel[call] as (...args: never[]) => number)(...args)),
    });
    deploy('current', { kernel });
    const before = countDescriptors();
    flip('current', 'releases/2');
    isFull = true;
    expect([look(10), releases.deployment.changes, countDescriptors()]).toEqual([false, 0, before]);
    isFull = false;
    expect([look(releases.deployment.checkDueMs), who()]).toEqual([true, 'releases/2']);
  },
);
