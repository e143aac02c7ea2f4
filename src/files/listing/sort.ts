interface OrderedName {
  readonly name: Buffer;
  readonly key: string;
}

/**
 * A text to compare names by: without case and accents, and numbers by their value. The same on every machine. An
 * Intl.Collator knows languages, but takes ten times as long to compare two names.
 */
export function orderKey(text: string): string {
  const base = /[^\0-\x7f]/.test(text) ? text.normalize('NFKD').replace(/\p{M}+/gu, '') : text;
  return base.toLowerCase().replace(/\d+/g, numberKey);
}

/** Its length before its digits, without leading zeros: longer numbers are larger. The `0` sorts it where digits are. */
function numberKey(digits: string): string {
  const value = digits.replace(/^0+(?=.)/, '');
  return `0${String.fromCharCode(value.length)}${value}`;
}

/** Names with the same key are ordered by their bytes, so that the order is total. */
export function byName(one: OrderedName, other: OrderedName): number {
  if (one.key !== other.key) return one.key < other.key ? -1 : 1;
  return one.name.compare(other.name);
}

/** Collects the first names in order, in memory for at most twice as many. */
export class TopNames {
  count = 0;
  private names: OrderedName[] = [];
  /** Names after it are not among the first. */
  private last: OrderedName | null = null;

  constructor(private readonly limit: number) {}

  /** Copies the name. */
  add(name: Buffer): void {
    this.count++;
    const key = orderKey(name.toString());
    if (this.last !== null && key > this.last.key) return;
    this.names.push({ name: Buffer.from(name), key });
    if (this.names.length === 2 * this.limit) this.cut();
  }

  get first(): Buffer[] {
    this.cut();
    return this.names.map(({ name }) => name);
  }

  private cut(): void {
    this.names = this.names.sort(byName).slice(0, this.limit);
    if (this.names.length === this.limit) this.last = this.names[this.limit - 1]!;
  }
}
