import type { ReceiveRules } from '../../src/http/websocket/deliver.js';
import type { MessageSink } from '../../src/http/websocket/message-sink.js';
import type { PartialMessage } from '../../src/http/websocket/partial-message.js';
import { receive } from '../../src/http/websocket/receive.js';
import type { WebSocketEvent } from './websocket-model.js';

/** Records what it gets as the events of the model. */
export class RecordingSink implements MessageSink {
  readonly events: WebSocketEvent[] = [];
  /** The bytes of binary messages that it was given for good. */
  readonly owned: Buffer[] = [];
  isEnded = false;

  onText(text: string): boolean {
    return this.#add(`text ${Buffer.from(text).toString('hex')}`);
  }

  onBinary(bytes: Buffer, start: number, end: number, isOwned: boolean): boolean {
    if (isOwned) this.owned.push(bytes.subarray(start, end));
    return this.#add(`binary ${bytes.toString('hex', start, end)}`);
  }

  onPing(bytes: Buffer, start: number, end: number): boolean {
    return this.#add(`ping ${bytes.toString('hex', start, end)}`);
  }

  onPong(bytes: Buffer, start: number, end: number): boolean {
    return this.#add(`pong ${bytes.toString('hex', start, end)}`);
  }

  onClose(code: number, reason: string): void {
    this.#add(`close ${code} ${Buffer.from(reason).toString('hex')}`);
    this.isEnded = true;
  }

  onFailure(code: number): void {
    this.#add(`fail ${code}`);
    this.isEnded = true;
  }

  #add(event: WebSocketEvent): boolean {
    if (this.isEnded) throw new Error(`${event} after the end`);
    this.events.push(event);
    return true;
  }
}

/** A buffer as the reactor's: each read goes to the same place, over what was there before. */
const READ_BYTES = 2 ** 16;
const shared = Buffer.allocUnsafeSlow(READ_BYTES + 8);

/**
 * Receives bytes in the given pieces, each read into the same memory.
 * @param at where in that memory: by 0 to 7 the alignment differs
 * @returns the partial message after the last piece
 */
export function receivePieces(
  pieces: Iterable<Uint8Array>,
  rules: ReceiveRules,
  sink: RecordingSink,
  at = 0,
): PartialMessage | null {
  let partial: PartialMessage | null = null;
  for (const piece of pieces) {
    for (let from = 0; from < piece.length && !sink.isEnded; from += READ_BYTES) {
      const read = piece.subarray(from, from + READ_BYTES);
      shared.set(read, at);
      partial = receive(shared, at, at + read.length, partial, rules, sink);
      shared.fill(0xa5, at, at + read.length);
    }
  }
  return partial;
}

/** The events for bytes in pieces. */
export function eventsOf(pieces: Iterable<Uint8Array>, rules: ReceiveRules, at = 0): WebSocketEvent[] {
  const sink = new RecordingSink();
  receivePieces(pieces, rules, sink, at);
  return sink.events;
}
