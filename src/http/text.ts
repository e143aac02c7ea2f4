/** Bytes as text, one character a byte: what a peer sent is never taken for UTF-8 unasked. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}
