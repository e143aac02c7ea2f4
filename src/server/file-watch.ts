import type { Files } from '../files/files.js';
import { READABLE } from '../reactor/interest.js';
import type { Reactor } from '../reactor/reactor.js';
import type { Token } from '../reactor/registry.js';

/** Events of inotify(7) and of mounts, which are read first in a turn, before any request. */
export class FileWatch {
  private tokens: Token[] = [];

  constructor(private readonly reactor: Reactor) {}

  /** @param files those of the server from here on; null without any */
  replace(files: Files | null): void {
    for (const token of this.tokens) this.reactor.unregister(token);
    this.tokens = [];
    if (files !== null) this.add(files);
  }

  private add({ inotify, mounts }: Files): void {
    const { reactor, tokens } = this;
    if (inotify.fd >= 0)
      tokens.push(reactor.register(inotify.fd, { onReady: () => inotify.read() }, READABLE, { first: true }));
    if (mounts.fd < 0) return;
    try {
      const handler = { onReady: () => mounts.onMountEvent() };
      tokens.push(reactor.register(mounts.fd, handler, READABLE, { first: true, trigger: 'edge' }));
    } catch (error) {
      // An emulated /proc may not support epoll, EPERM: then directories are compared when they are revalidated.
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    }
  }
}
