import type { CacheEntry } from './entry.js';

/**
 * Resources in memory, by the path that was asked for. A hit costs an integer's look-up and a comparison of bytes;
 * hashes can be forged, so of two paths with one hash the newer has the place. Over its budget it evicts the oldest
 * that was not used since it was last looked at (CLOCK), so that a hit has nothing to move.
 */
export class FileCache {
  bytes = 0;
  private readonly entries = new Map<number, CacheEntry>();

  constructor(private readonly budgetBytes: number) {}

  get size(): number {
    return this.entries.size;
  }

  [Symbol.iterator](): Iterator<CacheEntry> {
    return this.entries.values();
  }

  find(bytes: Uint8Array, start: number, end: number, hash: number): CacheEntry | null {
    const resource = this.entries.get(hash);
    if (resource === undefined || resource.path.length !== end - start) return null;
    const { path } = resource;
    for (let i = 0; i < path.length; i++) if (path.charCodeAt(i) !== bytes[start + i]) return null;
    if (!resource.recentlyUsed) resource.recentlyUsed = true; // what is written is copied from cache to cache
    return resource;
  }

  /** Takes the resource in, and with it the duty to close it. */
  set(resource: CacheEntry): void {
    const before = this.entries.get(resource.hash);
    if (before !== undefined) this.remove(before);
    this.entries.set(resource.hash, resource);
    resource.dependencies.subscribe(resource);
    this.count(resource);
  }

  has(resource: CacheEntry): boolean {
    return this.entries.get(resource.hash) === resource;
  }

  /** The resource has become larger or smaller. */
  recount(resource: CacheEntry): void {
    if (this.has(resource)) this.count(resource);
  }

  /** Closes it, if it is here. */
  remove(resource: CacheEntry): void {
    if (!this.has(resource)) return;
    this.entries.delete(resource.hash);
    this.bytes -= resource.countedBytes;
    resource.countedBytes = 0;
    resource.close();
  }

  clear(): void {
    for (const resource of [...this.entries.values()]) this.remove(resource);
  }

  /** Removes the oldest of those that have descriptors, until so many are let go. False when there are none. */
  evictDescriptors(count: number): boolean {
    let left = count;
    for (const resource of this.entries.values()) {
      if (resource.openFiles.length === 0) continue;
      left -= resource.openFiles.length;
      this.remove(resource);
      if (left <= 0) break;
    }
    return left < count;
  }

  private count(resource: CacheEntry): void {
    const { bytes } = resource;
    this.bytes += bytes - resource.countedBytes;
    resource.countedBytes = bytes;
    while (this.bytes > this.budgetBytes && this.size > 1) this.evict(resource);
  }

  /** Removes one, but not the one that the room is for. */
  private evict(newest: CacheEntry): void {
    for (const [hash, resource] of this.entries) {
      if (resource !== newest && !resource.recentlyUsed) return this.remove(resource);
      resource.recentlyUsed = false;
      this.entries.delete(hash);
      this.entries.set(hash, resource); // to the end; the iteration meets it again only if all are used
    }
  }
}
