import { EAGAIN, type Kernel } from '../../sys/index.js';

const RECEIVE_BYTES = 64 * 1024;
/** Shared: what is received is only counted, except a response's head. */
const received = new Uint8Array(RECEIVE_BYTES);
const [CR, LF, TWO] = [13, 10, 50];
/** "HTTP/1.1 " is before the status. */
const STATUS_AT = 9;
const HEAD_PATTERN = /^HTTP\/1\.1 2\d\d .*?\r\ncontent-length: *(\d+)\r\n/is;

export type Progress = 'pending' | 'response' | 'closed' | 'failed';

/** One connection of the load, with at most one request in flight. */
export class LoadConnection {
  fd = -1;
  isBusy = false;
  hasResponse = false;
  /** When the request should have been sent, and when it was. */
  dueMs = 0;
  sentMs = 0;
  private isSent = false;
  /** Bytes of the response that are still to come; negative while its head is incomplete. */
  private leftBytes = -1;
  private head = '';
  /** The length of the last head and of its whole response: a response of the same shape is not parsed again. */
  private headBytes = 0;
  private wholeBytes = -1;

  constructor(
    private readonly kernel: Kernel,
    readonly slot: number,
    private readonly request: Uint8Array,
  ) {}

  attach(fd: number): void {
    this.fd = fd;
  }

  begin(dueMs: number, nowMs: number): void {
    this.isBusy = true;
    this.hasResponse = false;
    this.isSent = false;
    this.leftBytes = -1;
    this.head = '';
    this.dueMs = dueMs;
    this.sentMs = nowMs;
  }

  end(): void {
    this.isBusy = false;
  }

  close(): void {
    if (this.fd >= 0) this.kernel.close(this.fd);
    this.fd = -1;
  }

  /** False if it fails; a request is small enough for an empty socket buffer. */
  send(): boolean {
    this.isSent = true;
    return this.kernel.send(this.fd, this.request, 0, this.request.length, 0) === this.request.length;
  }

  /** Sends what is due on a new connection, and receives until nothing is left. */
  progress(): Progress {
    if (this.fd < 0) return 'pending'; // an event of the same batch has closed it
    if (this.isBusy && !this.isSent && !this.send()) return 'failed';
    for (;;) {
      const count = this.kernel.recv(this.fd, received, 0, RECEIVE_BYTES, 0);
      if (count === EAGAIN) return 'pending';
      if (count === 0) return 'closed';
      if (count < 0 || !this.isBusy || this.hasResponse) return 'failed';
      if (!this.take(count)) return 'failed';
      if (this.leftBytes === 0) {
        this.hasResponse = true;
        return 'response';
      }
      if (count < RECEIVE_BYTES) return 'pending';
    }
  }

  /** Counts the bytes of the response. False if it has another status than 2xx, or no Content-Length. */
  private take(count: number): boolean {
    if (this.leftBytes < 0 && this.head === '' && count === this.wholeBytes && this.hasKnownShape()) {
      this.leftBytes = 0;
      return true;
    }
    if (this.leftBytes >= 0) {
      this.leftBytes -= count;
      return this.leftBytes >= 0;
    }
    this.head += Buffer.from(received.buffer, 0, count).toString('latin1');
    const end = this.head.indexOf('\r\n\r\n');
    if (end < 0) return this.head.length < RECEIVE_BYTES;
    const length = HEAD_PATTERN.exec(this.head.slice(0, end + 2))?.[1];
    if (length === undefined) return false;
    this.headBytes = end + 4;
    this.wholeBytes = this.headBytes + Number(length);
    this.leftBytes = this.wholeBytes - this.head.length;
    return this.leftBytes >= 0;
  }

  private hasKnownShape(): boolean {
    const at = this.headBytes;
    return (
      received[STATUS_AT] === TWO &&
      received[at - 4] === CR &&
      received[at - 3] === LF &&
      received[at - 2] === CR &&
      received[at - 1] === LF
    );
  }
}
