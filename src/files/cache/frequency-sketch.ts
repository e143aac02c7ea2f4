/** Counters of 4 bits for each entry that the cache has room for. */
const COUNTERS_AN_ENTRY = 16;
const ROWS = 4;
const MOST = 15;
/** As far as the counts go: once in the filter, and then in the counters. */
export const HIGHEST_COUNT: number = MOST + 1;
const COUNTERS_A_WORD = 8;
/** Half of each counter: the bit that is shifted in from the next one is cleared. */
const HALF = 0x77777777;
/** Additions between two agings, for each entry: TinyLFU's sample, which is several times what the cache holds. */
const ADDITIONS_AN_ENTRY = 10;
/** Of the filter of what came once, so that 7 in 100 new keys are taken for known ones at the end of a sample. */
const BITS_AN_ENTRY = 64;
const BITS_A_WORD = 32;
/** 10 MiB in all. */
const MOST_ENTRIES = 2 ** 20;
const FEWEST_ENTRIES = 2 ** 8;

/** Odd, without a pattern: xxHash's primes. */
const MULTIPLIERS = [0x9e3779b1 | 0, 0x85ebca77 | 0, 0xc2b2ae3d | 0, 0x27d4eb2f | 0] as const;

/**
 * Estimates how often keys were added lately, in bounded memory: TinyLFU (Einziger, Friedman and Manes, ACM Transactions on
 * Storage 13, 2017). A Bloom filter keeps what came once, so that it takes no counter; a count-min sketch with conservative
 * update counts the rest. After a number of additions all counts are halved and the filter is cleared (aging), so that old
 * fame fades. A count may be too high, when other keys have the same counters, but never too low. Keys are hashes with a
 * secret seed: a client cannot find keys that share the counters of another.
 */
export class FrequencySketch {
  /** How often all counts were halved. */
  agings = 0;
  private additions = 0;
  private readonly sample: number;
  private readonly counters: Int32Array;
  private readonly seen: Int32Array;
  private readonly counterShift: number;
  private readonly seenShift: number;

  /** @param entries that the cache has room for, about */
  constructor(entries: number) {
    const size = 2 ** Math.ceil(Math.log2(Math.min(Math.max(entries, FEWEST_ENTRIES), MOST_ENTRIES)));
    const rowCounters = (size * COUNTERS_AN_ENTRY) / ROWS;
    this.sample = size * ADDITIONS_AN_ENTRY;
    this.counters = new Int32Array((size * COUNTERS_AN_ENTRY) / COUNTERS_A_WORD);
    this.seen = new Int32Array((size * BITS_AN_ENTRY) / BITS_A_WORD);
    this.counterShift = 32 - Math.log2(rowCounters);
    this.seenShift = 32 - Math.log2(size * BITS_AN_ENTRY);
  }

  /** Counts a key. Returns how often it was counted, this time included: 1 to 16. */
  add(hash: number): number {
    const key = mixed(hash);
    const isNew = this.markSeen(key);
    const count = isNew ? 1 : this.increment(key) + 1;
    if (++this.additions >= this.sample) this.age();
    return count;
  }

  /** All or nothing of the key's two bits. Returns whether it was not there. */
  private markSeen(key: number): boolean {
    const { seen, seenShift } = this;
    const first = key >>> seenShift;
    const second = Math.imul(key, MULTIPLIERS[3]) >>> seenShift;
    const firstWord = seen[first >>> 5]!;
    const isNew = ((firstWord >>> first) & (seen[second >>> 5]! >>> second) & 1) === 0;
    if (!isNew) return false;
    seen[first >>> 5] = firstWord | (1 << first);
    seen[second >>> 5]! |= 1 << second;
    return true;
  }

  /** Returns the count of a key with this one. Only counters at its minimum grow: the others are too high already. */
  private increment(key: number): number {
    let least = MOST;
    for (let row = 0; row < ROWS; row++) least = Math.min(least, this.counterOf(key, row));
    if (least === MOST) return MOST;
    for (let row = 0; row < ROWS; row++) {
      if (this.counterOf(key, row) !== least) continue;
      const at = this.placeOf(key, row);
      this.counters[at >>> 3]! += 1 << ((at & 7) << 2);
    }
    return least + 1;
  }

  private counterOf(key: number, row: number): number {
    const at = this.placeOf(key, row);
    return (this.counters[at >>> 3]! >>> ((at & 7) << 2)) & MOST;
  }

  private placeOf(key: number, row: number): number {
    return (row << (32 - this.counterShift)) + (Math.imul(key, MULTIPLIERS[row]!) >>> this.counterShift);
  }

  private age(): void {
    const { counters } = this;
    for (let at = 0; at < counters.length; at++) counters[at] = (counters[at]! >>> 1) & HALF;
    this.seen.fill(0);
    this.additions = this.sample / 2; // the counts that are left are those of half a sample
    this.agings++;
  }
}

/** The finalizer of MurmurHash3: each bit of the hash decides about half of the bits. */
function mixed(hash: number): number {
  let key = hash ^ (hash >>> 16);
  key = Math.imul(key, 0x85ebca6b);
  key ^= key >>> 13;
  key = Math.imul(key, 0xc2b2ae35);
  return key ^ (key >>> 16);
}
