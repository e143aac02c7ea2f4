import { deliverMessage, type ReceiveRules, TEXT_ASCII, TEXT_UTF8 } from './deliver.js';
import { CONTROL_BYTES_MAX, Opcode } from './frame.js';
import { FRAME_HEAD_BYTES_MAX, type FrameHead, INCOMPLETE } from './frame-head.js';
import type { MessageSink } from './message-sink.js';
import { keyAfter, unmask } from './unmask.js';
import { UTF8_BOUNDARY, UTF8_INVALID, validateUtf8 } from './utf8.js';

/** The least memory that a message gets: a fragment of a byte may be followed by others. */
const CAPACITY_MIN = 512;

const NONE = Buffer.alloc(0);

/**
 * What a connection has received of a message or a frame that is not complete. It exists only until it is; an idle
 * connection has none.
 */
export class PartialMessage {
  /** Bytes of the frame's payload that have not come. */
  missingBytes = 0;
  /** Whether a message has begun whose last frame has not come. */
  isOpen = false;
  /** Bytes of the message so far. */
  length = 0;
  /** Bytes of an incomplete head of a frame, in `head`. */
  headBytes = 0;
  /** Of the frame. */
  isFinal = false;
  /** The frame is a control frame, which may be between those of a message. */
  isControl = false;
  controlOpcode = 0;
  control: Buffer = NONE;
  controlBytes = 0;
  private key = 0;
  private head: Buffer = NONE;
  private opcode = 0;
  private isCompressed = false;
  /** The message so far, in memory of its own that is longer. */
  private bytes: Buffer = NONE;
  private isAscii = true;
  private utf8State: number = UTF8_BOUNDARY;

  /** Keeps the head of a frame of which not all has come. */
  keepHead(bytes: Buffer, start: number, end: number): void {
    this.head = Buffer.allocUnsafe(FRAME_HEAD_BYTES_MAX);
    this.headBytes = bytes.copy(this.head, 0, start, end);
  }

  /**
   * Parses the head that was kept with the bytes that have come since, as FrameHead does, and keeps it further if it is
   * still incomplete.
   * @returns how many of these bytes belong to the head, INCOMPLETE, or a Failure
   */
  parseHead(
    frame: FrameHead,
    bytes: Buffer,
    start: number,
    end: number,
    openBytes: number,
    rules: ReceiveRules,
  ): number {
    const { headBytes } = this;
    const known = headBytes + bytes.copy(this.head, headBytes, start, end);
    const size = frame.parse(this.head, 0, known, openBytes, rules.maxPayloadBytes, rules.inflater !== null);
    this.headBytes = size === INCOMPLETE ? known : 0;
    return size > 0 ? size - headBytes : size;
  }

  /** Begins with the payload of a frame. */
  begin(frame: FrameHead): void {
    const { opcode } = frame;
    this.missingBytes = frame.payloadBytes;
    this.key = frame.key;
    this.isFinal = frame.isFinal;
    this.isControl = opcode >= Opcode.close;
    if (this.isControl) {
      this.controlOpcode = opcode;
      this.controlBytes = 0;
      this.control = Buffer.allocUnsafe(CONTROL_BYTES_MAX);
    } else if (opcode !== Opcode.continuation) {
      this.isOpen = true;
      this.opcode = opcode;
      this.isCompressed = frame.isCompressed;
    }
  }

  /** Takes bytes of the payload, at most `missingBytes`, and unmasks them in place. Returns false if they are not UTF-8. */
  take(bytes: Buffer, start: number, end: number, rules: ReceiveRules): boolean {
    const isAscii = unmask(bytes, start, end, this.key);
    this.key = keyAfter(this.key, end - start);
    const isValid = this.isControl || this.append(bytes, start, end, isAscii, rules.maxPayloadBytes);
    if (this.isControl) this.controlBytes += bytes.copy(this.control, this.controlBytes, start, end);
    this.missingBytes -= end - start;
    return isValid;
  }

  private append(bytes: Buffer, start: number, end: number, isAscii: boolean, maxPayloadBytes: number): boolean {
    if (!isAscii) this.isAscii = false;
    if (this.opcode === Opcode.text && !this.isCompressed && !(isAscii && this.utf8State === UTF8_BOUNDARY)) {
      this.utf8State = validateUtf8(bytes, start, end, this.utf8State);
      if (this.utf8State === UTF8_INVALID) return false;
    }
    const needed = this.length + end - start;
    if (needed > this.bytes.length) {
      // What a frame announces costs memory only as it comes.
      const total = this.isFinal ? this.length + this.missingBytes : maxPayloadBytes;
      const grown = Buffer.allocUnsafeSlow(Math.min(total, Math.max(2 * needed, CAPACITY_MIN)));
      this.bytes.copy(grown, 0, 0, this.length);
      this.bytes = grown;
    }
    bytes.copy(this.bytes, this.length, start, end);
    this.length = needed;
    return true;
  }

  /** Whether the text, of which all has come, may end where it ends. */
  get endsInside(): boolean {
    return this.utf8State !== UTF8_BOUNDARY;
  }

  /** Passes the message on, of which the last frame has come. Returns whether to go on. */
  deliver(rules: ReceiveRules, sink: MessageSink): boolean {
    const { opcode, isCompressed, bytes, length, isAscii } = this;
    return deliverMessage(opcode, isCompressed, bytes, 0, length, true, isAscii ? TEXT_ASCII : TEXT_UTF8, rules, sink);
  }
}
