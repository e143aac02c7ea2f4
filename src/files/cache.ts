import type { Response } from '../http/response.js';
import type { Validators } from './conditional.js';

/** A small file as it is served: whole, with the answers that are ready to be sent again. */
export interface CachedFile {
  /** The path of the request, to the letter, before percent-decoding. */
  readonly path: Buffer;
  readonly hash: number;
  readonly identity: string;
  readonly validators: Validators;
  readonly ok: Response;
  readonly notModified: Response;
  readonly bytes: number;
  /** When the file system last said that the file is still this one, on the reactor's clock. */
  checkedMs: number;
  /** Asked for since the last search for something to evict. */
  used: boolean;
}

/** Objects, heads and bookkeeping of an entry, beside the body: measured at about this. */
export const ENTRY_OVERHEAD_BYTES = 2048;

/**
 * Small files in memory, by the path that was asked for. A hit costs an integer's look-up and a comparison of bytes;
 * hashes can be forged, so of two paths with one hash the newer has the place. Over its budget it evicts the oldest
 * that was not used since it was last looked at (CLOCK), so that a hit has nothing to move.
 */
export class FileCache {
  bytes = 0;
  private readonly files = new Map<number, CachedFile>();

  constructor(private readonly budgetBytes: number) {}

  get size(): number {
    return this.files.size;
  }

  find(bytes: Uint8Array, start: number, end: number, hash: number): CachedFile | null {
    const file = this.files.get(hash);
    if (file === undefined || file.path.length !== end - start) return null;
    const { path } = file;
    for (let i = 0; i < path.length; i++) if (path[i] !== bytes[start + i]) return null;
    file.used = true;
    return file;
  }

  set(file: CachedFile): void {
    this.remove(file.hash);
    if (file.bytes > this.budgetBytes) return;
    this.files.set(file.hash, file);
    this.bytes += file.bytes;
    while (this.bytes > this.budgetBytes) this.evict();
  }

  remove(hash: number): void {
    const file = this.files.get(hash);
    if (file === undefined) return;
    this.files.delete(hash);
    this.bytes -= file.bytes;
  }

  clear(): void {
    this.files.clear();
    this.bytes = 0;
  }

  private evict(): void {
    for (const [hash, file] of this.files) {
      if (!file.used) return this.remove(hash);
      file.used = false;
      this.files.delete(hash);
      this.files.set(hash, file); // to the end; the iteration meets it again only if all are used
    }
  }
}
