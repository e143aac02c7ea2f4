import type { Kernel, LoopWatch } from '../sys/kernel.js';

/**
 * The descriptor of an Epoll and libuv's watch of it: what has to be closed when the Epoll itself is collected, and so
 * an object that must not reference it.
 */
export class SetDescriptor {
  private watch: LoopWatch | null = null;

  /** @param fd is owned from here on; -1 once closed */
  constructor(
    readonly kernel: Kernel,
    public fd: number,
  ) {}

  get isWatched(): boolean {
    return this.watch !== null;
  }

  /** Starts the watch. Returns 0, or -errno. */
  startWatch(onReadable: () => void): number {
    const watch = this.kernel.loopStart(this.fd, onReadable);
    if (typeof watch === 'number') return watch;
    this.watch = watch;
    return 0;
  }

  /** Sets whether the watch keeps the process alive. No effect without a watch. */
  refWatch(referenced: boolean): void {
    if (this.watch !== null) this.kernel.loopRef(this.watch, referenced);
  }

  /** Idempotent. */
  stopWatch(): void {
    if (this.watch === null) return;
    this.kernel.loopStop(this.watch);
    this.watch = null;
  }

  /** Stops the watch, which needs the open descriptor, then closes it. Idempotent. */
  close(): void {
    if (this.fd < 0) return;
    this.stopWatch();
    const fd = this.fd;
    this.fd = -1;
    this.kernel.close(fd);
  }
}

const registry = new FinalizationRegistry<{ close(): void }>((part) => part.close());

/** Closes a part of `owner` once that has been collected. The part must not reference it, and its close be idempotent. */
export function closeWhenCollected(owner: object, part: { close(): void }): void {
  registry.register(owner, part);
}
