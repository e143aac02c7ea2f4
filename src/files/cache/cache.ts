import { debug, tracing } from '../../sys/debug.js';
import type { CacheEntry } from './entry.js';

/**
 * Entries in memory, by request path. A hit costs the look-up of an integer and a comparison of bytes; hashes can be
 * forged, so of two paths with the same hash the newer one replaces the other. Over its budget the cache evicts the oldest
 * entry without a hit since the last search (CLOCK), so that a hit moves nothing.
 */
export class FileCache {
  bytes = 0;
  /** Entries removed for the budget or for their descriptors. */
  evictions = 0;
  private readonly entries = new Map<number, CacheEntry>();

  constructor(private readonly budgetBytes: number) {}

  get size(): number {
    return this.entries.size;
  }

  [Symbol.iterator](): Iterator<CacheEntry> {
    return this.entries.values();
  }

  /** @param bytes that contain the path from `start` to before `end` */
  find(bytes: Uint8Array, start: number, end: number, hash: number): CacheEntry | null {
    const entry = this.entries.get(hash);
    if (entry === undefined || entry.path.length !== end - start) return null;
    const { path } = entry;
    for (let i = 0; i < path.length; i++) if (path.charCodeAt(i) !== bytes[start + i]) return null;
    if (!entry.recentlyUsed) entry.recentlyUsed = true; // a write would move the cache line between cores
    return entry;
  }

  /** Takes ownership of the entry; closes it on removal. */
  set(entry: CacheEntry): void {
    const previous = this.entries.get(entry.hash);
    if (previous !== undefined) this.remove(previous);
    this.entries.set(entry.hash, entry);
    entry.dependencies.subscribe(entry);
    this.count(entry);
  }

  has(entry: CacheEntry): boolean {
    return this.entries.get(entry.hash) === entry;
  }

  recount(entry: CacheEntry): void {
    if (this.has(entry)) this.count(entry);
  }

  remove(entry: CacheEntry): void {
    if (!this.has(entry)) return;
    this.entries.delete(entry.hash);
    this.bytes -= entry.countedBytes;
    entry.countedBytes = 0;
    entry.close();
  }

  clear(): void {
    for (const entry of [...this.entries.values()]) this.remove(entry);
  }

  /** Evicts the oldest entries with descriptors until `count` of these are released. Returns false if there were none. */
  evictDescriptors(count: number): boolean {
    let left = count;
    for (const entry of this.entries.values()) {
      if (entry.openFiles.length === 0) continue;
      left -= entry.openFiles.length;
      this.evict(entry);
      if (left <= 0) break;
    }
    return left < count;
  }

  private count(entry: CacheEntry): void {
    const { bytes } = entry;
    this.bytes += bytes - entry.countedBytes;
    entry.countedBytes = bytes;
    while (this.bytes > this.budgetBytes && this.size > 1) this.evictOldest(entry);
  }

  /** @param newest the entry being inserted; never evicted */
  private evictOldest(newest: CacheEntry): void {
    for (const [hash, entry] of this.entries) {
      if (entry !== newest && !entry.recentlyUsed) return this.evict(entry);
      entry.recentlyUsed = false;
      this.entries.delete(hash);
      this.entries.set(hash, entry); // to the end; the iteration reaches it again only if all are used
    }
  }

  private evict(entry: CacheEntry): void {
    if (tracing) debug('evict %s', entry.path);
    this.evictions++;
    this.remove(entry);
  }
}
