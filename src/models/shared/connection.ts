import { EAGAIN, kernel } from '../../sys/index.js';
import { NEED_MORE, parseRequest } from './request.js';
import type { Responder } from './responder.js';

export const State = {
  /** recv(2) returned EAGAIN: wait for input. */
  readBlocked: 0,
  /** Input was consumed, and there may be more: call again, or wait for input. */
  progress: 1,
  /** send(2) returned EAGAIN or was partial: wait for room in the send buffer. */
  writeBlocked: 2,
  /** Finished: close it. */
  closed: 3,
} as const;
export type State = (typeof State)[keyof typeof State];

/**
 * One receive buffer for all connections: it holds nothing between two calls of `advance`. Large enough for many
 * pipelined requests, and for a head of the maximum size after an incomplete one.
 */
const shared = Buffer.allocUnsafeSlow(65_536);

/**
 * A connection on a non-blocking socket. The thread moves on to other connections, so the state of this one must be
 * stored: a partial head, a partial response. A waiting connection needs no other memory in user space.
 */
export class Connection {
  /** A partial head, or requests that follow a response which is not sent yet. */
  private unread: Buffer | null = null;
  private unsent: Buffer | null = null;
  private closeAfterSend = false;

  constructor(
    readonly fd: number,
    private readonly responder: Responder,
  ) {}

  /** Whether it waits for room in the send buffer instead of for input. */
  get isWriteBlocked(): boolean {
    return this.unsent !== null;
  }

  /** One non-blocking step: normally one recv, and one send per complete request in what was received. */
  advance(): State {
    const carried = this.unread === null ? 0 : this.unread.copy(shared);
    if (this.unsent !== null) {
      const state = this.send(this.unsent);
      return state === State.progress ? this.respond(carried) : state;
    }
    const count = kernel.recv(this.fd, shared, carried, shared.length - carried, 0);
    if (count === EAGAIN) return State.readBlocked;
    return count <= 0 ? State.closed : this.respond(carried + count);
  }

  private respond(end: number): State {
    let start = 0;
    let state: State = State.progress;
    while (start < end && state === State.progress) {
      const request = parseRequest(shared, start, end);
      if (request === NEED_MORE) break;
      if (typeof request === 'number') {
        this.closeAfterSend = true;
        return this.send(this.responder.errorResponse(request).bytes);
      }
      start = request.end;
      this.closeAfterSend = !this.responder.keepsAlive(request);
      state = this.send(this.responder.bytesFor(request));
    }
    this.unread = start < end ? Buffer.from(shared.subarray(start, end)) : null;
    return state;
  }

  private send(bytes: Buffer): State {
    const count = kernel.send(this.fd, bytes, 0, bytes.length, 0);
    if (count === bytes.length) {
      this.unsent = null;
      return this.closeAfterSend ? State.closed : State.progress;
    }
    if (count < 0 && count !== EAGAIN) return State.closed; // the peer is gone
    this.unsent = count > 0 ? bytes.subarray(count) : bytes;
    return State.writeBlocked;
  }
}
