import { GROWTH, widened } from './column.js';
import { type Interest, TRIGGERS, type Trigger } from './interest.js';

/** Handles the readiness of a descriptor. */
export interface Handler {
  /**
   * The descriptor is ready: READABLE, WRITABLE, PRIORITY, ENDED or several. A hint: the system call that follows may still fail
   * with EAGAIN. Read once, or until EAGAIN; if readiness may be left, call `reactor.revisit`.
   */
  onReady(readiness: number): void;
  /** The deadline that was set for this token has passed; it is cleared. */
  onDeadline?(): void;
}

/** Identifies a registration: a slot in the low 32 bits, its generation above them. */
export type Token = number;

/** Marks of a slot. DIRTY and REVISIT: it is in the list of slots to be armed, or revisited. */
export const MARK_DIRTY = 1;
export const MARK_REVISIT = 2;
export const MARK_EXCLUSIVE = 4;
/** Oneshot has fired: the kernel has the descriptor with no mask until EPOLL_CTL_MOD, epoll_ctl(2). */
export const MARK_SPENT = 8;
/** The trigger: 0 is level. */
export const MARK_EDGE = 16;
export const MARK_ONESHOT = 32;
const TRIGGER_SHIFT = 4;

const GENERATION_UNIT = 2 ** 32;
/** 21 bits of generation and 32 of slot are the 53 bits that a number holds exactly. */
export const GENERATIONS = 2 ** 21;

/**
 * Generations of different reactors begin far from each other, so that a token of one is unknown to the other: multiples
 * of the golden ratio of all 2^21 generations, which spread evenly however many there are.
 */
const FIRST_GENERATION_STEP = 1_296_111;
let reactors = 0;
export const nextFirstGeneration = (): number => (reactors++ * FIRST_GENERATION_STEP) % GENERATIONS;

export const slotOf = (token: Token): number => token >>> 0;

/**
 * The reactor's state of each registered descriptor, in columns by slot: a connection costs a few words, and a turn
 * touches no object but the handler.
 */
export class Registry {
  /** Those of the slots used so far; null while the slot is free. */
  handlers: (Handler | null)[] = [];
  fds: Int32Array;
  generations: Uint32Array;
  /** One more than the slot of each registered descriptor, by its number; 0 if it has none. */
  private slotsByFd = new Int32Array(64);
  wanted: Uint8Array;
  /** The kernel's mask; 0 if the descriptor is not in the epoll set. */
  armed: Uint32Array;
  /** Readiness that came without an interest in it, or that the handler did not use up. */
  missed: Uint8Array;
  /** Bits of MARK_*. */
  marks: Uint8Array;
  size = 0;
  private readonly free: number[] = [];

  /** @param firstGeneration of every slot; different for two registries, the tokens of one are unknown to the other */
  constructor(
    capacity = 64,
    private readonly firstGeneration = 0,
  ) {
    this.fds = new Int32Array(capacity);
    this.generations = new Uint32Array(capacity);
    this.wanted = new Uint8Array(capacity);
    this.armed = new Uint32Array(capacity);
    this.missed = new Uint8Array(capacity);
    this.marks = new Uint8Array(capacity);
  }

  add(fd: number, handler: Handler, interest: Interest, trigger: Trigger): number {
    const slot = this.free.pop() ?? this.handlers.length;
    if (slot === this.fds.length) this.grow();
    if (slot === this.handlers.length) this.generations[slot] = this.firstGeneration;
    this.handlers[slot] = handler;
    this.fds[slot] = fd;
    this.wanted[slot] = interest;
    this.armed[slot] = 0;
    this.missed[slot] = 0;
    // Of an earlier user of the slot only the place in the list to be armed is left.
    this.marks[slot] = (this.marks[slot]! & MARK_DIRTY) | (TRIGGERS.indexOf(trigger) << TRIGGER_SHIFT);
    this.size++;
    return slot;
  }

  triggerOf(slot: number): Trigger {
    return TRIGGERS[this.marks[slot]! >> TRIGGER_SHIFT]!;
  }

  /** The slot that has this descriptor, else -1. */
  slotOfFd(fd: number): number {
    return (this.slotsByFd[fd] ?? 0) - 1;
  }

  /** Makes `slotOfFd` find the slot. Its descriptor must be open: the column is as long as the greatest number. */
  index(slot: number): void {
    const fd = this.fds[slot]!;
    if (fd >= this.slotsByFd.length)
      this.slotsByFd = widened(this.slotsByFd, Math.max(fd + 1, this.slotsByFd.length * GROWTH));
    this.slotsByFd[fd] = slot + 1;
  }

  /** Frees the slot. Its generation is incremented, so that events still on their way to the old one are stale. */
  remove(slot: number): void {
    const fd = this.fds[slot]!;
    if (this.slotOfFd(fd) === slot) this.slotsByFd[fd] = 0;
    this.handlers[slot] = null;
    this.fds[slot] = -1;
    this.wanted[slot] = 0;
    this.armed[slot] = 0;
    this.missed[slot] = 0;
    this.generations[slot] = (this.generations[slot]! + 1) % GENERATIONS;
    this.free.push(slot);
    this.size--;
  }

  tokenOf(slot: number): Token {
    return this.generations[slot]! * GENERATION_UNIT + slot;
  }

  /** The slot of a valid token, else -1; also for anything that is not a number. */
  find(token: Token): number {
    if (typeof token !== 'number') return -1; // `>>>` would convert it
    const slot = slotOf(token);
    return slot < this.handlers.length && this.handlers[slot] !== null && this.tokenOf(slot) === token ? slot : -1;
  }

  private grow(): void {
    const capacity = this.fds.length * GROWTH;
    this.fds = widened(this.fds, capacity);
    this.generations = widened(this.generations, capacity);
    this.wanted = widened(this.wanted, capacity);
    this.armed = widened(this.armed, capacity);
    this.missed = widened(this.missed, capacity);
    this.marks = widened(this.marks, capacity);
  }
}
