import type { FieldSection } from './field-section.js';
import { wordsOf } from './scan.js';

/** Places, of which each holds one section at most: with what is known of them less than a MiB. */
const SLOTS = 256;
/** Below this it is read in the time that it takes to compare it. */
const SHORTEST_BYTES = 24;
const LONGEST_BYTES = 1536;
const PRIME = 0x01000193;

/** A section that was read, byte by byte as it came, and what it says. */
class CachedSection {
  private readonly bytes: Uint8Array;
  private readonly words: Int32Array;
  /** Where it starts in a word of four bytes: only at the same place can whole words be compared. */
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
   * Whether the same bytes stand here. There are at least as many behind `start`. Looks at all of them: the time that it
   * takes tells nobody how much of another's cookie he has guessed.
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
 * Sections of fields that came more than once. A client says the same of itself with each request: so what was read of a
 * long section is kept, and when the same bytes come again to the letter, nothing is read but whether they are the same.
 */
export class FieldSectionCache {
  private readonly sections: (CachedSection | null)[] = new Array(SLOTS).fill(null);
  /** Of each place the last print that was not kept there. */
  private readonly candidates = new Int32Array(SLOTS);
  private hash = 0;
  /** How long the section that was found is. */
  length = 0;

  /**
   * What the section at `start` says, if it is known; null if it has to be read.
   * @param words the same bytes by four
   * @param end how far there are bytes: most heads come alone, and end there
   */
  find(bytes: Uint8Array, words: Int32Array, start: number, end: number): FieldSection | null {
    this.hash = 0;
    if (end - start < SHORTEST_BYTES || words.length === 0) return null;
    const tail = Math.imul(words[(end >> 2) - 2]! ^ (end - start), PRIME);
    this.hash = Math.imul(tail ^ words[(end >> 2) - 5]!, PRIME) ^ words[(start + end) >> 3]!;
    const place = slotOf(this.hash);
    const kept = this.sections[place];
    if (!kept || kept.length > end - start || !kept.matches(bytes, words, start)) return null;
    this.length = kept.length;
    this.candidates[place] = 0;
    return kept.section;
  }

  /** What `find` did not know was read since. Kept when its like has come twice and nothing known in between. */
  insert(bytes: Uint8Array, start: number, end: number, section: FieldSection): void {
    const { hash } = this;
    const length = end - start;
    if (hash === 0 || length < SHORTEST_BYTES || length > LONGEST_BYTES) return;
    const place = slotOf(hash);
    if (this.candidates[place] === hash) {
      this.sections[place] = new CachedSection(bytes, start, length, section.copy());
      this.candidates[place] = 0;
    } else this.candidates[place] = hash;
  }
}

const slotOf = (print: number): number => (Math.imul(print, PRIME) >>> 24) & (SLOTS - 1);
