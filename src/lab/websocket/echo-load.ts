import { Epoll } from '../../epoll/epoll.js';
import { writeHead } from '../../http/websocket/frame-writer.js';
import { EPOLLIN } from '../../sys/events.js';
import { constants, kernel } from '../../sys/index.js';
import { ExperimentError } from '../base/errors.js';

export interface EchoLoadOptions {
  readonly port: number;
  readonly connections: number;
  /** Of a message. */
  readonly bytes: number;
  /** Whether it occupies its core, so that no message has to wake it at the server's expense. */
  readonly spin: boolean;
}

const { AF_INET, F_SETFL, IPPROTO_TCP, O_NONBLOCK, SOCK_STREAM, TCP_NODELAY } = constants;
const MASKED = 0x80;
const TEXT = 1;
const BATCH = 64;
const STRIDE = 16_385;
/** A server that sends nothing for so long has failed. */
const TIMEOUT_MS = 5000;
const CHECK_EVERY = 64;

const UPGRADE = Buffer.from(
  'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
);

/**
 * WebSockets that each have one message on its way: the next one is sent when it has come back. What is ready at once is
 * received in one native call, and sent in another, so that the load costs less than a server.
 */
export class EchoLoad implements Disposable {
  private readonly epoll = new Epoll();
  private readonly fds: number[] = [];
  /** By descriptor: bytes of the message that have not come back. */
  private readonly missing: number[] = [];
  private readonly message: Buffer;
  private readonly expectedBytes: number;
  private readonly input = Buffer.alloc(BATCH * STRIDE);
  private readonly output: Buffer;
  private readonly ends = new Int32Array(BATCH);

  constructor(private readonly options: EchoLoadOptions) {
    this.message = maskedText(options.bytes);
    this.expectedBytes = this.message.length - 4; // without a mask
    this.output = Buffer.concat(Array.from({ length: BATCH }, () => this.message));
    for (let at = 0; at < BATCH; at++) this.ends[at] = (at + 1) * this.message.length;
  }

  /** Opens the connections, and sends the first message on each. */
  open(): void {
    for (let at = 0; at < this.options.connections; at++) {
      const fd = kernel.socket(AF_INET, SOCK_STREAM, 0);
      if (fd < 0 || kernel.connect(fd, '127.0.0.1', this.options.port) < 0) throw new ExperimentError('No connection.');
      this.fds.push(fd);
      kernel.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
      kernel.send(fd, UPGRADE, 0, UPGRADE.length, 0);
      const count = kernel.recv(fd, this.input, 0, STRIDE, 0);
      if (!this.input.toString('latin1', 0, Math.max(0, count)).startsWith('HTTP/1.1 101 '))
        throw new ExperimentError('It did not accept a WebSocket.');
      kernel.fcntl(fd, F_SETFL, O_NONBLOCK);
      this.epoll.register(fd, EPOLLIN);
      this.missing[fd] = this.expectedBytes;
      kernel.send(fd, this.message, 0, this.message.length, 0);
    }
  }

  /** Returns how many messages have come back in this time. */
  run(seconds: number): { messages: number; seconds: number } {
    const { epoll, ends, expectedBytes, input, missing, output } = this;
    const events = new Uint32Array(3 * BATCH);
    const fds = new Int32Array(BATCH);
    const ready = new Int32Array(BATCH);
    const startMs = performance.now();
    let endMs = startMs;
    let lastMs = startMs;
    let messages = 0;
    for (let turn = 0; endMs - startMs < seconds * 1000; turn++) {
      const count = epoll.pollInto(events, this.options.spin ? 0 : TIMEOUT_MS);
      if (turn % CHECK_EVERY === 0 || count === 0) endMs = performance.now();
      if (count === 0) {
        if (endMs - lastMs >= TIMEOUT_MS) throw new ExperimentError('It sent no message back under load.');
        continue;
      }
      lastMs = endMs;
      for (let at = 0; at < count; at++) ready[at] = fds[at] = events[3 * at + 1]!;
      kernel.recvEach(fds, count, input, STRIDE);
      let sending = 0;
      for (let at = 0; at < count; at++) {
        const fd = ready[at]!;
        if (fds[at] === 0) throw new ExperimentError('It closed a connection under load.');
        if (fds[at]! < 0) continue;
        missing[fd]! -= fds[at]!;
        if (missing[fd]! > 0) continue;
        messages++;
        missing[fd] = expectedBytes;
        ready[sending++] = fd;
      }
      fds.set(ready);
      kernel.sendEach(fds, ends, sending, output);
    }
    return { messages, seconds: (endMs - startMs) / 1000 };
  }

  [Symbol.dispose](): void {
    this.epoll.close();
    for (const fd of this.fds) kernel.close(fd);
  }
}

/** A text as a client sends it, RFC 6455 section 5.3. */
function maskedText(bytes: number): Buffer {
  const key = [0x12, 0x34, 0x56, 0x78];
  const head = Buffer.alloc(10);
  const headBytes = writeHead(head, 0, TEXT, bytes);
  head[1]! |= MASKED;
  const payload = Buffer.alloc(bytes, 'a').map((byte, at) => byte ^ key[at & 3]!);
  return Buffer.concat([head.subarray(0, headBytes), Buffer.from(key), payload]);
}
