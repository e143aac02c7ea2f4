import type { Resource } from './resource.js';

/**
 * Resources in memory, by the path that was asked for. A hit costs an integer's look-up and a comparison of bytes;
 * hashes can be forged, so of two paths with one hash the newer has the place. Over its budget it evicts the oldest
 * that was not used since it was last looked at (CLOCK), so that a hit has nothing to move.
 */
export class ResourceCache {
  bytes = 0;
  private readonly resources = new Map<number, Resource>();

  constructor(private readonly budgetBytes: number) {}

  get size(): number {
    return this.resources.size;
  }

  [Symbol.iterator](): Iterator<Resource> {
    return this.resources.values();
  }

  find(bytes: Uint8Array, start: number, end: number, hash: number): Resource | null {
    const resource = this.resources.get(hash);
    if (resource === undefined || resource.path.length !== end - start) return null;
    const { path } = resource;
    for (let i = 0; i < path.length; i++) if (path.charCodeAt(i) !== bytes[start + i]) return null;
    if (!resource.used) resource.used = true; // what is written is copied from cache to cache
    return resource;
  }

  /** Takes the resource in, and with it the duty to close it. */
  set(resource: Resource): void {
    const before = this.resources.get(resource.hash);
    if (before !== undefined) this.remove(before);
    this.resources.set(resource.hash, resource);
    resource.dependencies.attach(resource);
    this.count(resource);
  }

  has(resource: Resource): boolean {
    return this.resources.get(resource.hash) === resource;
  }

  /** The resource has become larger or smaller. */
  recount(resource: Resource): void {
    if (this.has(resource)) this.count(resource);
  }

  /** Closes it, if it is here. */
  remove(resource: Resource): void {
    if (!this.has(resource)) return;
    this.resources.delete(resource.hash);
    this.bytes -= resource.countedBytes;
    resource.countedBytes = 0;
    resource.close();
  }

  clear(): void {
    for (const resource of [...this.resources.values()]) this.remove(resource);
  }

  /** Removes the oldest of those that have descriptors, until so many are let go. False when there are none. */
  letGoDescriptors(count: number): boolean {
    let left = count;
    for (const resource of this.resources.values()) {
      if (resource.opened.length === 0) continue;
      left -= resource.opened.length;
      this.remove(resource);
      if (left <= 0) break;
    }
    return left < count;
  }

  private count(resource: Resource): void {
    const { bytes } = resource;
    this.bytes += bytes - resource.countedBytes;
    resource.countedBytes = bytes;
    while (this.bytes > this.budgetBytes && this.size > 1) this.evict(resource);
  }

  /** Removes one, but not the one that the room is for. */
  private evict(newest: Resource): void {
    for (const [hash, resource] of this.resources) {
      if (resource !== newest && !resource.used) return this.remove(resource);
      resource.used = false;
      this.resources.delete(hash);
      this.resources.set(hash, resource); // to the end; the iteration meets it again only if all are used
    }
  }
}
