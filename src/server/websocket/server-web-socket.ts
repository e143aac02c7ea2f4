import type { SocketAddress } from '../../sys/kernel.js';

/** Bytes of a message: what is sent of a view is its part of the buffer. They are copied, or sent, before `send` returns. */
export type BinaryMessage = ArrayBuffer | SharedArrayBuffer | ArrayBufferView;

/** How binary messages are given to the handlers: as a Buffer, an ArrayBuffer or a Uint8Array. Each owns its memory. */
export type BinaryType = 'nodebuffer' | 'arraybuffer' | 'uint8array';

/** The connection under a ServerWebSocket. */
export interface SocketLink {
  readonly readyState: 1 | 2 | 3;
  readonly peer: SocketAddress | null;
  readonly bufferedBytes: number;
  readonly subscriptions: readonly string[];
  binaryType: BinaryType;
  sendText(text: string, compress: boolean): number;
  sendBinary(data: BinaryMessage, compress: boolean): number;
  sendPing(data: string | BinaryMessage): number;
  sendPong(data: string | BinaryMessage): number;
  beginClose(code: number, reason: string): void;
  terminate(): void;
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  isSubscribed(topic: string): boolean;
  publish(topic: string, data: string | BinaryMessage, compress: boolean): number;
}

/**
 * A WebSocket of a client, as its handlers see it; the members are those of Bun's class of this name.
 *
 * What is sent in one turn of the server goes out in one system call, so `cork` is not needed.
 */
export class ServerWebSocket<Data = undefined> {
  readonly #link: SocketLink;
  /** What `server.upgrade` was given as `data`. */
  data: Data;

  constructor(link: SocketLink, data: Data) {
    this.#link = link;
    this.data = data;
  }

  /**
   * Sends a message: text for a string, else binary.
   * @param compress with permessage-deflate, if it is on and the client has it
   * @returns the bytes of the message; -1 if it waits until the client reads (`drain` follows), 0 if it was dropped, as the
   *   socket is closed or has more than `backpressureLimit` waiting
   */
  send(message: string | BinaryMessage, compress = false): number {
    return typeof message === 'string'
      ? this.#link.sendText(message, compress)
      : this.#link.sendBinary(message, compress);
  }

  sendText(text: string, compress = false): number {
    return this.#link.sendText(String(text), compress);
  }

  sendBinary(data: BinaryMessage, compress = false): number {
    return this.#link.sendBinary(data, compress);
  }

  /** Sends a ping with up to 125 bytes, which its pong has too. Returns as `send` does. */
  ping(data: string | BinaryMessage = ''): number {
    return this.#link.sendPing(data);
  }

  /** Sends a pong, which need not have a ping; those to the client's pings are sent without this. Returns as `send` does. */
  pong(data: string | BinaryMessage = ''): number {
    return this.#link.sendPong(data);
  }

  /**
   * Begins the close handshake: `close` is called once the client has sent its close frame too, or has not for
   * `lingerTimeoutMs`. Messages that come meanwhile are dropped.
   * @param code 1000, 3000 to 4999, or another that a close frame may have, RFC 6455 section 7.4
   * @param reason cut behind 123 bytes of UTF-8
   * @throws RangeError, ERR_EPOLLET_ARGUMENT, for another code
   */
  close(code = 1000, reason = ''): void {
    this.#link.beginClose(code, reason);
  }

  /** Ends the connection at once, without a close frame. */
  terminate(): void {
    this.#link.terminate();
  }

  /** From here on, until `unsubscribe` or the end, what is published to the topic is sent to this socket. */
  subscribe(topic: string): void {
    this.#link.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#link.unsubscribe(topic);
  }

  isSubscribed(topic: string): boolean {
    return this.#link.isSubscribed(topic);
  }

  /** The topics that it is subscribed to. */
  get subscriptions(): readonly string[] {
    return this.#link.subscriptions;
  }

  /**
   * Sends a message to all that are subscribed to the topic, except to this one unless `publishToSelf` is on.
   * @returns its bytes; 0 without a subscriber, or if this socket is closed
   */
  publish(topic: string, message: string | BinaryMessage, compress = false): number {
    return this.#link.publish(topic, message, compress);
  }

  publishText(topic: string, text: string, compress = false): number {
    return this.#link.publish(topic, String(text), compress);
  }

  publishBinary(topic: string, data: BinaryMessage, compress = false): number {
    return this.#link.publish(topic, data, compress);
  }

  /** Calls the function with this socket, and returns what it returns: sends are gathered without this. */
  cork<Result>(callback: (ws: this) => Result): Result {
    return callback(this);
  }

  /** Bytes that were sent and that the kernel has not taken. */
  getBufferedAmount(): number {
    return this.#link.bufferedBytes;
  }

  /** The client's IP address; that behind a trusted proxy. Empty for a Unix socket, and once the connection has ended. */
  get remoteAddress(): string {
    const { peer } = this.#link;
    return peer === null || peer.family === 'unix' ? '' : peer.address;
  }

  /** 1 open, 2 closing, 3 closed, as in the browser. */
  get readyState(): 1 | 2 | 3 {
    return this.#link.readyState;
  }

  /** @default 'nodebuffer' */
  get binaryType(): BinaryType {
    return this.#link.binaryType;
  }

  set binaryType(type: BinaryType) {
    this.#link.binaryType = type;
  }
}
