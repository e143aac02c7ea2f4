import { readFileSync } from 'node:fs';
import { constants } from '../sys/binding.js';
import { EBADF, EINVAL, EPERM } from '../sys/errno.js';
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
import type { Kernel } from '../sys/kernel.js';
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

/** Bytes are visible a moment before the event that reports them is queued. */
const EVENT_DELAY_MS = 1;

/** What strict mode knows of a registration. */
interface Registration {
  mask: number;
  data: number;
  readonly warned: Set<StrictCode>;
  /** Reported as readable, and not modified or found to be empty since. */
  isReadable: boolean;
  /** The time of the wait that first found it readable although it had been reported; 0 if none did. */
  unreadSinceMs: number;
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

  constructor(private readonly kernel: Kernel) {}

  /** @param result of epoll_ctl(2) */
  onControl(epfd: number, operation: number, fd: number, mask: number, data: number, result: number): void {
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
      Object.assign(known, { mask, data, isReadable: false, unreadSinceMs: 0, spins: 0 });
    } else if (operation === EPOLL_CTL_ADD) {
      const registration: Registration = {
        mask,
        data,
        warned: new Set(),
        isReadable: false,
        unreadSinceMs: 0,
        spins: 0,
      };
      this.registrations.set(fd, registration);
      if (this.pending.get(fd)?.data === data) {
        const text =
          'was closed and registered again while an event of the earlier file waits in this batch: give each ' +
          'registration its own `data`, and compare it with that of the event';
        this.warn('EPOLLET_REUSED_DESCRIPTOR', fd, registration, text);
      }
      if (known !== undefined && countRegistrations(epfd, fd) > 1) {
        const text =
          'was closed and registered again, but its earlier file stays open in a duplicate (dup, fork, a child), and ' +
          'in the set. Unregister a descriptor before you close it';
        this.warn('EPOLLET_CLOSED_DESCRIPTOR', fd, registration, text);
      }
    }
  }

  /** Called when a wait of at least a millisecond begins; one without a wait may come from a program that reads on. */
  onWait(epfd: number): void {
    this.pending = new Map();
    const unread: [number, Registration][] = [];
    for (const [fd, registration] of this.registrations) {
      const { mask, warned } = registration;
      if (!registration.isReadable || (mask & EPOLLET) === 0 || mask & (EPOLLONESHOT | EPOLLEXCLUSIVE)) continue;
      if (warned.has('EPOLLET_PARTIAL_READ')) continue;
      registration.isReadable = this.hasUnread(fd);
      if (!registration.isReadable) registration.unreadSinceMs = 0;
      else unread.push([fd, registration]);
    }
    if (unread.length === 0) return;
    const nowMs = this.kernel.monotonicMs();
    for (const [, registration] of unread) registration.unreadSinceMs ||= nowMs;
    // What the set has to report may be of these descriptors: the batch decides. Without a report it is certain.
    if (this.isReady(epfd, EVENT_DELAY_MS)) return;
    for (const [fd, registration] of unread) this.warnOfUnread(fd, registration);
  }

  /** Called with each batch. @param isFull if the set may have more to report */
  onBatch(epfd: number, events: Uint32Array, count: number, isFull: boolean): void {
    for (let at = 0; at < WORDS_PER_EVENT * count; at += WORDS_PER_EVENT) {
      const mask = events[at]!;
      const fd = events[at + 1]!;
      const registration = this.registrations.get(fd);
      if (registration === undefined) continue;
      registration.unreadSinceMs = 0;
      if (mask & EPOLLIN) registration.isReadable = true;
      this.checkFile(epfd, fd, registration);
      this.checkSpin(fd, registration, mask);
    }
    if (isFull || count === 0) return;
    for (const [fd, registration] of this.registrations) {
      const { unreadSinceMs } = registration;
      if (unreadSinceMs === 0 || this.kernel.monotonicMs() - unreadSinceMs < EVENT_DELAY_MS) continue;
      if (this.hasUnread(fd)) this.warnOfUnread(fd, registration);
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

  /** Inodes do not identify files: all eventfds share one. That the set has this number and file, EEXIST does. */
  private checkFile(epfd: number, fd: number, registration: Registration): void {
    const result = this.kernel.epollCtl(epfd, EPOLL_CTL_ADD, fd, 0, fd, 0);
    if (result === 0) this.kernel.epollCtl(epfd, EPOLL_CTL_DEL, fd, 0, 0, 0);
    else if (result !== EBADF && result !== EPERM) return;
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

  private warnOfUnread(fd: number, registration: Registration): void {
    const text =
      'has unread bytes or connections that EPOLLET does not report again: read until EAGAIN before the next ' +
      'wait, or call modify()';
    this.warn('EPOLLET_PARTIAL_READ', fd, registration, text);
  }

  /** The end of file stays readable, and is read only once. */
  private hasUnread(fd: number): boolean {
    const ready = this.probeFor(fd, 0);
    return ready > 0 && (ready & (EPOLLHUP | EPOLLERR)) === 0 && !this.isAtEnd(fd);
  }

  /** Whether the set has an event to report, or gets one within the time. */
  private isReady(epfd: number, timeoutMs: number): boolean {
    return this.probeFor(epfd, timeoutMs) !== 0;
  }

  /** The events of a descriptor at this moment, or within the time; -errno if it cannot be polled. */
  private probeFor(fd: number, timeoutMs: number): number {
    if (this.probe < 0) this.probe = this.kernel.epollCreate1(EPOLL_CLOEXEC);
    const result = this.probe < 0 ? this.probe : this.kernel.epollCtl(this.probe, EPOLL_CTL_ADD, fd, EPOLLIN, fd, 0);
    if (result < 0) return result;
    const events = new Uint32Array(WORDS_PER_EVENT);
    const count = this.kernel.epollWait(this.probe, events, 1, timeoutMs);
    this.kernel.epollCtl(this.probe, EPOLL_CTL_DEL, fd, 0, 0, 0);
    return count > 0 ? events[0]! : count;
  }

  /** Whether a stream socket has nothing to read but its end; false for other descriptors. */
  private isAtEnd(fd: number): boolean {
    const result = this.kernel.recv(fd, new Uint8Array(1), 0, 1, constants.MSG_PEEK | constants.MSG_DONTWAIT);
    return result === 0;
  }

  private warn(code: StrictCode, fd: number, registration: Registration | undefined, text: string): void {
    if (registration?.warned.has(code)) return;
    registration?.warned.add(code);
    process.emitWarning(`Descriptor ${fd} ${text}.`, { type: 'EpolletWarning', code });
  }
}

/** How many files the set has under a number, proc_pid_fdinfo(5); 0 without /proc. */
function countRegistrations(epfd: number, fd: number): number {
  try {
    const lines = readFileSync(`/proc/self/fdinfo/${epfd}`, 'latin1').split('\n');
    return lines.filter((line) => /^tfd:\s*(\d+)/.exec(line)?.[1] === String(fd)).length;
  } catch {
    return 0;
  }
}
