import { beforeEach, describe, expect, test } from 'vitest';
import { Dependencies } from '../../../../src/files/watch/dependencies.js';
import { TRUST_MS, testDeployments } from '../../../support/deployments.js';
import { countDescriptors } from '../../../support/descriptors.js';

const releases = testDeployments();
const { link, flip, deploy, who, look, watchedByKernel } = releases;

describe('the release before', () => {
  beforeEach(() => link('current', 'releases/1'));

  test('is kept for a while, and closed then', () => {
    const before = countDescriptors();
    const { current } = deploy('current', { previousReleaseMs: 2000 });
    flip('current', 'releases/2');
    expect(look(1000)).toBe(true);
    const { previous } = releases.deployment;
    expect([previous, who(previous!.lookup), who(), countDescriptors()]).toEqual([
      current,
      'releases/1',
      'releases/2',
      before + 2,
    ]);
    expect([releases.deployment.checkDueMs, look(2999), releases.deployment.previous]).toEqual([3000, false, previous]);
    expect([look(3000), releases.deployment.previous, who()]).toEqual([false, null, 'releases/2']);
    expect([countDescriptors(), releases.deployment.checkDueMs]).toEqual([before + 1, 3000 + TRUST_MS]);
  });

  test('is one: with the next switch the older is closed', () => {
    const before = countDescriptors();
    deploy('current', { previousReleaseMs: 60_000 });
    for (const [i, target] of ['releases/2', 'more/1', 'more/2', 'releases/1'].entries()) {
      const earlier = who();
      flip('current', target);
      expect([look(1000 + i), who(), who(releases.deployment.previous!.lookup)]).toEqual([true, target, earlier]);
      expect(countDescriptors()).toBe(before + 2);
    }
  });

  test('is closed with the deployment, and so is all else', () => {
    const before = countDescriptors();
    deploy('current', { previousReleaseMs: 60_000 });
    flip('current', 'releases/2');
    look(1000);
    expect([who(), who(releases.deployment.previous!.lookup)]).toEqual(['releases/2', 'releases/1']);
    releases.deployment.close();
    expect([countDescriptors(), releases.watch.size, watchedByKernel()]).toEqual([before, 0, 0]);
  });

  test.each([0, 60_000])('is outdated when it is let go, with previousReleaseMs of %i', (previousReleaseMs) => {
    deploy('current', { previousReleaseMs });
    const dependencies = new Dependencies();
    let outdated = 0;
    const file = releases.deployment.current.lookup.file(Buffer.from('missing'), 0, dependencies);
    expect(file).toBeLessThan(0);
    dependencies.subscribe({ onInvalidated: () => outdated++ });
    flip('current', 'releases/2');
    look(1000);
    expect(outdated).toBe(previousReleaseMs > 0 ? 0 : 1);
    look(1000 + 60_000);
    expect(outdated).toBe(1);
  });
});
