const LF = 0x0a;
const ZERO = 0x30;
const POINT = 0x2e;
/** Below this a loop is faster than the call of a copy. */
const LOOPED_BYTES = 24;

/** Bytes that lines are put together in. It grows, and is used again. */
export class Line {
  bytes: Buffer;
  length = 0;

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafeSlow(capacity);
  }

  /** Makes room for so many bytes behind those that are there. */
  reserve(count: number): void {
    const { bytes, length } = this;
    if (length + count <= bytes.length) return;
    this.bytes = Buffer.allocUnsafeSlow(Math.max(2 * bytes.length, length + count));
    this.bytes.set(bytes.subarray(0, length));
  }

  /** This method and the others write into room that was reserved. */
  append(from: Uint8Array): void {
    const { length } = from;
    if (length >= LOOPED_BYTES) this.bytes.set(from, this.length);
    else {
      const { bytes } = this;
      const at = this.length;
      for (let i = 0; i < length; i++) bytes[at + i] = from[i]!;
    }
    this.length += length;
  }

  appendStart(from: Buffer, length: number): void {
    from.copy(this.bytes, this.length, 0, length);
    this.length += length;
  }

  /** ASCII. */
  appendText(text: string): void {
    const { bytes } = this;
    const { length } = text;
    const at = this.length;
    for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i);
    this.length = at + length;
  }

  /** @param value an integer from 0 to 2^53-1 */
  appendDecimal(value: number): void {
    let digits = 1;
    for (let power = 10; value >= power; power *= 10) digits++;
    this.appendDigits(value, digits);
  }

  /** The last digits of an integer. */
  appendDigits(value: number, digits: number): void {
    const { bytes } = this;
    const start = this.length;
    let rest = value;
    for (let at = start + digits - 1; at >= start; at--) {
      const tens = Math.floor(rest / 10);
      bytes[at] = rest - 10 * tens + ZERO; // in this order nothing exceeds 2^53
      rest = tens;
    }
    this.length = start + digits;
  }

  /** A number from 0 with three decimal places. */
  appendThousandths(value: number): void {
    const thousandths = Math.round(1000 * value);
    this.appendDecimal(Math.floor(thousandths / 1000));
    this.bytes[this.length++] = POINT;
    this.appendDigits(thousandths, 3);
  }

  /** How many lines end from `start` on. */
  endsFrom(start: number): number {
    const { bytes, length } = this;
    let count = 0;
    for (let at = bytes.indexOf(LF, start); at >= 0 && at < length; at = bytes.indexOf(LF, at + 1)) count++;
    return count;
  }

  /** Where the line starts that has the byte before `position`; `position` itself at the start of a line. */
  startOfLine(position: number): number {
    return position === 0 ? 0 : this.bytes.lastIndexOf(LF, position - 1) + 1;
  }

  /** Where the last line ends that ends within so many bytes from `start`; the first line if that is longer. */
  endOfLines(start: number, within: number): number {
    const { bytes, length } = this;
    if (length - start <= within) return length;
    const last = bytes.lastIndexOf(LF, start + within - 1) + 1;
    return last > start ? last : bytes.indexOf(LF, start) + 1;
  }
}
