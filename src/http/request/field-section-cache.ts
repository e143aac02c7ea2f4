import type { FieldSection } from './field-section.js';
import { wordsOf } from './scan.js';

/** Each slot holds one section at most: less than 1 MiB in all. */
const SLOTS = 256;
/** Below this, parsing takes no longer than comparing. */
const SHORTEST_BYTES = 24;
const LONGEST_BYTES = 1536;
const PRIME = 0x01000193;

/** The bytes of a section and what they were parsed to. */
class CachedSection {
  private readonly bytes: Uint8Array;
  private readonly words: Int32Array;
  /** The section's offset in a word of four bytes: only at the same offset can whole words be compared. */
  private readonly phase: number;

  constructor(
    bytes: Uint8Array,
    start: number,
    readonly length: number,
    readonly section: FieldSection,
  ) {
    this.phase = start & 3;
    this.bytes = new Uint8Array((this.phase + length + 3) & ~3);
    this.bytes.set(bytes.subarray(start, start + length), this.phase);
    this.words = wordsOf(this.bytes);
  }

  /**
   * Whether the bytes at `start`, of which there are at least `length`, are the same. It compares all of them, so that
   * its timing does not reveal how much of another client's cookie was guessed.
   */
  matches(bytes: Uint8Array, words: Int32Array, start: number): boolean {
    const { phase } = this;
    if ((start & 3) !== phase) return false;
    const own = this.words;
    const from = start >> 2;
    const first = phase === 0 ? 0 : 1;
    const last = (phase + this.length) >> 2;
    let difference = 0;
    let at = first;
    for (; at < last - 3; at += 4) {
      const there = from + at;
      difference |=
        (own[at]! ^ words[there]!) |
        (own[at + 1]! ^ words[there + 1]!) |
        (own[at + 2]! ^ words[there + 2]!) |
        (own[at + 3]! ^ words[there + 3]!);
    }
    for (; at < last; at++) difference |= own[at]! ^ words[from + at]!;
    for (at = phase; at < 4 * first; at++) difference |= this.bytes[at]! ^ bytes[4 * from + at]!;
    for (at = 4 * last; at < phase + this.length; at++) difference |= this.bytes[at]! ^ bytes[4 * from + at]!;
    return difference === 0;
  }
}

/**
 * Field sections that were received more than once. A client sends the same fields with each request, so the result of
 * parsing a long section is cached, and when exactly the same bytes come again they are compared instead of parsed.
 */
export class FieldSectionCache {
  private readonly sections: (CachedSection | null)[] = new Array(SLOTS).fill(null);
  /** For each slot the hash of the last section that was not cached in it. */
  private readonly candidates = new Int32Array(SLOTS);
  private hash = 0;
  /** The length in bytes of the section that `find` returned. */
  length = 0;

  /**
   * Returns the section at `start` if it is cached; null if it has to be parsed.
   * @param words the same bytes, as `wordsOf` returns them
   * @param end where the received bytes end: most heads come alone, and end there too
   */
  find(bytes: Uint8Array, words: Int32Array, start: number, end: number): FieldSection | null {
    this.hash = 0;
    if (end - start < SHORTEST_BYTES || words.length === 0) return null;
    const tail = Math.imul(words[(end >> 2) - 2]! ^ (end - start), PRIME);
    this.hash = Math.imul(tail ^ words[(end >> 2) - 5]!, PRIME) ^ words[(start + end) >> 3]!;
    const slot = slotOf(this.hash);
    const cached = this.sections[slot];
    if (!cached || cached.length > end - start || !cached.matches(bytes, words, start)) return null;
    this.length = cached.length;
    this.candidates[slot] = 0;
    return cached.section;
  }

  /** Adds the section that `find` missed, if its hash came twice in a row without a hit between. */
  insert(bytes: Uint8Array, start: number, end: number, section: FieldSection): void {
    const { hash } = this;
    const length = end - start;
    if (hash === 0 || length < SHORTEST_BYTES || length > LONGEST_BYTES) return;
    const slot = slotOf(hash);
    if (this.candidates[slot] === hash) {
      this.sections[slot] = new CachedSection(bytes, start, length, section.copy());
      this.candidates[slot] = 0;
    } else this.candidates[slot] = hash;
  }
}

const slotOf = (hash: number): number => (Math.imul(hash, PRIME) >>> 24) & (SLOTS - 1);
