import type { Dependencies } from '../watch/dependencies.js';

type Watched = Pick<Dependencies, 'areWatched' | 'unwatchedReason'>;

/**
 * How many entries of a cache inotify reports the changes of, and why not of the others. Counted as they come and go: a cache has
 * 100,000 of them, and metrics are scraped between requests.
 */
export class WatchCounts {
  watched = 0;
  polled = 0;
  private readonly byReason = new Map<string | null, number>();

  get reasons(): Iterable<string | null> {
    return this.byReason.keys();
  }

  add({ areWatched, unwatchedReason }: Watched): void {
    if (areWatched) {
      this.watched++;
      return;
    }
    this.polled++;
    this.byReason.set(unwatchedReason, (this.byReason.get(unwatchedReason) ?? 0) + 1);
  }

  /** @param dependencies as they were added: entries are of what is resolved, which does not change */
  remove({ areWatched, unwatchedReason }: Watched): void {
    if (areWatched) {
      this.watched--;
      return;
    }
    this.polled--;
    const left = (this.byReason.get(unwatchedReason) ?? 0) - 1;
    if (left > 0) this.byReason.set(unwatchedReason, left);
    else this.byReason.delete(unwatchedReason);
  }
}
