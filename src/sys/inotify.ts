import { assert } from './assert.js';

/** Offsets in struct inotify_event, inotify(7): wd, mask, cookie, len, 32 bits each; `len` bytes of name, padding. */
const MASK = 4;
const NAME_LENGTH = 12;
const NAME = 16;

/**
 * Calls `each` for every event that was read from an inotify descriptor, in order.
 * @param length what `read` returned
 * @param each `wd` is the watch descriptor of `inotifyAddWatch`; -1 for IN_Q_OVERFLOW (events were lost). `mask`,
 *   unsigned, is the kind of event. `name` is the entry of the watched directory, in bytes; empty if the event is about
 *   the watched file or directory itself. It is a view of `bytes`, valid until they are filled again.
 */
export function forEachInotifyEvent(
  bytes: Uint8Array,
  length: number,
  each: (wd: number, mask: number, name: Buffer) => void,
): void {
  assert(length >= 0 && length <= bytes.length, 'length is not within the bytes');
  const events = Buffer.from(bytes.buffer, bytes.byteOffset, length);
  for (let at = 0; at < length; ) {
    // The kernel returns complete events.
    assert(at + NAME <= length, 'the bytes end within an event');
    const end = at + NAME + events.readUInt32LE(at + NAME_LENGTH);
    assert(end <= length, 'the bytes end within a name');
    // The padding behind the name is NULs; a name contains none.
    let nameEnd = end;
    while (nameEnd > at + NAME && events[nameEnd - 1] === 0) nameEnd--;
    each(events.readInt32LE(at), events.readUInt32LE(at + MASK), events.subarray(at + NAME, nameEnd));
    at = end;
  }
}
