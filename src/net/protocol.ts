/** What speaks over a connection: it is given bytes, and queues what it has to say. */
export interface Protocol {
  /**
   * Bytes have come; they are the connection's, valid during the call, with one writable byte behind `end`. Returns
   * how far they are used up: the rest is given again, in front of what comes next. One that stops although it could
   * go on calls `connection.holdBack()`.
   */
  receive(bytes: Uint8Array, start: number, end: number): number;
  /**
   * When, on the reactor's clock, the peer's silence becomes too long.
   * @param sinceMs when bytes last came, or were taken
   */
  dueMs(sinceMs: number): number;
  /** That time has come. */
  expire(): void;
  /** The connection is closed, by whichever side. Called once. */
  closed(): void;
}
