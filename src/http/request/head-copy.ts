import type { RequestParser } from './parser.js';

/** A copy of the head that the parser holds, with one spare byte behind it, which `restoreHead` needs. */
export function copyHead({ bytes, headStart, headEnd }: RequestParser): Buffer {
  const head = Buffer.allocUnsafe(headEnd - headStart + 1);
  head.set(bytes.subarray(headStart, headEnd));
  return head;
}

/** Makes the parser hold the copied head again, as it did before. */
export function restoreHead(parser: RequestParser, head: Uint8Array): void {
  parser.parse(head, 0, head.length - 1);
}
