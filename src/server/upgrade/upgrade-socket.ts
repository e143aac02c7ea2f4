import { Duplex } from 'node:stream';
import { constants } from '../../sys/binding.js';
import type { Kernel, SocketAddress } from '../../sys/kernel.js';
import type { UpgradedConnection, UpgradedUser } from './upgraded-connection.js';

const { IPPROTO_TCP, SO_KEEPALIVE, SOL_SOCKET, TCP_KEEPIDLE, TCP_NODELAY } = constants;

/** The connection under the socket, before and after it is taken over. */
export interface UpgradeTransport {
  readonly kernel: Kernel;
  /** -1 once it is closed. */
  readonly fd: number;
  readonly peer: SocketAddress | null;
  /** Takes the connection from HTTP; null if it is closed. */
  take(user: UpgradedUser): UpgradedConnection | null;
  /** The handler's time from now on, as for any request. */
  limitTime(ms: number): void;
  /** The first bytes are written. */
  onFirstWrite(bytes: Uint8Array): void;
  onClose(): void;
}

type Callback = (error?: Error | null) => void;

/**
 * The connection of an upgrade as a Node stream, with the members of a net.Socket that its users expect. The connection
 * is HTTP's until the first read or write. Bytes that are written must not be changed until their callback, as in Node.
 */
export class UpgradeSocket extends Duplex implements UpgradedUser {
  /** The bytes received and sent through this stream. */
  bytesRead = 0;
  bytesWritten = 0;
  wantsInput = false;
  readonly #transport: UpgradeTransport;
  #connection: UpgradedConnection | null = null;
  #isTaken = false;
  #onSent: Callback | null = null;
  #timer: NodeJS.Timeout | null = null;
  #timeoutMs = 0;

  constructor(transport: UpgradeTransport) {
    super({ allowHalfOpen: true });
    this.#transport = transport;
    // A client that resets the connection must not end the process of a handler that does not listen.
    this.on('error', () => {});
  }

  /** Whether it was read, written or destroyed: HTTP has nothing more to do with the connection. */
  get isTaken(): boolean {
    return this.#isTaken;
  }

  get remoteAddress(): string | undefined {
    const { peer } = this.#transport;
    return peer === null || peer.family === 'unix' ? undefined : peer.address;
  }

  get remotePort(): number | undefined {
    const { peer } = this.#transport;
    return peer === null || peer.family === 'unix' ? undefined : peer.port;
  }

  get remoteFamily(): 'IPv4' | 'IPv6' | undefined {
    const { peer } = this.#transport;
    return peer === null || peer.family === 'unix' ? undefined : peer.family;
  }

  /** How long nothing is received or sent, in ms, until 'timeout' is emitted; 0, the default, is without limit. */
  setTimeout(ms: number, onTimeout?: () => void): this {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#timeoutMs = ms;
    if (onTimeout !== undefined) ms === 0 ? this.off('timeout', onTimeout) : this.once('timeout', onTimeout);
    if (ms > 0 && !this.destroyed) this.#timer = setTimeout(() => this.#onTimeout(), ms).unref();
    return this;
  }

  get timeout(): number {
    return this.#timeoutMs;
  }

  /** TCP_NODELAY, tcp(7), which is on at first. */
  setNoDelay(noDelay = true): this {
    return this.#setOption(IPPROTO_TCP, TCP_NODELAY, noDelay ? 1 : 0);
  }

  /** SO_KEEPALIVE, socket(7), which is on at first. @param initialDelayMs of idleness until the first probe */
  setKeepAlive(enable = false, initialDelayMs = 0): this {
    if (enable && initialDelayMs >= 1000) this.#setOption(IPPROTO_TCP, TCP_KEEPIDLE, Math.floor(initialDelayMs / 1000));
    return this.#setOption(SOL_SOCKET, SO_KEEPALIVE, enable ? 1 : 0);
  }

  onData(bytes: Buffer, start: number, end: number): void {
    this.bytesRead += end - start;
    this.#timer?.refresh();
    if (!this.push(Buffer.from(bytes.subarray(start, end)))) this.wantsInput = false;
  }

  onEnd(): void {
    this.push(null);
  }

  onDrain(): void {
    this.#timer?.refresh();
    this.#complete(null);
  }

  onClose(error: NodeJS.ErrnoException | null): void {
    this.#complete(error ?? new Error('The connection is closed'));
    this.destroy(error ?? undefined);
  }

  override _read(): void {
    this.wantsInput = true;
    this.#take()?.update();
  }

  override _write(chunk: Buffer, _: BufferEncoding, callback: Callback): void {
    this.#send([chunk], callback);
  }

  override _writev(chunks: { chunk: Buffer }[], callback: Callback): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: Callback): void {
    this.#take()?.endOutput();
    callback();
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.setTimeout(0);
    const connection = this.#take();
    connection?.close();
    this.#transport.onClose();
    callback(error);
  }

  #take(): UpgradedConnection | null {
    if (this.#isTaken) return this.#connection;
    this.#isTaken = true;
    this.#connection = this.#transport.take(this);
    if (this.#connection === null) this.destroy();
    return this.#connection;
  }

  #send(chunks: Buffer[], callback: Callback): void {
    const connection = this.#take();
    if (connection === null || connection.isClosed) return callback(new Error('The connection is closed'));
    if (this.bytesWritten === 0) this.#transport.onFirstWrite(chunks[0]!);
    for (const chunk of chunks) {
      this.bytesWritten += chunk.length;
      connection.send(chunk);
    }
    if (connection.unsentBytes === 0) return callback();
    this.#onSent = callback;
    connection.flush();
  }

  #complete(error: Error | null): void {
    const callback = this.#onSent;
    this.#onSent = null;
    callback?.(error);
  }

  #onTimeout(): void {
    if (!this.destroyed) this.emit('timeout');
  }

  #setOption(level: number, option: number, value: number): this {
    const { kernel, fd } = this.#transport;
    if (fd >= 0) kernel.setsockopt(fd, level, option, value); // of a Unix socket it fails, and has no effect
    return this;
  }
}
