/** Options, limits and values that were renamed before 1.0: the old name and the new one. */
export const RENAMED: ReadonlyMap<string, string> = new Map([
  ['sidecars', 'precompressed'],
  ['listing', 'directoryListing'],
  ['keepPreviousMs', 'previousReleaseMs'],
  ['inside', 'within-root'],
  ['freshnessMs', 'revalidateMs'],
  ['maxWatchedFolders', 'maxWatches'],
  ['cachedFileBytes', 'maxCachedFileBytes'],
  ['outboxHighWaterBytes', 'writeHighWaterBytes'],
  ['handlersPerConnection', 'maxConcurrentHandlers'],
  ['bodyBytesPerSecond', 'minBodyBytesPerSecond'],
]);

/** The new name of a renamed word, or else the nearest word; null if none is near. Case is ignored. */
export function didYouMean(word: string, words: readonly string[]): string | null {
  const renamed = RENAMED.get(word);
  if (renamed !== undefined && words.includes(renamed)) return renamed;
  let best: string | null = null;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const each of words) {
    const distance = editDistance(word.toLowerCase(), each.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [each, distance];
  }
  return best;
}

/** Optimal string alignment: insertions, deletions, replacements and swaps of neighbours. */
function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let distance = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) distance = Math.min(distance, beforeLast[j - 2]! + 1);
      row.push(distance);
    }
    [beforeLast, last] = [last, row];
  }
  return last[to.length]!;
}
