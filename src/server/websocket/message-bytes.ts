import { argumentTypeError, shown } from '../../sys/error-code.js';
import type { BinaryMessage } from './server-web-socket.js';

/**
 * The bytes of a message, without a copy.
 * @throws TypeError, ERR_EPOLLET_ARGUMENT, for anything else
 */
export function bytesOf(message: BinaryMessage): Uint8Array {
  if (message instanceof Uint8Array) return message;
  if (ArrayBuffer.isView(message)) return new Uint8Array(message.buffer, message.byteOffset, message.byteLength);
  if (message instanceof ArrayBuffer || message instanceof SharedArrayBuffer) return new Uint8Array(message);
  throw argumentTypeError(`a message must be a string or bytes, not ${shown(message)}`);
}

/** The bytes of the payload of a server's frame, by those of the frame. */
export function payloadBytesOf(frameBytes: number): number {
  if (frameBytes < 128) return frameBytes - 2;
  return frameBytes < 65_540 ? frameBytes - 4 : frameBytes - 10;
}
