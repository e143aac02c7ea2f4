import { Failure } from './failure.js';
import { CONTROL_BYTES_MAX, FIN, MASKED, Opcode, RSV1, RSV2_AND_3 } from './frame.js';

/** The most bytes of the head of a client's frame: two, a length of eight, and the key of its mask. */
export const FRAME_HEAD_BYTES_MAX = 14;

/** The head of a frame needs more bytes. */
export const INCOMPLETE = 0;

/** No message is open: a continuation frame would be an error. */
export const NO_MESSAGE = -1;

/** The head of a client's frame, RFC 6455 section 5.2. */
export class FrameHead {
  opcode = 0;
  isFinal = false;
  /** RSV1: the message that begins is compressed. */
  isCompressed = false;
  /** Bytes of the payload, which is behind the head. */
  payloadBytes = 0;
  /** The masking key, its first byte in the lowest bits. */
  key = 0;

  /**
   * Parses the head at `at`. What is wrong is found with the first two bytes, or with those of the length, so that the
   * result is the same however the bytes are cut.
   * @param openBytes the bytes so far of the message whose last frame has not come; NO_MESSAGE without one
   * @param maxPayloadBytes the most bytes of a message
   * @param mayCompress whether permessage-deflate is in use
   * @returns the bytes of the head, INCOMPLETE, or a Failure, which is negative
   */
  parse(
    bytes: Uint8Array,
    at: number,
    end: number,
    openBytes: number,
    maxPayloadBytes: number,
    mayCompress: boolean,
  ): number {
    const available = end - at;
    if (available < 2) return INCOMPLETE;
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    const opcode = first & 0x0f;
    let length = second & 0x7f;
    if (first & RSV2_AND_3) return Failure.reservedBit;
    if (!(second & MASKED)) return Failure.unmasked;
    if (opcode >= Opcode.close) {
      if (opcode > Opcode.pong) return Failure.opcode;
      if (first & RSV1) return Failure.reservedBit;
      if (!(first & FIN)) return Failure.fragmentedControl;
      if (length > CONTROL_BYTES_MAX) return Failure.longControl;
    } else {
      if (opcode > Opcode.binary) return Failure.opcode;
      if (first & RSV1 && (!mayCompress || opcode === Opcode.continuation)) return Failure.reservedBit;
      if (opcode === Opcode.continuation) {
        if (openBytes === NO_MESSAGE) return Failure.noMessage;
      } else if (openBytes !== NO_MESSAGE) return Failure.openMessage;
    }
    let keyAt = at + 2;
    if (length === 126) {
      if (available < 4) return INCOMPLETE;
      length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
      if (length < 126) return Failure.lengthForm;
      keyAt = at + 4;
    } else if (length === 127) {
      if (available < 10) return INCOMPLETE;
      // Beyond 2^53 it is not exact, but too big anyway.
      const high = uint32(bytes, at + 2);
      length = high * 2 ** 32 + uint32(bytes, at + 6);
      if (high > 0x7fffffff || length < 65536) return Failure.lengthForm;
      keyAt = at + 10;
    }
    if (opcode < Opcode.close && length > maxPayloadBytes - (openBytes > 0 ? openBytes : 0)) return Failure.tooBig;
    if (keyAt + 4 > end) return INCOMPLETE;
    this.opcode = opcode;
    this.isFinal = (first & FIN) !== 0;
    this.isCompressed = (first & RSV1) !== 0;
    this.payloadBytes = length;
    this.key = bytes[keyAt]! | (bytes[keyAt + 1]! << 8) | (bytes[keyAt + 2]! << 16) | (bytes[keyAt + 3]! << 24);
    return keyAt + 4 - at;
  }
}

const uint32 = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
