import { constants } from '../sys/binding.js';
import { EINVAL } from '../sys/errno.js';
import {
  describeEvents,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_CTL_DEL,
  EPOLL_CTL_MOD,
  EPOLLERR,
  EPOLLET,
  EPOLLEXCLUSIVE,
  EPOLLHUP,
  EPOLLIN,
  EPOLLONESHOT,
} from '../sys/events.js';
import { type Kernel, STAT_WORDS, Stat } from '../sys/kernel.js';
import { type EpollEvent, WORDS_PER_EVENT } from './event.js';

/** The codes of the warnings, a trap of epoll(7) each. */
export type StrictCode =
  | 'EPOLLET_CLOSED_DESCRIPTOR'
  | 'EPOLLET_EXCLUSIVE_MODIFIED'
  | 'EPOLLET_HANGUP_SPIN'
  | 'EPOLLET_PARTIAL_READ'
  | 'EPOLLET_REUSED_DESCRIPTOR';

/** So many batches in a row with nothing but a hang-up that was not asked for: more than a program takes to react. */
const SPINS = 10;

/** What strict mode knows of a registration. */
interface Registration {
  mask: number;
  data: number;
  /** Device and inode of the file, which a later user of the number does not share; null if fstat(2) failed. */
  readonly file: string | null;
  readonly warned: Set<StrictCode>;
  /** Reported as readable in the newest batch, and not modified since. */
  isReadable: boolean;
  /** Consecutive batches with an event that has no bit of the mask. */
  spins: number;
}

/**
 * Strict mode: warns of mistakes for which epoll itself has no error, by `process.emitWarning` with the type
 * 'EpolletWarning'. Each trap is reported once a registration. It costs some system calls a batch, and changes nothing
 * but the time: for development.
 */
export class StrictChecks {
  private readonly registrations = new Map<number, Registration>();
  /** Of the batch that is being iterated, the events that are still to come, by descriptor. */
  private pending: Map<number, EpollEvent> = new Map();
  /** A set of its own, level-triggered, to ask whether a descriptor is readable at this moment. */
  private probe = -1;
  private readonly stat = new Float64Array(STAT_WORDS);

  constructor(private readonly kernel: Kernel) {}

  /** @param result of epoll_ctl(2) */
  onControl(operation: number, fd: number, mask: number, data: number, result: number): void {
    const known = this.registrations.get(fd);
    if (operation === EPOLL_CTL_MOD && result === EINVAL && ((known?.mask ?? 0) | mask) & EPOLLEXCLUSIVE) {
      const text = `cannot be modified, since EPOLLEXCLUSIVE works with EPOLL_CTL_ADD only: unregister and register it`;
      this.warn('EPOLLET_EXCLUSIVE_MODIFIED', fd, known, text);
    }
    if (result < 0) return;
    if (operation === EPOLL_CTL_DEL) {
      this.registrations.delete(fd);
    } else if (operation === EPOLL_CTL_MOD) {
      if (known === undefined) return;
      Object.assign(known, { mask, data, isReadable: false, spins: 0 });
    } else if (operation === EPOLL_CTL_ADD) {
      const registration: Registration = {
        mask,
        data,
        file: this.fileOf(fd),
        warned: new Set(),
        isReadable: false,
        spins: 0,
      };
      this.registrations.set(fd, registration);
      if (this.pending.get(fd)?.data === data) {
        const text =
          'was closed and registered again while an event of the earlier file waits in this batch: give each ' +
          'registration its own `data`, and compare it with that of the event';
        this.warn('EPOLLET_REUSED_DESCRIPTOR', fd, registration, text);
      }
    }
  }

  /** The descriptors that were reported as readable under edge, and still are. Called before a wait. */
  unreadDescriptors(): number[] {
    this.pending = new Map();
    const unread: number[] = [];
    for (const [fd, registration] of this.registrations) {
      const { mask, isReadable, warned } = registration;
      if (!isReadable || (mask & EPOLLET) === 0 || mask & (EPOLLONESHOT | EPOLLEXCLUSIVE)) continue;
      if (!warned.has('EPOLLET_PARTIAL_READ') && this.isReadable(fd)) unread.push(fd);
    }
    return unread;
  }

  /**
   * Warns of those that the set does not report again, although they are readable: another edge would have been.
   * @param unread from `unreadDescriptors`, before the batch
   */
  onUnread(unread: readonly number[], events: Uint32Array, count: number): void {
    for (const fd of unread) {
      if (isIn(events, count, fd)) continue;
      const text =
        'has unread bytes or connections that EPOLLET does not report again: read until EAGAIN before the next ' +
        'wait, or call modify()';
      this.warn('EPOLLET_PARTIAL_READ', fd, this.registrations.get(fd), text);
    }
  }

  /** Called with each batch. */
  onBatch(events: Uint32Array, count: number): void {
    for (const registration of this.registrations.values()) registration.isReadable = false;
    for (let at = 0; at < WORDS_PER_EVENT * count; at += WORDS_PER_EVENT) {
      const mask = events[at]!;
      const fd = events[at + 1]!;
      const registration = this.registrations.get(fd);
      if (registration === undefined) continue;
      if (mask & EPOLLIN) registration.isReadable = true;
      this.checkFile(fd, registration);
      this.checkSpin(fd, registration, mask);
    }
  }

  /** Makes the array note which of its events have been iterated; how far a loop by index is cannot be seen. */
  track(events: EpollEvent[]): EpollEvent[] {
    const start = (): Map<number, EpollEvent> => {
      this.pending = new Map(events.map((event) => [event.fd, event]));
      return this.pending;
    };
    function* iterate(): Generator<EpollEvent, undefined> {
      const pending = start();
      for (const event of events.values()) {
        pending.delete(event.fd);
        yield event;
      }
    }
    return Object.defineProperty(events, Symbol.iterator, { value: iterate, configurable: true, writable: true });
  }

  close(): void {
    if (this.probe >= 0) this.kernel.close(this.probe);
    this.probe = -1;
    this.registrations.clear();
  }

  private checkFile(fd: number, registration: Registration): void {
    if (registration.file === null || this.fileOf(fd) === registration.file) return;
    const text =
      'is reported, but was closed: its file stays open in a duplicate (dup, fork, a child), and in the set. ' +
      'Unregister a descriptor before you close it';
    this.warn('EPOLLET_CLOSED_DESCRIPTOR', fd, registration, text);
  }

  private checkSpin(fd: number, registration: Registration, events: number): void {
    const { mask } = registration;
    const isUnasked = (events & mask) === 0 && (events & (EPOLLHUP | EPOLLERR)) !== 0;
    registration.spins = isUnasked && (mask & (EPOLLET | EPOLLONESHOT)) === 0 ? registration.spins + 1 : 0;
    if (registration.spins < SPINS) return;
    const text =
      `is reported with ${describeEvents(events)} again and again, which no mask excludes, not even ` +
      `${describeEvents(mask)}: unregister it, or close it`;
    this.warn('EPOLLET_HANGUP_SPIN', fd, registration, text);
  }

  private isReadable(fd: number): boolean {
    if (this.probe < 0) this.probe = this.kernel.epollCreate1(EPOLL_CLOEXEC);
    if (this.probe < 0 || this.kernel.epollCtl(this.probe, EPOLL_CTL_ADD, fd, EPOLLIN, fd, 0) < 0) return false;
    const events = new Uint32Array(WORDS_PER_EVENT);
    const count = this.kernel.epollWait(this.probe, events, 1, 0);
    this.kernel.epollCtl(this.probe, EPOLL_CTL_DEL, fd, 0, 0, 0);
    // The end of file stays readable, and is read only once.
    return count > 0 && (events[0]! & (EPOLLHUP | EPOLLERR)) === 0 && !this.isAtEnd(fd);
  }

  /** Whether a stream socket has nothing to read but its end; false for other descriptors. */
  private isAtEnd(fd: number): boolean {
    const result = this.kernel.recv(fd, new Uint8Array(1), 0, 1, constants.MSG_PEEK | constants.MSG_DONTWAIT);
    return result === 0;
  }

  private fileOf(fd: number): string | null {
    if (this.kernel.fstat(fd, this.stat) < 0) return null;
    return [Stat.deviceHigh, Stat.deviceLow, Stat.inodeHigh, Stat.inodeLow].map((field) => this.stat[field]).join(' ');
  }

  private warn(code: StrictCode, fd: number, registration: Registration | undefined, text: string): void {
    if (registration?.warned.has(code)) return;
    registration?.warned.add(code);
    process.emitWarning(`Descriptor ${fd} ${text}.`, { type: 'EpolletWarning', code });
  }
}

function isIn(events: Uint32Array, count: number, fd: number): boolean {
  for (let at = 1; at < WORDS_PER_EVENT * count; at += WORDS_PER_EVENT) if (events[at] === fd) return true;
  return false;
}
