/*
 * Parts of heads, written without strings.
 */

const ZERO = 0x30;
const CR = 0x0d;
const LF = 0x0a;

export function digitsOf(value: number): number {
  let digits = 1;
  for (let power = 10; value >= power; power *= 10) digits++;
  return digits;
}

/** Writes an integer from 0 to 2^53-1, with its last digit before `end`. */
export function writeDecimal(bytes: Uint8Array, end: number, value: number): void {
  let at = end;
  let rest = value;
  do {
    const tens = Math.floor(rest / 10);
    bytes[--at] = rest - 10 * tens + ZERO; // in this order nothing exceeds 2^53
    rest = tens;
  } while (rest > 0);
}

export function writeLineEnd(bytes: Uint8Array, at: number): void {
  bytes[at] = CR;
  bytes[at + 1] = LF;
}
