import type { DeflateAgreement } from '../../http/websocket/deflate-offer.js';
import type { ReceiveRules } from '../../http/websocket/deliver.js';
import { CloseCode, isCloseCode, Opcode } from '../../http/websocket/frame.js';
import type { PartialMessage } from '../../http/websocket/partial-message.js';
import { receive } from '../../http/websocket/receive.js';
import type { Connection } from '../../net/connection.js';
import { peerOf } from '../../net/peer.js';
import type { Protocol } from '../../net/protocol.js';
import { argumentRangeError, shown } from '../../sys/error-code.js';
import type { SocketAddress } from '../../sys/kernel.js';
import { Incoming, type Receiver } from './incoming.js';
import { BINARY_TYPE_SHIFT, BLOCKED, CLOSE_SENT, ENDED, Outgoing, PINGED, RECEIVING } from './outgoing.js';
import { type BinaryMessage, type BinaryType, ServerWebSocket, type SocketLink } from './server-web-socket.js';
import { isPromise, type WebSockets } from './web-sockets.js';

/** The HTTP that the connection was before, which accounts for it: its client, its line of the log. */
export interface Accountant {
  onSent(bytes: number): void;
  onClose(): void;
}

/** Of another `binaryType` it is an ArrayBuffer or Uint8Array, which the handler's type does not have. */
type Message = string | Buffer;

/** The close handshake, once the server has begun it. */
interface Closing {
  /** When it is given up, on the reactor's clock. */
  dueMs: number;
}

/** Before the idle timeout by this, or by a quarter of it, the ping is sent. */
const PING_MARGIN_MAX_MS = 16_000;

const BINARY_TYPES: readonly BinaryType[] = ['nodebuffer', 'arraybuffer', 'uint8array'];

/** Of all connections: one is received from at a time. */
const incoming = new Incoming();

/**
 * The protocol of a connection after an upgrade to WebSocket, RFC 6455. Frames are parsed where they were received.
 *
 * 1. open: messages go to the handlers.
 * 2. closing: a close frame is sent, and the client's is waited for.
 * 3. ended: the `close` handler has been called; the connection reads on until the client closes it (Lingering).
 *
 * An idle connection has this object, its ServerWebSocket and those of HTTP, and no buffer.
 */
export class WebSocketConnection<Data = unknown> extends Outgoing implements Protocol, Receiver, SocketLink {
  readonly ws: ServerWebSocket<Data>;
  private partial: PartialMessage | null = null;
  private closing: Closing | null = null;
  private readonly rules: ReceiveRules;

  /** @param client null if it is the peer of the connection @param agreement null without permessage-deflate */
  constructor(
    sockets: WebSockets,
    connection: Connection,
    private readonly http: Accountant,
    private readonly client: SocketAddress | null,
    agreement: DeflateAgreement | null,
    data: Data,
  ) {
    super(sockets, connection, sockets.compression.deflaterFor(agreement));
    this.rules = sockets.compression.rulesFor(agreement);
    this.ws = new ServerWebSocket<Data>(this, data);
  }

  /** Takes the connection over, once the response with status 101 is queued. */
  open(): void {
    const { sockets, connection } = this;
    connection.protocol = this;
    connection.isDuplex = true;
    sockets.stats.open++;
    sockets.stats.opened++;
    this.schedule();
    this.noteActivity();
    const { open } = sockets.handler;
    if (open !== undefined) this.call('open', () => open(this.ws));
  }

  // The protocol of the connection.

  onData(bytes: Uint8Array, start: number, end: number): number {
    if (this.bits & ENDED) return end;
    this.noteBlocked();
    this.bits = (this.bits | RECEIVING) & ~PINGED;
    this.noteActivity();
    incoming.to = this;
    this.partial = receive(bytes as Buffer, start, end, this.partial, this.rules, incoming);
    this.bits &= ~RECEIVING;
    return end;
  }

  get wantsInput(): boolean {
    return true;
  }

  /** What handlers queue is not known. */
  get isTaskless(): boolean {
    return false;
  }

  get isSending(): boolean {
    return false;
  }

  /** The client has shut down its side, without a close frame. */
  onEnd(): boolean {
    this.onEnded(CloseCode.abnormal, '');
    return false;
  }

  onSent(bytes: number): void {
    this.http.onSent(bytes);
  }

  onDrain(): void {
    if (this.closing !== null) this.closing.dueMs = this.closeDueMs;
    if (!(this.bits & BLOCKED)) return;
    this.bits &= ~BLOCKED;
    const { drain } = this.sockets.handler;
    if (drain !== undefined && this.readyState === 1) this.call('drain', () => drain(this.ws));
  }

  deadlineMs(): number {
    if (this.closing !== null) return this.closing.dueMs;
    const { idleTimeout, sendPings } = this.sockets.handler;
    if (idleTimeout === 0 || this.bits & ENDED) return Number.POSITIVE_INFINITY;
    const timeoutMs = idleTimeout * 1000;
    const nowMs = Math.ceil(this.nowMs);
    const dueMs = nowMs - (((nowMs | 0) - this.activeTime) | 0) + timeoutMs;
    return sendPings && !(this.bits & PINGED) ? dueMs - Math.min(timeoutMs / 4, PING_MARGIN_MAX_MS) : dueMs;
  }

  onTimeout(): void {
    const { sockets, connection } = this;
    if (this.closing === null && sockets.handler.sendPings && !(this.bits & PINGED)) {
      this.bits |= PINGED;
      this.sendControl(Opcode.ping, '');
      return;
    }
    sockets.onTimeout();
    connection.close(this.closing === null ? 'idle timeout' : 'no close frame of the client');
  }

  onClose(): void {
    this.onEnded(CloseCode.abnormal, '');
    this.http.onClose();
  }

  // As HTTP sees what has taken its connection over.

  get peer(): SocketAddress | null {
    return this.client ?? peerOf(this.connection);
  }

  get isPending(): boolean {
    return false;
  }

  /** The server stops, and waits no longer. */
  close(reason: string): void {
    this.connection.close(reason);
  }

  /** The server stops. */
  drain(): void {
    this.beginClose(CloseCode.goingAway, '');
  }

  // What is received.

  onMessage(message: Message): boolean {
    const { sockets, bits } = this;
    if (bits & CLOSE_SENT) return true;
    sockets.stats.messagesIn++;
    const { message: onMessage } = sockets.handler;
    try {
      const result = onMessage(this.ws, message);
      if (result !== undefined) this.watch('message', result);
    } catch (error) {
      this.onHandlerFailure('message', error);
    }
    return this.goesOn;
  }

  onBytes(bytes: Buffer, start: number, end: number, isOwned: boolean): boolean {
    if (this.bits & CLOSE_SENT) return true;
    return this.onMessage(this.ofBinaryType(bytes, start, end, isOwned));
  }

  onPing(bytes: Buffer, start: number, end: number): boolean {
    if (this.bits & CLOSE_SENT) return true;
    const data = Buffer.from(bytes.subarray(start, end));
    this.sendPong(data);
    const { ping } = this.sockets.handler;
    if (ping !== undefined) this.call('ping', () => ping(this.ws, data));
    return this.goesOn;
  }

  onPong(bytes: Buffer, start: number, end: number): boolean {
    const { pong } = this.sockets.handler;
    if (pong === undefined || this.bits & CLOSE_SENT) return true;
    const data = Buffer.from(bytes.subarray(start, end));
    this.call('pong', () => pong(this.ws, data));
    return this.goesOn;
  }

  /** The first or the second of the two close frames: with it the handshake is complete. */
  onCloseFrame(code: number, reason: string): void {
    this.sendClose(code, '');
    this.connection.closeWhenSent(true);
    this.onEnded(code, reason);
  }

  onFailure(code: number, reason: string): void {
    this.sendClose(code, reason);
    this.connection.closeWhenSent(true);
    this.onEnded(code, reason);
  }

  // What its ServerWebSocket does.

  get readyState(): 1 | 2 | 3 {
    if (this.bits & ENDED) return 3;
    return this.bits & CLOSE_SENT ? 2 : 1;
  }

  get subscriptions(): readonly string[] {
    return [...(this.topics ?? [])];
  }

  get binaryType(): BinaryType {
    return BINARY_TYPES[this.bits >> BINARY_TYPE_SHIFT]!;
  }

  set binaryType(type: BinaryType) {
    const at = BINARY_TYPES.indexOf(type);
    if (at < 0) throw argumentRangeError(`binaryType must be one of ${BINARY_TYPES.join(', ')}, not ${shown(type)}`);
    this.bits = (this.bits & ((1 << BINARY_TYPE_SHIFT) - 1)) | (at << BINARY_TYPE_SHIFT);
  }

  beginClose(code: number, reason: string): void {
    if (!isCloseCode(code)) throw argumentRangeError(`code must be that of a close frame, as 1000, not ${shown(code)}`);
    if (this.bits & (CLOSE_SENT | ENDED)) return;
    this.schedule();
    this.sendClose(code, String(reason));
    this.closing = { dueMs: this.closeDueMs };
  }

  terminate(): void {
    this.connection.close('terminated by a handler');
  }

  subscribe(topic: string): void {
    if (!(this.bits & ENDED)) this.sockets.topics.add(String(topic), this);
  }

  unsubscribe(topic: string): void {
    this.sockets.topics.remove(String(topic), this);
  }

  isSubscribed(topic: string): boolean {
    return this.topics?.has(String(topic)) === true;
  }

  publish(topic: string, message: string | BinaryMessage, compress: boolean): number {
    if (this.bits & ENDED) return 0;
    const { sockets } = this;
    return sockets.publish(String(topic), message, compress, sockets.handler.publishToSelf ? null : this);
  }

  private get goesOn(): boolean {
    return (this.bits & ENDED) === 0;
  }

  private get closeDueMs(): number {
    return this.nowMs + this.sockets.limits.lingerTimeoutMs;
  }

  private call(name: string, handler: () => unknown): void {
    try {
      this.watch(name, handler());
    } catch (error) {
      this.onHandlerFailure(name, error);
    }
  }

  private watch(name: string, result: unknown): void {
    if (isPromise(result)) result.then(undefined, (error) => this.onHandlerFailure(name, error));
  }

  private onHandlerFailure(name: string, error: unknown): void {
    this.sockets.onHandlerFailure(this.ws, name, error);
    if (!(this.bits & ENDED)) this.beginClose(CloseCode.serverError, '');
  }

  /** Calls the `close` handler, once. */
  private onEnded(code: number, reason: string): void {
    if (this.bits & ENDED) return;
    this.bits |= ENDED | CLOSE_SENT;
    this.partial = this.closing = null;
    const { sockets } = this;
    sockets.stats.open--;
    const { close } = sockets.handler;
    if (close !== undefined) this.call('close', () => close(this.ws, code, reason));
    sockets.topics.removeAll(this);
  }

  private ofBinaryType(bytes: Buffer, start: number, end: number, isOwned: boolean): Message {
    const type = this.bits >> BINARY_TYPE_SHIFT;
    if (type === 0) return isOwned ? bytes.subarray(start, end) : Buffer.from(bytes.subarray(start, end));
    const copy = new Uint8Array(bytes.subarray(start, end));
    return (type === 1 ? copy.buffer : copy) as Buffer;
  }
}
