import { constants } from '../sys/binding.js';
import { EBADF, EEXIST, ENOENT, ENOMEM, ENOSPC, EPERM, systemError } from '../sys/errno.js';
import type { Kernel } from '../sys/kernel.js';
import { NEVER } from './deadlines.js';
import { maskOf, NOTHING } from './interest.js';
import { MARK_DIRTY, MARK_EXCLUSIVE, MARK_SPENT, type Registry } from './registry.js';

const { EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD } = constants;

const NAMES: Readonly<Record<number, string>> = {
  [EPOLL_CTL_ADD]: 'EPOLL_CTL_ADD',
  [EPOLL_CTL_DEL]: 'EPOLL_CTL_DEL',
  [EPOLL_CTL_MOD]: 'EPOLL_CTL_MOD',
};

type Remedies = Readonly<Record<number, string>>;

/** What to do about an error at the registration. */
const ON_JOIN: Remedies = {
  [EEXIST]: 'it has a token here: modify that, or unregister it before (forget it if its descriptor is closed)',
  [EPERM]: 'a regular file or directory cannot be polled',
  [ENOSPC]: 'raise fs.epoll.max_user_watches',
};

const CLOSED = 'it was closed while registered: unregister its token before the close, or forget it at once';
/** What to do about one afterwards. */
const AFTER_JOIN: Remedies = { [EBADF]: CLOSED, [ENOENT]: CLOSED, [EPERM]: CLOSED };

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
  /** Of the last call. */
  private operation = EPOLL_CTL_ADD;

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

  /** Passes on what has changed. An error that a retry cannot mend is added to `thrown`. */
  apply(thrown: unknown[]): void {
    if (this.dirty.length === 0) return;
    const slots = this.dirty;
    this.dirty = this.dirtyBefore;
    this.dirtyBefore = slots;
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      this.registry.marks[slot]! &= ~MARK_DIRTY;
      if (this.registry.handlers[slot] !== null) this.tryToArm(slot, thrown);
    }
    slots.length = 0;
  }

  /**
   * Arms a new slot. The descriptor is added even for NOTHING, and removed again: only that shows whether it is open and
   * can be polled.
   * @throws the system error of epoll_ctl(2), and EEXIST if another slot has the descriptor
   */
  join(slot: number): void {
    const { registry } = this;
    const fd = registry.fds[slot]!;
    this.operation = EPOLL_CTL_ADD;
    let result = registry.slotOfFd(fd) < 0 ? this.arm(slot) : EEXIST;
    if (result === 0 && !this.isHeld(slot)) {
      result = this.call(EPOLL_CTL_ADD, slot, 0);
      if (result === 0) this.call(EPOLL_CTL_DEL, slot, 0);
    }
    if (result < 0) throw this.errorOf(result, fd, ON_JOIN);
    registry.index(slot);
  }

  /** Makes the kernel's mask match the slot's interest. Returns 0 or -errno. */
  arm(slot: number): number {
    const { registry } = this;
    const wanted = registry.wanted[slot]!;
    const trigger = registry.triggerOf(slot);
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

  /**
   * Removes the slot's descriptor from the epoll set, if it is in it. Returns the error if it was closed before, which
   * removes it as well, unless it has a duplicate.
   */
  leave(slot: number): NodeJS.ErrnoException | null {
    if (!this.isHeld(slot)) return null;
    const result = this.call(EPOLL_CTL_DEL, slot, 0);
    this.registry.armed[slot] = 0;
    this.registry.marks[slot]! &= ~MARK_SPENT;
    return AFTER_JOIN[result] === undefined ? null : this.errorOf(result, this.registry.fds[slot]!, AFTER_JOIN);
  }

  private tryToArm(slot: number, thrown: unknown[]): void {
    let result = ENOMEM;
    try {
      result = this.arm(slot);
    } catch (error) {
      thrown.push(error); // of a simulated kernel
    }
    if (result >= 0) return;
    if (result === ENOMEM || result === ENOSPC) {
      this.failed.push(slot);
      this.retryMs = Math.min(this.retryMs, this.kernel.monotonicMs() + RETRY_MS);
      return;
    }
    thrown.push(this.errorOf(result, this.registry.fds[slot]!, AFTER_JOIN));
    this.registry.armed[slot] = 0;
    this.registry.marks[slot]! &= ~MARK_SPENT;
  }

  /** Marks again the slots whose epoll_ctl failed, once the retry is due. */
  retry(nowMs: number): void {
    if (this.retryMs > nowMs) return;
    this.retryMs = NEVER;
    for (const slot of this.failed.splice(0)) this.mark(slot);
  }

  private errorOf(result: number, fd: number, remedies: Remedies): NodeJS.ErrnoException {
    const remedy = remedies[result];
    const detail = `${NAMES[this.operation]} fd ${fd}`;
    return systemError('epoll_ctl', result, remedy === undefined ? detail : `${detail}: ${remedy}`);
  }

  private isHeld(slot: number): boolean {
    return this.registry.armed[slot] !== 0 || (this.registry.marks[slot]! & MARK_SPENT) !== 0;
  }

  private call(operation: number, slot: number, mask: number): number {
    const { fds, generations } = this.registry;
    this.calls++;
    this.operation = operation;
    return this.kernel.epollCtl(this.epfd, operation, fds[slot]!, mask, slot, generations[slot]!);
  }
}
