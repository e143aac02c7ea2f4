import { uring } from '../../sys/binding.js';
import { check, EBUSY, kernel, systemError } from '../../sys/index.js';

/** Submissions per io_uring_enter(2) at most; a full queue is submitted early. */
const ENTRIES = 1024;
/** Completions that fit; the kernel keeps further ones until there is space, IORING_FEAT_NODROP. */
const COMPLETIONS = 4096;

// linux/io_uring.h, as are the numbers of words below. Little-endian, as x86-64 and arm64 are.
const SETUP_CQSIZE = 1 << 3;
const SETUP_SUBMIT_ALL = 1 << 7;
const SETUP_SINGLE_ISSUER = 1 << 12;
/** Linux 6.1. The work of a completion is done in io_uring_enter(2), and not as an interrupt of something else. */
const SETUP_DEFER_TASKRUN = 1 << 13;
const OFFSET_RINGS = 0;
const OFFSET_SUBMISSIONS = 0x10000000;
const OP_POLL_ADD = 6;
const OP_ACCEPT = 13;
const OP_ASYNC_CANCEL = 14;
const OP_SEND = 26;
const OP_RECV = 27;
const ACCEPT_MULTISHOT = 1 << 16;
const RECV_MULTISHOT = 2 << 16;
const BUFFER_SELECT = 1 << 13;

/** `struct io_uring_params`: two numbers, flags, then the offsets of the members of both rings. */
const PARAMS_WORDS = 30;
const P = { sqEntries: 0, cqEntries: 1, flags: 2, sqHead: 10, sqTail: 11, sqMask: 12, sqArray: 16 } as const;
const C = { head: 20, tail: 21, mask: 22, entries: 25 } as const;
const SUBMISSION_BYTES = 64;
const COMPLETION_BYTES = 16;
const WORD_BYTES = 4;

/** In the flags of a completion: more of the same request will follow; the high half is the number of a buffer. */
export const MORE = 1 << 1;
export const BUFFER = 1 << 0;
export const bufferOf = (flags: number): number => flags >>> 16;

/** @param kind the number given with the request @param result what the system call would return */
export type OnCompletion = (fd: number, kind: number, result: number, flags: number) => void;

/**
 * An io_uring(7): two queues in memory that is shared with the kernel. What would be the arguments of a system call is
 * written into one of them, and what it would return is read from the other one. For one thread, the one that opens it.
 */
export class Ring {
  private readonly words: Uint32Array<ArrayBuffer>;
  private readonly completions: Int32Array;
  private readonly submissions: Uint32Array<ArrayBuffer>;
  private readonly mapped: ArrayBuffer[] = [];
  private readonly sqMask: number;
  private readonly cqMask: number;
  /** The indexes of the queues' positions in `words`. This process writes the tail of one, and the head of the other. */
  private readonly sqHead: number;
  private readonly sqTail: number;
  private readonly cqHead: number;
  private readonly cqTail: number;
  private tail = 0;
  private unsubmitted = 0;

  /** @throws a system error */
  static open(): Ring {
    const params = new Uint32Array(PARAMS_WORDS);
    params[P.flags] = SETUP_CQSIZE | SETUP_SUBMIT_ALL | SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN;
    params[P.cqEntries] = COMPLETIONS;
    return new Ring(check('io_uring_setup', uring.ioUringSetup(ENTRIES, params)), params);
  }

  private constructor(
    private readonly fd: number,
    params: Uint32Array,
  ) {
    const at = (index: number): number => params[index]!;
    try {
      // IORING_FEAT_SINGLE_MMAP, Linux 5.4: one mapping has both rings.
      const ringBytes = Math.max(
        at(P.sqArray) + at(P.sqEntries) * WORD_BYTES,
        at(C.entries) + at(P.cqEntries) * COMPLETION_BYTES,
      );
      const rings = this.map(ringBytes, fd, OFFSET_RINGS);
      this.words = new Uint32Array(rings, 0, Math.floor(ringBytes / WORD_BYTES));
      this.completions = new Int32Array(rings, at(C.entries), (at(P.cqEntries) * COMPLETION_BYTES) / WORD_BYTES);
      this.submissions = new Uint32Array(this.map(at(P.sqEntries) * SUBMISSION_BYTES, fd, OFFSET_SUBMISSIONS));
    } catch (error) {
      this.close();
      throw error;
    }
    const word = (index: number): number => at(index) / WORD_BYTES;
    this.sqHead = word(P.sqHead);
    this.sqTail = word(P.sqTail);
    this.cqHead = word(C.head);
    this.cqTail = word(C.tail);
    this.sqMask = this.words[word(P.sqMask)]!;
    this.cqMask = this.words[word(C.mask)]!;
    // The queue has indexes of submissions, which may be in another order. Here they are in the same.
    for (let i = 0; i < at(P.sqEntries); i++) this.words[word(P.sqArray) + i] = i;
  }

  /** Closes every descriptor and unmaps all memory of the ring. What is still going on is cancelled. */
  close(): void {
    for (const mapping of this.mapped.splice(0)) uring.ioUringUnmap(mapping);
    kernel.close(this.fd);
  }

  /** Memory that ends with the ring. @param fd -1 for memory that is not the ring's own */
  private map(length: number, fd: number, offset: number): ArrayBuffer {
    const mapping = uring.ioUringMap(fd, offset, length);
    if (typeof mapping === 'number') throw systemError('mmap', mapping);
    this.mapped.push(mapping);
    return mapping;
  }

  /** Buffers of which the kernel takes one when it has something to receive. @param count a power of two */
  provide(group: number, count: number, bytesEach: number): ProvidedBuffers {
    const list = this.map(count * COMPLETION_BYTES, -1, 0);
    const address = uring.addressOf(new Uint8Array(list), 0, list.byteLength);
    check('io_uring_register', uring.ioUringRegisterBuffers(this.fd, address, count, group));
    return new ProvidedBuffers(list, this.map(count * bytesEach, -1, 0), count, bytesEach);
  }

  /** accept4(2) of every connection from now on, without a further request. */
  accept(fd: number, kind: number, flags: number): void {
    this.submit(OP_ACCEPT | ACCEPT_MULTISHOT, fd, kind, 0, 0, flags);
  }

  /** Of a connection that accept reported: it is closed with the thread, as those are that accept4(2) returned. */
  own(fd: number): void {
    uring.own(fd);
  }

  /** recv(2) of everything from now on, into provided buffers. */
  receive(fd: number, kind: number, group: number): void {
    const at = this.submit(OP_RECV | BUFFER_SELECT | RECV_MULTISHOT, fd, kind, 0, 0, 0);
    this.submissions[at + 10] = group;
  }

  /** send(2). @param bytes to be referenced, and not changed, until it has completed */
  send(fd: number, kind: number, bytes: Uint8Array, flags: number): void {
    this.submit(OP_SEND, fd, kind, uring.addressOf(bytes, 0, bytes.length), bytes.length, flags);
  }

  /** poll(2), once. */
  poll(fd: number, kind: number, events: number): void {
    this.submit(OP_POLL_ADD, fd, kind, 0, 0, events);
  }

  /** Cancels what was requested for `fd` with `kind`, which then completes with ECANCELED. Completes by itself too. */
  cancel(fd: number, kind: number, ownKind: number): void {
    const at = this.submit(OP_ASYNC_CANCEL, fd, ownKind, 0, 0, 0);
    this.submissions[at + 4] = fd;
    this.submissions[at + 5] = kind;
  }

  /** One system call: submits what has been requested, and waits for a completion. Then calls back for each. */
  turn(onCompletion: OnCompletion): void {
    const { words, completions, cqMask, cqHead, cqTail } = this;
    let head = words[cqHead]!;
    if (this.unsubmitted > 0 || Atomics.load(words, cqTail) === head) this.enter(-1);
    const tail = Atomics.load(words, cqTail);
    for (; head !== tail; head = (head + 1) >>> 0) {
      const at = (head & cqMask) * (COMPLETION_BYTES / WORD_BYTES);
      onCompletion(completions[at]!, completions[at + 1]!, completions[at + 2]!, completions[at + 3]!);
    }
    Atomics.store(words, cqHead, head);
  }

  /** `struct io_uring_sqe`. @returns the index of its first word */
  private submit(operation: number, fd: number, kind: number, address: number, length: number, flags: number): number {
    const { words, submissions, sqMask } = this;
    while ((this.tail - Atomics.load(words, this.sqHead)) >>> 0 > sqMask) this.enter(0);
    const at = (this.tail & sqMask) * (SUBMISSION_BYTES / WORD_BYTES);
    submissions.fill(0, at, at + SUBMISSION_BYTES / WORD_BYTES);
    submissions[at] = operation;
    submissions[at + 1] = fd;
    submissions[at + 4] = address;
    submissions[at + 5] = address / 2 ** 32;
    submissions[at + 6] = length;
    submissions[at + 7] = flags;
    submissions[at + 8] = fd;
    submissions[at + 9] = kind;
    this.tail = (this.tail + 1) >>> 0;
    this.unsubmitted++;
    Atomics.store(words, this.sqTail, this.tail);
    return at;
  }

  private enter(timeoutMs: number): void {
    const result = uring.ioUringEnter(this.fd, this.unsubmitted, timeoutMs);
    if (result >= 0) this.unsubmitted -= result;
    else if (result !== EBUSY) throw systemError('io_uring_enter', result);
  }
}

/** `struct io_uring_buf_ring`: a queue of free buffers, from which the kernel takes. */
export class ProvidedBuffers {
  /** Of all buffers: that with the number n begins at `n * bytesEach`. */
  readonly bytes: Buffer;
  private readonly words: Uint32Array<ArrayBuffer>;
  private readonly halves: Uint16Array<ArrayBuffer>;
  private readonly address: number;
  private tail = 0;

  constructor(
    list: ArrayBuffer,
    memory: ArrayBuffer,
    private readonly count: number,
    readonly bytesEach: number,
  ) {
    this.words = new Uint32Array(list);
    this.halves = new Uint16Array(list);
    this.bytes = Buffer.from(memory);
    this.address = uring.addressOf(this.bytes, 0, memory.byteLength);
    for (let id = 0; id < count; id++) this.release(id);
  }

  /** Gives a buffer back to the kernel. */
  release(id: number): void {
    const at = this.tail & (this.count - 1);
    const address = this.address + id * this.bytesEach;
    this.words[4 * at] = address;
    this.words[4 * at + 1] = address / 2 ** 32;
    this.words[4 * at + 2] = this.bytesEach;
    this.halves[8 * at + 6] = id;
    this.tail = (this.tail + 1) & 0xffff;
    // In the last half of the first entry.
    Atomics.store(this.halves, 7, this.tail);
  }
}
