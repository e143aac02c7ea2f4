/** Where in a text. Both count from 1, the column in characters. */
interface Place {
  line: number;
  column: number;
}

/** Where a text stops being JSON, RFC 8259. */
export interface JsonFault extends Place {
  /** What could stand there, as the rest of a sentence after "expected". */
  expected: string;
}

/** Where an object has a name that it had before. */
export interface RepeatedName extends Place {
  name: string;
}

const BLANKS = /[ \t\n\r]*/y;
// The controls beyond ASCII, and DEL, are allowed.
const STRING = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;
const DEPTH_MAX = 1000;

/** JSON.parse says where in some versions of V8 for some mistakes only; null when the text is JSON. */
export function jsonFault(text: string): JsonFault | null {
  const reader = new Reader(text);
  if (reader.value(0) && !reader.isAtEnd()) reader.expected = 'nothing more';
  return reader.expected === null ? null : { ...placeOf(text, reader.at), expected: reader.expected };
}

/** JSON.parse takes the last of several members and says nothing; null when a text that is JSON has each name once. */
export function repeatedName(text: string): RepeatedName | null {
  const reader = new Reader(text);
  reader.value(0);
  return reader.repeated === null ? null : { ...placeOf(text, reader.repeated.at), name: reader.repeated.name };
}

function placeOf(text: string, at: number): Place {
  const before = text.slice(0, at);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { line: before.split('\n').length, column: [...before.slice(lineStart)].length + 1 };
}

/** Goes through a text once. What it misses first is what it says. */
class Reader {
  at = 0;
  expected: string | null = null;
  repeated: { at: number; name: string } | null = null;

  constructor(private readonly text: string) {}

  value(depth: number): boolean {
    this.take(BLANKS);
    const first = this.text[this.at];
    if (depth > DEPTH_MAX) return this.miss('fewer brackets in one another');
    if (first === '{') {
      const names = new Set<string>();
      return this.elements('}', () => this.member(depth, names));
    }
    if (first === '[') return this.elements(']', () => this.value(depth + 1));
    if (this.take(STRING) || this.take(SCALAR)) return true;
    return this.miss(first === '"' ? 'a text that ends on its line, with \\ before " and \\' : 'a value');
  }

  isAtEnd(): boolean {
    this.take(BLANKS);
    return this.at === this.text.length;
  }

  /** Goes behind this, if it is what comes next. */
  private skipTo(character: string): boolean {
    this.take(BLANKS);
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private member(depth: number, names: Set<string>): boolean {
    this.take(BLANKS);
    const { at } = this;
    if (!this.take(STRING)) return this.miss('a name in double quotes');
    const name = JSON.parse(this.text.slice(at, this.at)) as string; // it may be written in several ways
    if (names.has(name)) this.repeated ??= { at, name };
    names.add(name);
    return this.skipTo(':') ? this.value(depth + 1) : this.miss('a colon');
  }

  private elements(end: string, element: () => boolean): boolean {
    this.at++;
    if (this.skipTo(end)) return true;
    for (;;) {
      if (!element()) return false;
      if (this.skipTo(end)) return true;
      if (!this.skipTo(',')) return this.miss(`a comma or ${end}`);
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
