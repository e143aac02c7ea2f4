import { beforeEach, describe, expect, test } from 'vitest';
import { Dependencies } from '../../../../src/files/watch/dependencies.js';
import { countDescriptors } from '../../../support/descriptors.js';
import { REVALIDATE_MS, testReleaseRoots } from '../../../support/release-roots.js';

const releases = testReleaseRoots();
const { link, flip, open, releaseName, check, kernelWatches } = releases;

describe('the previous release', () => {
  beforeEach(() => link('current', 'releases/1'));

  test('stays open for previousReleaseMs', () => {
    const before = countDescriptors();
    const { current } = open('current', { previousReleaseMs: 2000 });
    flip('current', 'releases/2');
    expect(check(1000)).toBe(true);
    const { previous } = releases.releaseRoot;
    expect([previous, releaseName(previous!.lookup), releaseName(), countDescriptors()]).toEqual([
      current,
      'releases/1',
      'releases/2',
      before + 2,
    ]);
    expect([releases.releaseRoot.checkDueMs, check(2999), releases.releaseRoot.previous]).toEqual([
      3000,
      false,
      previous,
    ]);
    expect([check(3000), releases.releaseRoot.previous, releaseName()]).toEqual([false, null, 'releases/2']);
    expect([countDescriptors(), releases.releaseRoot.checkDueMs]).toEqual([before + 1, 3000 + REVALIDATE_MS]);
  });

  test('is only one: the next switch closes the older', () => {
    const before = countDescriptors();
    open('current', { previousReleaseMs: 60_000 });
    for (const [i, target] of ['releases/2', 'more/1', 'more/2', 'releases/1'].entries()) {
      const earlier = releaseName();
      flip('current', target);
      expect([check(1000 + i), releaseName(), releaseName(releases.releaseRoot.previous!.lookup)]).toEqual([
        true,
        target,
        earlier,
      ]);
      expect(countDescriptors()).toBe(before + 2);
    }
  });

  test('is closed with the release root, and all watches end', () => {
    const before = countDescriptors();
    open('current', { previousReleaseMs: 60_000 });
    flip('current', 'releases/2');
    check(1000);
    expect([releaseName(), releaseName(releases.releaseRoot.previous!.lookup)]).toEqual(['releases/2', 'releases/1']);
    releases.releaseRoot.close();
    expect([countDescriptors(), releases.inotify.size, kernelWatches()]).toEqual([before, 0, 0]);
  });

  test.each([0, 60_000])('is invalidated when it is closed, with previousReleaseMs %i', (previousReleaseMs) => {
    open('current', { previousReleaseMs });
    const dependencies = new Dependencies();
    let invalidations = 0;
    const file = releases.releaseRoot.current.lookup.file(Buffer.from('missing'), 0, dependencies);
    expect(file).toBeLessThan(0);
    dependencies.subscribe({ onInvalidated: () => invalidations++ });
    flip('current', 'releases/2');
    check(1000);
    expect(invalidations).toBe(previousReleaseMs > 0 ? 0 : 1);
    check(1000 + 60_000);
    expect(invalidations).toBe(1);
  });
});
