/**
 * What takes the messages of a WebSocket connection. Bytes are valid during the call only, unless they are owned. Each
 * returns whether to go on: after false nothing of what was read is used any more. None of them may throw.
 */
export interface MessageSink {
  onText(text: string): boolean;
  /** @param isOwned the bytes are the sink's from here on, and are not used again */
  onBinary(bytes: Buffer, start: number, end: number, isOwned: boolean): boolean;
  /** A pong with the same bytes is due, RFC 6455 section 5.5.3. At most CONTROL_BYTES_MAX. */
  onPing(bytes: Buffer, start: number, end: number): boolean;
  onPong(bytes: Buffer, start: number, end: number): boolean;
  /**
   * The close frame of the client, after which nothing is read. A close frame is due, unless one was sent.
   * @param code CloseCode.none if it has none, which is not to be sent
   */
  onClose(code: number, reason: string): void;
  /** The client has broken a rule: a close frame with this code is due, then the end of the connection. */
  onFailure(code: number, reason: string): void;
}
