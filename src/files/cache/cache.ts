import type { HttpResponse } from '../../http/response/response.js';
import { debug, tracing } from '../../sys/debug.js';
import type { Dependencies } from '../watch/dependencies.js';
import type { CacheContent, CacheEntry } from './entry.js';
import { ENTRY_OVERHEAD_BYTES, MOST_USES } from './entry.js';
import { FrequencySketch, HIGHEST_COUNT } from './frequency-sketch.js';
import { WatchCounts } from './watch-counts.js';

/**
 * The share of bare entries in the budget. Any client can request as many missing names as it likes: they must not evict the
 * files. They are also what a collector of garbage sees most of, so that they take more memory than they have.
 */
const BARE_SHARE = 4;
/** Places for entries with one hash. */
const WAYS = 8;
/** About what an entry of a small file takes. The cache is full when there is no room for that. */
const TYPICAL_ENTRY_BYTES = 2 * ENTRY_OVERHEAD_BYTES;
/**
 * How much oftener than an entry's a path is requested before it takes the entry's room. With less, entries of about the same
 * rank would take each other's rooms for ever: of 10,000 equally frequent paths for 3,000 rooms, 9 in 100 misses instead of 2.
 */
const TIMES_AS_OFTEN = 2;
// V8 inlines a constant of this module; an imported one is loaded at each use.
const mostUses = MOST_USES;
/** The golden ratio times 2^32: the places of one hash are far from those of similar ones. */
const WAY_STEP = 0x9e3779b9 | 0;

/**
 * Entries in memory, by request path. A hit costs the look-up of an integer and a comparison of bytes. Paths with the same
 * hash, which are rare, and hard to find for a client since the hash is seeded, take the further places of that hash. Over its
 * budget the cache evicts the oldest entry without a hit since the last search (CLOCK), so that a hit moves nothing.
 *
 * What is requested once gets no entry (`admit`): a path is admitted when it is requested again, and once the cache is full,
 * when it was requested at least twice as often as an entry, TinyLFU. So a scan of all files evicts nothing, and a working set
 * that is larger than the cache does not make its entries take turns.
 */
export class FileCache {
  bytes = 0;
  /** Entries removed for the budget or for their descriptors. */
  evictions = 0;
  readonly watchCounts = new WatchCounts();
  private readonly entries = new Map<number, CacheEntry>();
  /** An entry of each file, by its name below the root. */
  private readonly files = new Map<string, CacheEntry>();

  /** In the order of the search for one to evict, like `entries`. */
  private readonly bare = new Set<CacheEntry>();
  private bareBytes = 0;
  /** In the order of the search for one to evict: a list, since a Map gets slow at its front when entries are deleted there. */
  private oldest: CacheEntry | null = null;
  private newest: CacheEntry | null = null;
  /** How often the paths without entries are requested; made with the first of them. */
  private frequencies: FrequencySketch | null = null;
  /** Paths that were requested again and not admitted, since the entries were requested as often. */
  rejections = 0;

  constructor(private readonly budgetBytes: number) {}

  get size(): number {
    return this.entries.size;
  }

  /** @param bytes that contain the path from `start` to before `end` */
  find(bytes: Uint8Array, start: number, end: number, hash: number): CacheEntry | null {
    let place = hash;
    for (let way = 0; way < WAYS; way++) {
      const entry = this.entries.get(place);
      if (entry !== undefined && isPathOf(entry, bytes, start, end)) {
        if (!entry.recentlyUsed) entry.recentlyUsed = true; // a write would move the cache line between cores
        if (entry.uses < mostUses) entry.uses++;
        return entry;
      }
      place = (place + WAY_STEP) | 0;
    }
    return null;
  }

  /**
   * Counts a request for a path that has no entry, and decides whether it gets one; if the cache is full, in the room of another.
   * Returns 0 if not, else the `uses` of the entry.
   */
  admit(hash: number): number {
    this.frequencies ??= new FrequencySketch(this.budgetBytes / TYPICAL_ENTRY_BYTES);
    const frequency = this.frequencies.add(hash);
    if (this.bytes + TYPICAL_ENTRY_BYTES <= this.budgetBytes) return frequency > 1 ? frequency : 0;
    const entry = this.oldest;
    if (entry === null) return frequency > 1 ? frequency : 0;
    entry.ageUses(this.frequencies.agings);
    if (frequency > TIMES_AS_OFTEN * entry.uses + 1) {
      this.evict(entry);
      return frequency;
    }
    if (frequency > 1) this.rejections++;
    // A path whose count cannot get higher wears one entry down, so that it is admitted a few requests later.
    if (frequency === HIGHEST_COUNT) entry.uses >>= 1;
    else this.moveToEnd(entry); // the next path is compared with another, and all entries age while the counts do
    return 0;
  }

  /** An entry of a file, by whatever path that was requested: its content is that of other paths too. */
  ofFile(name: string): CacheEntry | null {
    return this.files.get(name) ?? null;
  }

  /** Takes ownership of the entry; closes it on removal, and its content with the last entry that has it. */
  set(entry: CacheEntry): void {
    if (entry.fileName !== null) this.addToFile(entry, entry.fileName);
    const place = this.placeFor(entry);
    const previous = this.entries.get(place);
    if (previous !== undefined) this.remove(previous);
    entry.place = place;
    if (this.frequencies !== null) entry.agings = this.frequencies.agings;
    this.entries.set(place, entry);
    this.append(entry);
    entry.dependencies.subscribe(entry);
    this.watchCounts.add(entry.dependencies);
    if (entry.isBare) this.addBare(entry);
    this.count(entry);
  }

  /** The path of an entry was resolved to the same fingerprint again. */
  revalidate(entry: CacheEntry, dependencies: Dependencies, expiresAtMs: number): void {
    if (this.has(entry)) {
      this.watchCounts.remove(entry.dependencies);
      this.watchCounts.add(dependencies);
    }
    entry.revalidate(dependencies, expiresAtMs);
  }

  has(entry: CacheEntry): boolean {
    return this.entries.get(entry.place) === entry;
  }

  /** The content of a file has another plain response now, or takes other memory. */
  onContentChanged(fileName: string, content: CacheContent, plainResponse: HttpResponse): void {
    const entry = this.files.get(fileName);
    if (entry?.content !== content) return; // evicted meanwhile
    for (const each of entry.sharers ?? [entry]) each.plainResponse = plainResponse;
    this.recount(entry);
  }

  recount(entry: CacheEntry): void {
    if (this.has(entry)) this.count(entry);
  }

  remove(entry: CacheEntry): void {
    if (!this.has(entry)) return;
    this.entries.delete(entry.place);
    this.watchCounts.remove(entry.dependencies);
    this.unlink(entry);
    this.bytes -= entry.countedBytes;
    entry.countedBytes = 0;
    if (this.bare.delete(entry)) this.bareBytes -= entry.bareBytes;
    const successor = entry.leaveContent();
    if (this.files.get(entry.fileName!) === entry) {
      if (successor === null) this.files.delete(entry.fileName!);
      else this.files.set(entry.fileName!, successor);
    }
    if (successor !== null) this.charge(successor);
  }

  clear(): void {
    for (const entry of [...this.entries.values()]) this.remove(entry);
  }

  /** Evicts the oldest entries with descriptors until `count` of these are released. Returns false if there were none. */
  evictDescriptors(count: number): boolean {
    let left = count;
    for (const entry of this.entries.values()) {
      const { length } = entry.openFiles;
      if (length === 0) continue;
      left -= length;
      for (const each of [...(entry.sharers ?? [entry])]) this.evict(each);
      if (left <= 0) break;
    }
    return left < count;
  }

  /** Of the entry with the same path; else a free one; else of one without a recent hit. */
  private placeFor({ path, hash }: CacheEntry): number {
    let free = -1;
    let unused = 0;
    let place = hash;
    for (let way = 0; way < WAYS; way++) {
      const entry = this.entries.get(place);
      if (entry?.path === path) return place;
      if (entry === undefined && free < 0) free = way;
      if (entry?.recentlyUsed === false) unused = way;
      place = (place + WAY_STEP) | 0;
    }
    return (hash + Math.imul(free < 0 ? unused : free, WAY_STEP)) | 0;
  }

  private addToFile(entry: CacheEntry, fileName: string): void {
    const other = this.files.get(fileName);
    if (other?.content === entry.content) entry.shareContentOf(other);
    else this.files.set(fileName, entry);
  }

  private addBare(entry: CacheEntry): void {
    entry.bareBytes = entry.ownBytes;
    this.bareBytes += entry.bareBytes;
    this.bare.add(entry);
    while (this.bareBytes > this.budgetBytes / BARE_SHARE && this.bare.size > 1) this.evictOldestBare(entry);
  }

  private charge(entry: CacheEntry): void {
    const { bytes } = entry;
    this.bytes += bytes - entry.countedBytes;
    entry.countedBytes = bytes;
  }

  private count(entry: CacheEntry): void {
    this.charge(entry);
    while (this.bytes > this.budgetBytes && this.size > 1) this.evictOldest(entry);
  }

  /** @param inserted never evicted */
  private evictOldest(inserted: CacheEntry): void {
    let entry = this.oldest!;
    while (entry === inserted || entry.recentlyUsed) {
      entry.recentlyUsed = false;
      this.moveToEnd(entry); // the search reaches it again only if all are used
      entry = this.oldest!;
    }
    this.evict(entry);
  }

  private append(entry: CacheEntry): void {
    entry.older = this.newest;
    entry.newer = null;
    if (this.newest === null) this.oldest = entry;
    else this.newest.newer = entry;
    this.newest = entry;
  }

  private unlink(entry: CacheEntry): void {
    const { older, newer } = entry;
    if (older === null) this.oldest = newer;
    else older.newer = newer;
    if (newer === null) this.newest = older;
    else newer.older = older;
    entry.older = entry.newer = null;
  }

  private moveToEnd(entry: CacheEntry): void {
    this.unlink(entry);
    this.append(entry);
  }

  private evictOldestBare(newest: CacheEntry): void {
    for (const entry of this.bare) {
      if (entry !== newest && !entry.recentlyUsed) return this.evict(entry);
      entry.recentlyUsed = false;
      this.bare.delete(entry);
      this.bare.add(entry);
    }
  }

  private evict(entry: CacheEntry): void {
    if (tracing) debug('evict %s', entry.path);
    this.evictions++;
    this.remove(entry);
  }
}

function isPathOf({ path }: CacheEntry, bytes: Uint8Array, start: number, end: number): boolean {
  if (path.length !== end - start) return false;
  for (let i = 0; i < path.length; i++) if (path.charCodeAt(i) !== bytes[start + i]) return false;
  return true;
}
