import { isUtf8 } from 'node:buffer';
import { Failure, failureCode, failureReason } from './failure.js';
import { CloseCode, isCloseCode, Opcode } from './frame.js';
import type { MessageSink } from './message-sink.js';
import type { MessageInflater } from './permessage-deflate.js';

/** What is known of a text: nothing yet, that it is UTF-8, or that it is ASCII, which is decoded fastest. */
export const TEXT_UNCHECKED = 0;
export const TEXT_UTF8 = 1;
export const TEXT_ASCII = 2;
export type TextKnowledge = 0 | 1 | 2;

/** What a client may send: the same object for all connections, except those that keep a context of compression. */
export interface ReceiveRules {
  /** The most bytes of a message, as received and as decompressed; a longer one fails the connection with 1009. */
  readonly maxPayloadBytes: number;
  /** Null unless permessage-deflate was negotiated. */
  readonly inflater: MessageInflater | null;
}

/** Passes a whole message on. Returns whether to go on. @param isOwned whether the bytes may be kept by the sink */
export function deliverMessage(
  opcode: number,
  isCompressed: boolean,
  bytes: Buffer,
  start: number,
  end: number,
  isOwned: boolean,
  text: TextKnowledge,
  rules: ReceiveRules,
  sink: MessageSink,
): boolean {
  if (isCompressed) {
    const inflated = rules.inflater!.inflate(bytes, start, end, rules.maxPayloadBytes);
    if (typeof inflated === 'number') return fail(inflated, sink);
    return deliverMessage(opcode, false, inflated, 0, inflated.length, true, TEXT_UNCHECKED, rules, sink);
  }
  if (opcode === Opcode.binary) return sink.onBinary(bytes, start, end, isOwned);
  if (text === TEXT_ASCII) return sink.onText(bytes.toString('latin1', start, end));
  if (text === TEXT_UNCHECKED && !isUtf8(bytes.subarray(start, end))) return fail(Failure.utf8, sink);
  return sink.onText(bytes.toString('utf8', start, end));
}

/** Passes a whole control frame on. Returns whether to go on. */
export function deliverControl(opcode: number, bytes: Buffer, start: number, end: number, sink: MessageSink): boolean {
  if (opcode === Opcode.ping) return sink.onPing(bytes, start, end);
  if (opcode === Opcode.pong) return sink.onPong(bytes, start, end);
  if (start === end) {
    sink.onClose(CloseCode.none, '');
    return false;
  }
  if (end - start === 1) return fail(Failure.closePayload, sink);
  const code = bytes.readUInt16BE(start);
  if (!isCloseCode(code)) return fail(Failure.closeCode, sink);
  if (!isUtf8(bytes.subarray(start + 2, end))) return fail(Failure.utf8, sink);
  sink.onClose(code, bytes.toString('utf8', start + 2, end));
  return false;
}

/** Fails the connection. @param failure one of Failure */
export function fail(failure: number, sink: MessageSink): false {
  sink.onFailure(failureCode(failure), failureReason(failure));
  return false;
}
