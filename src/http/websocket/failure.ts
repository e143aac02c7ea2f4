import { CloseCode } from './frame.js';

/** Why the server fails a connection, RFC 6455 section 7.1.7: negative, so that it differs from any count of bytes. */
export const Failure = {
  reservedBit: -1,
  unmasked: -2,
  opcode: -3,
  fragmentedControl: -4,
  longControl: -5,
  noMessage: -6,
  openMessage: -7,
  lengthForm: -8,
  closePayload: -9,
  closeCode: -10,
  utf8: -11,
  tooBig: -12,
  compressedData: -13,
} as const;
export type Failure = (typeof Failure)[keyof typeof Failure];

const CAUSES: readonly [code: CloseCode, reason: string][] = [
  [CloseCode.normal, ''],
  [CloseCode.protocolError, 'reserved bit set'],
  [CloseCode.protocolError, 'frame not masked'],
  [CloseCode.protocolError, 'reserved opcode'],
  [CloseCode.protocolError, 'fragmented control frame'],
  [CloseCode.protocolError, 'control frame longer than 125 bytes'],
  [CloseCode.protocolError, 'continuation without a message'],
  [CloseCode.protocolError, 'message inside a message'],
  [CloseCode.protocolError, 'length not in its shortest form'],
  [CloseCode.protocolError, 'close frame of 1 byte'],
  [CloseCode.protocolError, 'invalid close code'],
  [CloseCode.invalidData, 'text is not UTF-8'],
  [CloseCode.tooBig, 'message too big'],
  [CloseCode.invalidData, 'data cannot be decompressed'],
];

/** The code of the close frame to send. */
export const failureCode = (failure: number): CloseCode => CAUSES[-failure]![0];
/** Its reason, for those who debug the client. */
export const failureReason = (failure: number): string => CAUSES[-failure]![1];
