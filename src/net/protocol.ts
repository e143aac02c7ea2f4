/** The protocol of a connection: it is given the bytes received, and queues what is to be sent. */
export interface Protocol {
  /**
   * Bytes have been received. They belong to the connection, are valid during the call, and have one writable byte
   * behind `end`. Returns up to where they are used: the rest is given again, in front of what comes next. A protocol
   * that stops although it could go on calls `connection.deferInput()`.
   */
  onData(bytes: Uint8Array, start: number, end: number): number;
  /** Whether it can use more bytes. While it cannot, nothing is read; once it can, it calls `connection.resume()`. */
  readonly wantsInput: boolean;
  /** Whether the bytes last given to it were handled without queueing a microtask or a nextTick callback. */
  readonly isTaskless: boolean;
  /** Whether a response has begun of which not all is queued. */
  readonly isSending: boolean;
  /**
   * The peer will send no more (half-close). Returns whether a response is still to come of which not all is
   * queued. May be called more than once.
   * @param unread whether some of what the peer has sent is not yet read
   */
  onEnd(unread: boolean): boolean;
  /** Of what is queued, the kernel has taken this many bytes. */
  onSent(bytes: number): void;
  /** Everything that was queued has been sent. */
  onDrain(): void;
  /**
   * When, on the reactor's clock, `onTimeout` is due.
   * @param sinceMs when bytes were last received or sent
   */
  deadlineMs(sinceMs: number): number;
  onTimeout(): void;
  /** The connection is closed, by either side. Called once. */
  onClose(): void;
}
