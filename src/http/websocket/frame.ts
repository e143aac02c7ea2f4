/** Opcodes of frames, RFC 6455 section 5.2. From `close` on they are control frames. */
export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
export type DataOpcode = typeof Opcode.text | typeof Opcode.binary;
export type ControlOpcode = typeof Opcode.close | typeof Opcode.ping | typeof Opcode.pong;

/** Bits of a frame's first byte: the last frame of its message; compressed, RFC 7692 section 6; reserved. */
export const FIN = 0x80;
export const RSV1 = 0x40;
export const RSV2_AND_3 = 0x30;
/** The bit of its second byte: a client's frames are masked, a server's are not, RFC 6455 section 5.1. */
export const MASKED = 0x80;

/** The most bytes of a control frame's payload, RFC 6455 section 5.5. */
export const CONTROL_BYTES_MAX = 125;
/** The most bytes of the reason of a close frame, which is behind its code. */
export const REASON_BYTES_MAX = CONTROL_BYTES_MAX - 2;

/** Status codes of close frames that the server itself uses, RFC 6455 section 7.4.1. */
export const CloseCode = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  /** The close frame had no code; never sent. */
  none: 1005,
  /** The connection ended without a close frame; never sent. */
  abnormal: 1006,
  /** Text that is not UTF-8, or data that cannot be decompressed. */
  invalidData: 1007,
  tooBig: 1009,
  serverError: 1011,
} as const;
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];

/**
 * Whether a close frame may have this code, RFC 6455 section 7.4 with the registry of IANA: 1004 is reserved, 1005, 1006
 * and 1015 are never sent, 1016 to 2999 have no meaning yet, and 3000 to 4999 are free for libraries and applications.
 */
export function isCloseCode(code: number): boolean {
  if (code < 3000) return code >= 1000 && code <= 1014 && (code < 1004 || code > 1006);
  return code <= 4999;
}
