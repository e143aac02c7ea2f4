import { constants } from '../sys/binding.js';
import type { Kernel } from '../sys/kernel.js';
import { NEVER } from './deadlines.js';
import { type Interest, maskOf, NOTHING } from './interest.js';
import { MARK_DIRTY, MARK_EXCLUSIVE, MARK_SPENT, type Registry } from './registry.js';

const { EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD } = constants;

/** A failed epoll_ctl (ENOMEM, ENOSPC) is retried after this time: nothing reports when there is memory again. */
const RETRY_MS = 100;

/** The one place that turns interests into epoll_ctl(2), and only where they differ from what the kernel has. */
export class Arming {
  calls = 0;
  /** When failed calls are retried; NEVER if there are none. */
  retryMs = NEVER;
  private dirty: number[] = [];
  private dirtyBefore: number[] = [];
  private failed: number[] = [];

  constructor(
    private readonly kernel: Kernel,
    private readonly registry: Registry,
    private readonly epfd: number,
  ) {}

  get hasWork(): boolean {
    return this.dirty.length > 0;
  }

  /** Marks a slot whose interest may have changed, for `apply`. Returns false if it is marked already. */
  mark(slot: number): boolean {
    if (this.registry.marks[slot]! & MARK_DIRTY) return false;
    this.registry.marks[slot]! |= MARK_DIRTY;
    this.dirty.push(slot);
    return true;
  }

  /** Notes that oneshot has fired: the kernel has disabled the descriptor, with no mask, until EPOLL_CTL_MOD. */
  spend(slot: number): void {
    this.registry.armed[slot] = 0;
    this.registry.marks[slot]! |= MARK_SPENT;
    this.mark(slot);
  }

  apply(): void {
    if (this.dirty.length === 0) return;
    const slots = this.dirty;
    this.dirty = this.dirtyBefore;
    this.dirtyBefore = slots;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      this.registry.marks[slot]! &= ~MARK_DIRTY;
      if (this.registry.handlers[slot] === null || this.arm(slot) >= 0) continue;
      this.failed.push(slot);
      this.retryMs = Math.min(this.retryMs, this.kernel.monotonicMs() + RETRY_MS);
    }
    slots.length = 0;
  }

  /** Marks again the slots whose epoll_ctl failed, once the retry is due. */
  retry(nowMs: number): void {
    if (this.retryMs > nowMs) return;
    this.retryMs = NEVER;
    for (const slot of this.failed.splice(0)) this.mark(slot);
  }

  /** Makes the kernel's mask match the slot's interest. Returns 0 or -errno. */
  arm(slot: number): number {
    const { registry } = this;
    const wanted = registry.wanted[slot] as Interest;
    const trigger = registry.triggers[slot]!;
    const exclusive = (registry.marks[slot]! & MARK_EXCLUSIVE) !== 0;
    // A mask of 0 still reports EPOLLHUP, so NOTHING means to leave the set; only under edge it is reported just once.
    const leave = wanted === NOTHING && (trigger !== 'edge' || exclusive);
    const mask = leave ? 0 : maskOf(wanted, trigger, exclusive);
    if (mask === registry.armed[slot]) return 0;
    // EPOLLEXCLUSIVE works with ADD only, epoll_ctl(2).
    if (mask === 0 || exclusive) this.leave(slot);
    if (mask === 0) return 0;
    const result = this.call(this.isHeld(slot) ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, slot, mask);
    if (result >= 0) {
      registry.armed[slot] = mask;
      registry.marks[slot]! &= ~MARK_SPENT;
    }
    return result;
  }

  /** Removes the slot's descriptor from the epoll set, if it is in it. */
  leave(slot: number): void {
    if (!this.isHeld(slot)) return;
    this.call(EPOLL_CTL_DEL, slot, 0);
    this.registry.armed[slot] = 0;
    this.registry.marks[slot]! &= ~MARK_SPENT;
  }

  private isHeld(slot: number): boolean {
    return this.registry.armed[slot] !== 0 || (this.registry.marks[slot]! & MARK_SPENT) !== 0;
  }

  private call(operation: number, slot: number, mask: number): number {
    const { fds, generations } = this.registry;
    this.calls++;
    return this.kernel.epollCtl(this.epfd, operation, fds[slot]!, mask, slot, generations[slot]!);
  }
}
