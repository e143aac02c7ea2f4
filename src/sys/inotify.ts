import { assert } from './assert.js';

/** struct inotify_event of inotify(7): wd, mask, cookie and len, 32 bits each; then `len` bytes of name and padding. */
const MASK = 4;
const NAME_LENGTH = 12;
const NAME = 16;

/**
 * Calls `each` for every event that `read` has taken from an inotify, in order.
 * @param length what `read` returned
 * @param each `wd` is the number of `inotifyAddWatch`, -1 for IN_Q_OVERFLOW (events were lost). `mask`, unsigned, says
 *   what happened. `name` is the entry of the watched folder that it happened to, as its bytes; empty when it happened
 *   to what is watched itself. It is a part of `bytes`, not a copy: valid until they are filled again.
 */
export function forEachInotifyEvent(
  bytes: Uint8Array,
  length: number,
  each: (wd: number, mask: number, name: Buffer) => void,
): void {
  assert(length >= 0 && length <= bytes.length, 'length is no part of the bytes');
  const events = Buffer.from(bytes.buffer, bytes.byteOffset, length);
  for (let at = 0; at < length; ) {
    // The kernel hands out whole events.
    assert(at + NAME <= length, 'the bytes end within an event');
    const end = at + NAME + events.readUInt32LE(at + NAME_LENGTH);
    assert(end <= length, 'the bytes end within a name');
    // Behind the name there is nothing but NULs, and within none.
    let nameEnd = end;
    while (nameEnd > at + NAME && events[nameEnd - 1] === 0) nameEnd--;
    each(events.readInt32LE(at), events.readUInt32LE(at + MASK), events.subarray(at + NAME, nameEnd));
    at = end;
  }
}
