/** A position in a text. Both count from 1, the column in characters. */
interface Position {
  line: number;
  column: number;
}

const WHITESPACE = /[ \t\n\r]*/y;
// DEL and the control characters beyond ASCII are allowed, RFC 8259 section 7.
const STRING = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;
const DEPTH_MAX = 1000;

/**
 * Where a text stops being JSON, RFC 8259, which JSON.parse reports only in some versions of V8 and for some faults.
 * @returns `expected` is what would be valid there, as the rest of a sentence; null if the text is JSON
 */
export function jsonFault(text: string): (Position & { expected: string }) | null {
  const reader = new Reader(text);
  if (reader.value(0) && !reader.isAtEnd()) reader.expected = 'nothing more';
  return reader.expected === null ? null : { ...positionOf(text, reader.at), expected: reader.expected };
}

/** Where a valid text repeats a name in an object, of which JSON.parse silently takes the last; null if none does. */
export function repeatedName(text: string): (Position & { name: string }) | null {
  const reader = new Reader(text);
  reader.value(0);
  return reader.repeated === null ? null : { ...positionOf(text, reader.repeated.at), name: reader.repeated.name };
}

function positionOf(text: string, at: number): Position {
  const before = text.slice(0, at);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: [...before.slice(lineStart)].length + 1 };
}

/** Parses a text once, and records the first fault. */
class Reader {
  at = 0;
  expected: string | null = null;
  repeated: { at: number; name: string } | null = null;

  constructor(private readonly text: string) {}

  value(depth: number): boolean {
    this.take(WHITESPACE);
    const first = this.text[this.at];
    if (depth > DEPTH_MAX) return this.miss('less nesting');
    if (first === '{') {
      const names = new Set<string>();
      return this.elements('}', () => this.member(depth, names));
    }
    if (first === '[') return this.elements(']', () => this.value(depth + 1));
    if (this.take(STRING) || this.take(SCALAR)) return true;
    return this.miss(first === '"' ? 'a string that ends on its line, with \\ before " and \\' : 'a value');
  }

  isAtEnd(): boolean {
    this.take(WHITESPACE);
    return this.at === this.text.length;
  }

  /** Skips the next character other than whitespace, if it is this one. */
  private skip(character: string): boolean {
    this.take(WHITESPACE);
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private member(depth: number, names: Set<string>): boolean {
    this.take(WHITESPACE);
    const { at } = this;
    if (!this.take(STRING)) return this.miss('a name in double quotes');
    const name = JSON.parse(this.text.slice(at, this.at)) as string; // with its escapes decoded
    if (names.has(name)) this.repeated ??= { at, name };
    names.add(name);
    return this.skip(':') ? this.value(depth + 1) : this.miss('a colon');
  }

  private elements(end: string, element: () => boolean): boolean {
    this.at++;
    if (this.skip(end)) return true;
    for (;;) {
      if (!element()) return false;
      if (this.skip(end)) return true;
      if (!this.skip(',')) return this.miss(`a comma or ${end}`);
    }
  }

  private take(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }

  private miss(expected: string): false {
    this.expected ??= expected;
    return false;
  }
}
