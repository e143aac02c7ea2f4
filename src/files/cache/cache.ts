import type { HttpResponse } from '../../http/response/response.js';
import { debug, tracing } from '../../sys/debug.js';
import type { CacheContent, CacheEntry } from './entry.js';

/**
 * The share of bare entries in the budget. Any client can request as many missing names as it likes: they must not evict the
 * files. They are also what a collector of garbage sees most of, so that they take more memory than they have.
 */
const BARE_SHARE = 4;
/** Places for entries with one hash. */
const WAYS = 8;
/** The golden ratio times 2^32: the places of one hash are far from those of similar ones. */
const WAY_STEP = 0x9e3779b9 | 0;

/**
 * Entries in memory, by request path. A hit costs the look-up of an integer and a comparison of bytes. Paths with the same
 * hash, which are rare, and hard to find for a client since the hash is seeded, take the further places of that hash. Over its
 * budget the cache evicts the oldest entry without a hit since the last search (CLOCK), so that a hit moves nothing.
 */
export class FileCache {
  bytes = 0;
  /** Entries removed for the budget or for their descriptors. */
  evictions = 0;
  private readonly entries = new Map<number, CacheEntry>();
  /** An entry of each file, by its name below the root. */
  private readonly files = new Map<string, CacheEntry>();

  /** In the order of the search for one to evict, like `entries`. */
  private readonly bare = new Set<CacheEntry>();
  private bareBytes = 0;

  constructor(private readonly budgetBytes: number) {}

  get size(): number {
    return this.entries.size;
  }

  [Symbol.iterator](): Iterator<CacheEntry> {
    return this.entries.values();
  }

  /** @param bytes that contain the path from `start` to before `end` */
  find(bytes: Uint8Array, start: number, end: number, hash: number): CacheEntry | null {
    let place = hash;
    for (let way = 0; way < WAYS; way++) {
      const entry = this.entries.get(place);
      if (entry !== undefined && isPathOf(entry, bytes, start, end)) {
        if (!entry.recentlyUsed) entry.recentlyUsed = true; // a write would move the cache line between cores
        return entry;
      }
      place = (place + WAY_STEP) | 0;
    }
    return null;
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
    this.entries.set(place, entry);
    entry.dependencies.subscribe(entry);
    if (entry.isBare) this.addBare(entry);
    this.count(entry);
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

  /** @param newest the entry being inserted; never evicted */
  private evictOldest(newest: CacheEntry): void {
    for (const [place, entry] of this.entries) {
      if (entry !== newest && !entry.recentlyUsed) return this.evict(entry);
      entry.recentlyUsed = false;
      this.entries.delete(place);
      this.entries.set(place, entry); // to the end; the iteration reaches it again only if all are used
    }
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
