import { constants } from '../sys/binding.js';
import type { ConnectionContext } from './context.js';

const { SHUT_WR } = constants;

/** While the server stops: time for one more retransmission, the minimum of which is 200 ms, over a slow path. */
const STOPPING_TIMEOUT_MS = 1000;

/**
 * The last state of a connection whose response comes before the end of what the client sends: writing is shut down, and
 * input is discarded, until the client has closed. A reset would destroy what the client has received and not yet read,
 * RFC 9112 section 9.6; and clients read the response to an upload only when the upload is sent. So it lasts as long as
 * bytes come, within the limits: of the time since the last byte, of the time in all, and of bytes.
 */
export class Lingering {
  private readonly startMs: number;
  private lastMs: number;
  private bytes = 0;

  constructor(
    private readonly context: ConnectionContext,
    private readonly fd: number,
  ) {
    this.startMs = this.lastMs = context.reactor.nowMs;
    context.kernel.shutdown(fd, SHUT_WR); // if it fails the connection has ended, which recv reports
  }

  /** On the reactor's clock. */
  get deadlineMs(): number {
    const { limits, isStopping } = this.context;
    const timeoutMs = isStopping ? Math.min(limits.lingerTimeoutMs, STOPPING_TIMEOUT_MS) : limits.lingerTimeoutMs;
    return Math.min(this.lastMs + timeoutMs, this.startMs + limits.maxLingerMs);
  }

  /** Receives once, and discards it. Returns the result of recv(2): 0 at the end, also if it is too much. */
  discard(): number {
    const { kernel, input, limits, reactor, counters } = this.context;
    const result = kernel.recv(this.fd, input, 0, input.length, 0);
    if (result <= 0) return result;
    this.bytes += result;
    counters.bytesIn += result;
    this.lastMs = reactor.nowMs;
    return this.bytes > limits.lingerBytes ? 0 : result;
  }
}
