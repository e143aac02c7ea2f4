import { expect, test } from 'vitest';
import { WatchCounts } from '../../../../src/files/cache/watch-counts.js';

const watched = { areWatched: true, unwatchedReason: null };
const polled = (unwatchedReason: string | null) => ({ areWatched: false, unwatchedReason });

test('entries are counted as they come and go, and a reason is known while an entry has it', () => {
  const counts = new WatchCounts();
  const seen = () => [counts.watched, counts.polled, [...counts.reasons]];
  for (const each of [watched, polled('a'), polled('a'), polled(null)]) counts.add(each);
  expect(seen()).toEqual([1, 3, ['a', null]]);
  counts.remove(polled('a'));
  expect(seen()).toEqual([1, 2, ['a', null]]);
  for (const each of [polled('a'), polled(null), watched]) counts.remove(each);
  expect(seen()).toEqual([0, 0, []]);
});
