import { deliverControl, deliverMessage, fail, type ReceiveRules, TEXT_ASCII, TEXT_UNCHECKED } from './deliver.js';
import { Failure } from './failure.js';
import { Opcode } from './frame.js';
import { FrameHead, INCOMPLETE, NO_MESSAGE } from './frame-head.js';
import type { MessageSink } from './message-sink.js';
import { PartialMessage } from './partial-message.js';
import { unmask } from './unmask.js';

/** The head being parsed. What is called with it does not receive, so one is enough for all connections. */
const head = new FrameHead();

/**
 * Takes what was read from a client, cut anywhere, and passes on messages and control frames, RFC 6455 section 5.
 *
 * A connection has no state here, except inside a message or a frame of which not all has come: that is the partial
 * message that is returned, for the next call. A message that was read whole is passed on where it is, without a copy.
 * @param bytes are changed: payloads are unmasked in place. Not used after the return
 * @param partial what the last call for this connection has returned, at first null
 * @returns null as well when nothing more is to be read: the sink has returned false, or has got a close or a failure
 */
export function receive(
  bytes: Buffer,
  start: number,
  end: number,
  partial: PartialMessage | null,
  rules: ReceiveRules,
  sink: MessageSink,
): PartialMessage | null {
  let at = start;
  let message = partial;
  if (message !== null && message.missingBytes > 0) {
    at = Math.min(end, start + message.missingBytes);
    if (!message.take(bytes, start, at, rules)) return stop(Failure.utf8, sink);
    if (message.missingBytes > 0) return message;
    if (!endFrame(message, rules, sink)) return null;
    if (!message.isOpen) message = null;
  }
  while (at < end) {
    const isKept = message !== null && message.headBytes > 0;
    const openBytes = message?.isOpen ? message.length : NO_MESSAGE;
    const size: number = isKept
      ? message!.parseHead(head, bytes, at, end, openBytes, rules)
      : head.parse(bytes, at, end, openBytes, rules.maxPayloadBytes, rules.inflater !== null);
    if (size < 0) return stop(size, sink);
    if (size === INCOMPLETE) {
      message ??= new PartialMessage();
      if (!isKept) message.keepHead(bytes, at, end);
      return message;
    }
    const payloadStart = at + size;
    const payloadEnd = payloadStart + head.payloadBytes;
    const { opcode } = head;
    const isWhole = head.isFinal && opcode !== Opcode.continuation;
    at = payloadEnd;
    if (payloadEnd > end || !isWhole) {
      message ??= new PartialMessage();
      message.begin(head);
      at = Math.min(end, payloadEnd);
      if (!message.take(bytes, payloadStart, at, rules)) return stop(Failure.utf8, sink);
      if (message.missingBytes > 0) return message;
      if (!endFrame(message, rules, sink)) return null;
    } else {
      const text = unmask(bytes, payloadStart, payloadEnd, head.key) ? TEXT_ASCII : TEXT_UNCHECKED;
      const goesOn =
        opcode >= Opcode.close
          ? deliverControl(opcode, bytes, payloadStart, payloadEnd, sink)
          : deliverMessage(opcode, head.isCompressed, bytes, payloadStart, payloadEnd, false, text, rules, sink);
      if (!goesOn) return null;
    }
    if (message !== null && !message.isOpen) message = null;
  }
  return message;
}

/** All of a frame's payload has come. Returns whether to go on. */
function endFrame(message: PartialMessage, rules: ReceiveRules, sink: MessageSink): boolean {
  if (message.isControl) return deliverControl(message.controlOpcode, message.control, 0, message.controlBytes, sink);
  if (!message.isFinal) return true;
  message.isOpen = false;
  return message.endsInside ? fail(Failure.utf8, sink) : message.deliver(rules, sink);
}

function stop(failure: number, sink: MessageSink): null {
  fail(failure, sink);
  return null;
}
