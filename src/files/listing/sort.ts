/** A name, and what it is put in order by. */
export interface OrderedName {
  /** Bytes, for that is what Linux names are. */
  readonly name: Buffer;
  readonly key: string;
}

/**
 * Text whose characters have the order of a name: without case and accents, and numbers by their value. The same
 * wherever the server runs; a collator, which has languages too, takes ten times as long to compare two.
 */
export function orderKey(text: string): string {
  const base = /[^\0-\x7f]/.test(text) ? text.normalize('NFKD').replace(/\p{M}+/gu, '') : text;
  return base.toLowerCase().replace(/\d+/g, numberKey);
}

/** The longer of two numbers is the larger, but for zeros in front. The zero has it stand where digits do. */
function numberKey(digits: string): string {
  const value = digits.replace(/^0+(?=.)/, '');
  return `0${String.fromCharCode(value.length)}${value}`;
}

/** Those that read the same stand by their bytes: an order that is the same each time. */
export function byName(one: OrderedName, other: OrderedName): number {
  if (one.key !== other.key) return one.key < other.key ? -1 : 1;
  return one.name.compare(other.name);
}

/** Of all names that it is told the first, in memory for no more than twice as many. */
export class TopNames {
  /** How many it was told. */
  count = 0;
  private names: OrderedName[] = [];
  /** Whatever stands behind it is not among the first. */
  private last: OrderedName | null = null;

  constructor(private readonly limit: number) {}

  /** @param name is copied */
  add(name: Buffer): void {
    this.count++;
    const key = orderKey(name.toString());
    if (this.last !== null && key > this.last.key) return;
    this.names.push({ name: Buffer.from(name), key });
    if (this.names.length === 2 * this.limit) this.cut();
  }

  /** In their order. */
  get first(): Buffer[] {
    this.cut();
    return this.names.map(({ name }) => name);
  }

  private cut(): void {
    this.names = this.names.sort(byName).slice(0, this.limit);
    if (this.names.length === this.limit) this.last = this.names[this.limit - 1]!;
  }
}
