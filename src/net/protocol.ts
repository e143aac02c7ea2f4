/** What speaks over a connection: it is given bytes, and queues what it has to say. */
export interface Protocol {
  /**
   * Bytes have come; they are the connection's, valid during the call, with one writable byte behind `end`. Returns
   * how far they are used up: the rest is given again, in front of what comes next. One that stops although it could
   * go on calls `connection.holdBack()`.
   */
  onData(bytes: Uint8Array, start: number, end: number): number;
  /** Whether it can do anything with more bytes. While it cannot, nothing is read; it calls `connection.proceed()` then. */
  readonly wantsInput: boolean;
  /**
   * The peer will send no more. Returns whether there is something to be said to it still, which nothing is queued of.
   * May be told more than once.
   * @param unread of what it has sent before not all is read
   */
  onEnd(unread: boolean): boolean;
  /** Everything queued is sent. */
  onDrain(): void;
  /**
   * When, on the reactor's clock, the peer's silence becomes too long.
   * @param sinceMs when bytes last came, or were taken
   */
  deadlineMs(sinceMs: number): number;
  /** That time has come. */
  onTimeout(): void;
  /** The connection is closed, by whichever side. Called once. */
  onClose(): void;
}
