import { assert } from './assert.js';
import type { Kernel } from './kernel.js';

/** A descriptor with several users: a file in the cache and the answers under way from it. The last to let go closes it. */
export class SharedFd {
  private users = 1;

  /** @param fd is owned from here on; whoever makes this is its first user */
  constructor(readonly fd: number) {}

  /** One user more. */
  retain(): this {
    assert(this.users > 0, 'a shared descriptor that is closed already');
    this.users++;
    return this;
  }

  /** One user less. */
  release(kernel: Kernel): void {
    assert(this.users > 0, 'a shared descriptor was let go too often');
    if (--this.users === 0) kernel.close(this.fd);
  }
}
