import { assert } from './assert.js';
import type { Kernel } from './kernel.js';

/** A reference-counted descriptor, of a file in the cache and in the responses that are being sent from it. */
export class SharedFd {
  private references = 1;

  /** @param fd is owned from here on; the caller has the first reference */
  constructor(readonly fd: number) {}

  retain(): this {
    assert(this.references > 0, 'a shared descriptor is retained after it was closed');
    this.references++;
    return this;
  }

  /** Releases a reference; the last one closes the descriptor. */
  release(kernel: Kernel): void {
    assert(this.references > 0, 'a shared descriptor is released too often');
    if (--this.references === 0) kernel.close(this.fd);
  }
}
