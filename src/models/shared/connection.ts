import { EAGAIN, kernel } from '../../sys/index.js';
import type { Answers } from './answers.js';
import { NEED_MORE, parseRequest } from './request.js';

/** What a connection that was advanced waits for. */
export const State = {
  /** recv(2) had nothing (EAGAIN): for input. */
  dry: 0,
  /** Some input was answered, and there may be more: for nothing, or for input. */
  more: 1,
  /** send(2) took no more (EAGAIN): for room. */
  full: 2,
  /** For nothing any more: hang up. */
  over: 3,
} as const;
export type State = (typeof State)[keyof typeof State];

/**
 * One receives for all: between two calls of `advance` nothing stays in it. Large enough for many pipelined requests,
 * and for a head of the largest size behind what was left of the one before.
 */
const shared = Buffer.allocUnsafeSlow(65_536);

/**
 * A connection on a non-blocking socket. The thread goes on to others, so where this one stands must be written down:
 * half a head, half an answer. That is all that a waiting connection costs in user space.
 */
export class Connection {
  /** Received and not answered: a head that has not come whole, or requests behind an answer that is not sent. */
  private rest: Buffer | null = null;
  private unsent: Buffer | null = null;
  private ending = false;

  constructor(
    readonly fd: number,
    private readonly answers: Answers,
  ) {}

  /** Whether it waits for room to send, and not for input. */
  get isFull(): boolean {
    return this.unsent !== null;
  }

  /** One step, which never waits: the usual one is one recv, and one send for each whole request in what came. */
  advance(): State {
    const held = this.rest === null ? 0 : this.rest.copy(shared);
    if (this.unsent !== null) {
      const state = this.send(this.unsent);
      return state === State.more ? this.answer(held) : state;
    }
    const count = kernel.recv(this.fd, shared, held, shared.length - held, 0);
    if (count === EAGAIN) return State.dry;
    return count <= 0 ? State.over : this.answer(held + count);
  }

  private answer(end: number): State {
    let start = 0;
    let state: State = State.more;
    while (start < end && state === State.more) {
      const request = parseRequest(shared, start, end);
      if (request === NEED_MORE) break;
      if (typeof request === 'number') {
        this.ending = true;
        return this.send(this.answers.refusal(request).bytes);
      }
      start = request.end;
      this.ending = !this.answers.keeps(request);
      state = this.send(this.answers.bytesTo(request));
    }
    this.rest = start < end ? Buffer.from(shared.subarray(start, end)) : null;
    return state;
  }

  private send(bytes: Buffer): State {
    const count = kernel.send(this.fd, bytes, 0, bytes.length, 0);
    if (count === bytes.length) {
      this.unsent = null;
      return this.ending ? State.over : State.more;
    }
    if (count < 0 && count !== EAGAIN) return State.over; // the peer is gone
    this.unsent = count > 0 ? bytes.subarray(count) : bytes;
    return State.full;
  }
}
