import type { Limits } from '../../http/limits.js';
import { Opcode } from '../../http/websocket/frame.js';
import { frameOf, textFrame } from '../../http/websocket/frame-writer.js';
import type { MessageDeflater } from '../../http/websocket/permessage-deflate.js';
import { Compression } from './compression.js';
import { bytesOf } from './message-bytes.js';
import type { BinaryMessage, ServerWebSocket } from './server-web-socket.js';
import { type Subscriber, Topics } from './topics.js';
import type { CheckedWebSocketHandler } from './web-socket-options.js';

/** Counted from the start of the server, except `open`. */
export interface WebSocketStats {
  /** Open now, and opened so far. */
  open: number;
  opened: number;
  /** Messages received and sent; those of a topic count for each socket. */
  messagesIn: number;
  messagesOut: number;
  /** Messages that `backpressureLimit` has dropped. */
  messagesDropped: number;
}

/** A socket, as those of a topic are sent to. */
export interface Member extends Subscriber {
  /** Null if nothing is compressed for it. */
  readonly deflater: MessageDeflater | null;
  /** Queues a frame, whose bytes never change. */
  sendFrame(frame: Buffer): unknown;
  /** Sends what is queued. */
  flush(): void;
}

/** What WebSockets need of their server. */
export interface WebSocketContext {
  readonly limits: Limits;
  timeouts: number;
  /** Writes a failure to standard error. @param culprit in words */
  report(culprit: string, error: unknown): void;
}

/** What the WebSockets of one server share. */
export class WebSockets {
  readonly topics = new Topics<Member>();
  readonly stats: WebSocketStats = { open: 0, opened: 0, messagesIn: 0, messagesOut: 0, messagesDropped: 0 };
  /** The handlers, and what sockets may use. A reload replaces them, for the sockets that are open too. */
  handler: CheckedWebSocketHandler;
  compression: Compression;
  /** Whether more are opened. */
  isOn = true;
  /** Sockets with something to send since the last flush. */
  private unflushed: Member[] = [];

  constructor(
    handler: CheckedWebSocketHandler,
    private readonly context: WebSocketContext,
  ) {
    this.handler = handler;
    this.compression = new Compression(handler);
  }

  /** Those of a server; null until it has had a `websocket`. @param before those before a reload */
  static of(
    handler: CheckedWebSocketHandler | undefined,
    context: WebSocketContext,
    before: WebSockets | null = null,
  ): WebSockets | null {
    if (before === null) return handler === undefined ? null : new WebSockets(handler, context);
    before.replace(handler);
    return before;
  }

  /** Of a reload. @param handler undefined if sockets that are open go on with the one before, and no more are opened */
  replace(handler: CheckedWebSocketHandler | undefined): void {
    this.isOn = handler !== undefined;
    if (handler === undefined) return;
    this.handler = handler;
    this.compression = new Compression(handler);
  }

  get limits(): Limits {
    return this.context.limits;
  }

  onTimeout(): void {
    this.context.timeouts++;
  }

  /**
   * Calls `flush` of a socket once all handlers have run that run now. Called once by each until then.
   * @returns whether it is the first of these
   */
  scheduleFlush(member: Member): boolean {
    if (this.unflushed.push(member) > 1) return false;
    queueMicrotask(() => this.flushAll());
    return true;
  }

  /**
   * Sends a message to all that are subscribed.
   * @param except is left out; null for none
   * @returns the bytes of the message; 0 without a subscriber here
   */
  publish(topic: string, message: string | BinaryMessage, compress: boolean, except: Member | null): number {
    const members = this.topics.of(topic);
    if (members === undefined) return 0;
    const opcode = typeof message === 'string' ? Opcode.text : Opcode.binary;
    const bytes = typeof message === 'string' ? null : bytesOf(message);
    const frame = bytes === null ? textFrame(message as string) : frameOf(opcode, bytes);
    const deflated = new Map<MessageDeflater, Buffer>();
    let count = 0;
    for (const member of members) {
      if (member === except) continue;
      count++;
      const { deflater } = member;
      if (!compress || deflater === null) {
        member.sendFrame(frame);
        continue;
      }
      let compressed = deflated.get(deflater);
      if (compressed === undefined) {
        compressed = frameOf(opcode, deflater.deflate(bytes ?? Buffer.from(message as string)), true);
        if (this.compression.isShared(deflater)) deflated.set(deflater, compressed);
      }
      member.sendFrame(compressed);
    }
    return count === 0 ? 0 : bytes === null ? Buffer.byteLength(message as string) : bytes.length;
  }

  /** A handler has thrown: the error is that of `error`, or goes to standard error. */
  onHandlerFailure(ws: ServerWebSocket<unknown>, name: string, failure: unknown): void {
    const { error } = this.handler;
    if (error === undefined || name === 'error')
      return this.context.report(`the ${name} handler of a WebSocket`, failure);
    try {
      const result = error(ws, failure);
      if (isPromise(result)) result.then(undefined, (second) => this.onHandlerFailure(ws, 'error', second));
    } catch (second) {
      this.onHandlerFailure(ws, 'error', second);
    }
  }

  private flushAll(): void {
    const { unflushed } = this;
    this.unflushed = [];
    for (const member of unflushed) member.flush();
  }
}

export const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
