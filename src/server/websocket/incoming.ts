import type { MessageSink } from '../../http/websocket/message-sink.js';

/** A connection, as what is received is passed on to it. */
export interface Receiver {
  onMessage(message: string): boolean;
  onBytes(bytes: Buffer, start: number, end: number, isOwned: boolean): boolean;
  onPing(bytes: Buffer, start: number, end: number): boolean;
  onPong(bytes: Buffer, start: number, end: number): boolean;
  /** The close frame of the client. */
  onCloseFrame(code: number, reason: string): void;
  onFailure(code: number, reason: string): void;
}

/** The sink of all connections, since one is received from at a time: a connection has an `onClose` of another meaning. */
export class Incoming implements MessageSink {
  to: Receiver | null = null;

  onText(text: string): boolean {
    return this.to!.onMessage(text);
  }

  onBinary(bytes: Buffer, start: number, end: number, isOwned: boolean): boolean {
    return this.to!.onBytes(bytes, start, end, isOwned);
  }

  onPing(bytes: Buffer, start: number, end: number): boolean {
    return this.to!.onPing(bytes, start, end);
  }

  onPong(bytes: Buffer, start: number, end: number): boolean {
    return this.to!.onPong(bytes, start, end);
  }

  onClose(code: number, reason: string): void {
    this.to!.onCloseFrame(code, reason);
  }

  onFailure(code: number, reason: string): void {
    this.to!.onFailure(code, reason);
  }
}
