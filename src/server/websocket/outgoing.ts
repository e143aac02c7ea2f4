import { CONTROL_BYTES_MAX, Opcode } from '../../http/websocket/frame.js';
import {
  frameOf,
  SERVER_HEAD_BYTES_MAX,
  serverHeadBytes,
  textFrame,
  textFrameBytesMax,
  writeBinary,
  writeClose,
  writeControl,
  writeHead,
  writeText,
} from '../../http/websocket/frame-writer.js';
import type { MessageDeflater } from '../../http/websocket/permessage-deflate.js';
import type { Connection } from '../../net/connection.js';
import { argumentRangeError } from '../../sys/error-code.js';
import { bytesOf, payloadBytesOf } from './message-bytes.js';
import type { BinaryMessage } from './server-web-socket.js';
import type { Member, WebSockets } from './web-sockets.js';

/** Frames up to here are made in one buffer and copied from there, which is cheaper than memory for each. */
const COPIED_BYTES = 4096;
const scratch = Buffer.allocUnsafeSlow(COPIED_BYTES);
/** With more than this queued in one turn a send does not wait for its end: the result shows whether the client reads. */
const FLUSH_BYTES = 65_536;

/** Bits of `bits`. A close frame is queued: nothing more is sent, and what is received is dropped. */
export const CLOSE_SENT = 1;
/** The `close` handler has been called. */
export const ENDED = 2;
/** Bytes of this connection are being received: what is sent now goes out at the end of the turn. */
export const RECEIVING = 4;
/** `flush` follows. */
const FLUSH_DUE = 8;
/** The socket was full: `drain` follows. */
export const BLOCKED = 16;
/** Nothing has come since the ping before the idle timeout. */
export const PINGED = 32;
export const BINARY_TYPE_SHIFT = 6;

/**
 * What a WebSocket sends: the base of its connection, so that the two are one object. What is sent while the connection
 * is received from goes out with the batch of the turn; else in one send once all handlers have run that run now.
 */
export abstract class Outgoing implements Member {
  topics: Set<string> | null = null;
  readonly deflater: MessageDeflater | null;
  protected bits = 0;
  /** When something was last received, or with `sendPings` off sent: whole ms modulo 2^32, as ConnectionState has times. */
  protected activeTime = 0;

  constructor(
    protected readonly sockets: WebSockets,
    protected readonly connection: Connection,
    deflater: MessageDeflater | null,
  ) {
    this.deflater = deflater;
  }

  get bufferedBytes(): number {
    return this.connection.isClosed ? 0 : this.connection.queuedBytes;
  }

  sendText(text: string, compress: boolean): number {
    if (!this.maySend()) return 0;
    if (compress && this.deflater !== null) return this.sendDeflated(Opcode.text, Buffer.from(text));
    this.sockets.stats.messagesOut++;
    if (textFrameBytesMax(text) > COPIED_BYTES) {
      const frame = textFrame(text);
      return this.queue(frame, payloadBytesOf(frame.length));
    }
    const end = writeText(scratch, 0, text);
    return this.queueCopy(end, payloadBytesOf(end));
  }

  sendBinary(message: BinaryMessage, compress: boolean): number {
    const bytes = bytesOf(message);
    if (!this.maySend()) return 0;
    if (compress && this.deflater !== null) return this.sendDeflated(Opcode.binary, bytes);
    this.sockets.stats.messagesOut++;
    const { length } = bytes;
    if (length + SERVER_HEAD_BYTES_MAX <= COPIED_BYTES) return this.queueCopy(writeBinary(scratch, 0, bytes), length);
    if (this.isBlocked) return this.queue(frameOf(Opcode.binary, bytes), length);
    // Sent at once, from where it is; what the socket does not take is copied.
    this.schedule();
    const { connection } = this;
    const head = Buffer.allocUnsafe(serverHeadBytes(length));
    connection.sendAhead(head, 0, writeHead(head, 0, Opcode.binary, length));
    connection.sendBytes(bytes, 0, length, length);
    return this.sendNow(length);
  }

  sendPing(data: string | BinaryMessage): number {
    return this.maySend() ? this.sendControl(Opcode.ping, data) : 0;
  }

  sendPong(data: string | BinaryMessage): number {
    return this.maySend() ? this.sendControl(Opcode.pong, data) : 0;
  }

  sendFrame(frame: Buffer): void {
    if (!this.maySend()) return;
    this.sockets.stats.messagesOut++;
    this.queue(frame, 0);
  }

  flush(): void {
    this.bits &= ~FLUSH_DUE;
    const { connection } = this;
    if (connection.isClosed) return;
    connection.resume();
    if (connection.isQueueing) this.bits |= BLOCKED;
  }

  protected get nowMs(): number {
    return this.connection.context.reactor.nowMs;
  }

  protected noteActivity(): void {
    this.activeTime = Math.ceil(this.nowMs) | 0;
  }

  /** Before bytes are received: what an earlier turn has queued was tried. */
  protected noteBlocked(): void {
    if (!(this.bits & FLUSH_DUE) && this.connection.isQueueing) this.bits |= BLOCKED;
  }

  /** @throws TypeError or RangeError, ERR_EPOLLET_ARGUMENT, for anything but up to CONTROL_BYTES_MAX bytes */
  protected sendControl(opcode: typeof Opcode.ping | typeof Opcode.pong, data: string | BinaryMessage): number {
    const bytes = typeof data === 'string' ? Buffer.from(data) : bytesOf(data);
    const { length } = bytes;
    if (length > CONTROL_BYTES_MAX)
      throw argumentRangeError(`the data of a ping or pong must be at most ${CONTROL_BYTES_MAX} bytes, not ${length}`);
    return this.queueCopy(writeControl(scratch, 0, opcode, bytes), length);
  }

  protected sendClose(code: number, reason: string): void {
    if (this.bits & (CLOSE_SENT | ENDED)) return;
    this.bits |= CLOSE_SENT;
    this.queueCopy(writeClose(scratch, 0, code, reason), 0);
  }

  /**
   * `flush` is called once all handlers have run that run now, unless the turn flushes anyway. To be called before anything
   * is queued that starts a deadline.
   */
  protected schedule(): void {
    if (this.bits & (RECEIVING | FLUSH_DUE)) return;
    this.bits |= FLUSH_DUE;
    if (this.sockets.scheduleFlush(this)) this.connection.context.reactor.readClock(); // the last turn may be long ago
  }

  /** Whether a message may be queued: the socket is open, and its client not too far behind. */
  private maySend(): boolean {
    if (this.bits & (CLOSE_SENT | ENDED)) return false;
    const { sockets, connection } = this;
    const { backpressureLimit, closeOnBackpressureLimit, sendPings } = sockets.handler;
    if (!sendPings) this.noteActivity();
    if (backpressureLimit === 0 || connection.queuedBytes <= backpressureLimit) return true;
    sockets.stats.messagesDropped++;
    if (closeOnBackpressureLimit) connection.close('more is waiting than the backpressureLimit');
    return false;
  }

  /** Whether the socket was full at the last try, so that what is sent now waits for the client. */
  private get isBlocked(): boolean {
    if (!(this.bits & RECEIVING)) this.noteBlocked();
    return (this.bits & BLOCKED) !== 0;
  }

  private sendDeflated(opcode: number, bytes: Uint8Array): number {
    this.sockets.stats.messagesOut++;
    return this.queue(frameOf(opcode, this.deflater!.deflate(bytes), true), bytes.length);
  }

  /** Queues the frame in `scratch`. @param result of `send`, if the client reads */
  private queueCopy(end: number, result: number): number {
    if (this.connection.append(scratch, 0, end)) return result;
    return this.queue(Buffer.from(scratch.subarray(0, end)), result);
  }

  /** @param frame bytes that never change */
  private queue(frame: Buffer, result: number): number {
    const { connection, isBlocked } = this;
    if (!isBlocked) this.schedule();
    connection.sendBytes(frame, 0, frame.length);
    if (isBlocked) return -1;
    return connection.isQueueing && connection.queuedBytes > FLUSH_BYTES ? this.sendNow(result) : result;
  }

  private sendNow(result: number): number {
    const { connection } = this;
    connection.resume();
    if (!connection.isQueueing) return connection.isClosed ? 0 : result;
    this.bits |= BLOCKED;
    return -1;
  }
}
