const COLON = 0x3a;
const DOT = 0x2e;
const NINE = 0x39;
const ZERO = 0x30;
const LETTERS = 0x57; // of 'a', less ten
const LOWER_CASE = 0x20;
const BRACKET = 0x5b;
const PORT = /^(?:0|[1-9]\d{0,4})$/;
/** An obfuscated port, RFC 7239 section 6.3. */
const HIDDEN_PORT = /^:_[A-Za-z0-9._-]+$/;

/** An IPv4 or IPv6 address, RFC 4291 section 2.2. One object parses many addresses, and makes nothing. */
export class IpAddress {
  /** The address in eight parts of 16 bits; of an IPv4 address the IPv4-mapped one, ::ffff:0:0/96. */
  readonly groups: Uint16Array = new Uint16Array(8);
  /** An IPv4-mapped address is the IPv4 address. */
  isIPv4 = false;
  private count = 0;
  private isDotted = false;

  /**
   * Without a zone (`%eth0`), and without leading zeros in IPv4, which others take for octal numbers.
   * @returns false if the text is not an address; then the address is undefined
   */
  parse(text: string, start = 0, end: number = text.length): boolean {
    const { groups } = this;
    if (!this.readGroups(text, start, end)) return false;
    if (this.isDotted) {
      groups.copyWithin(6, 0, 2);
      groups.fill(0, 0, 5);
      groups[5] = 0xffff;
    } else if (this.count !== groups.length) return false;
    this.setFamily();
    return true;
  }

  /** The address in network byte order: 4 bytes from `at`, or 16. */
  read(bytes: Uint8Array, at: number, length: 4 | 16): void {
    const { groups } = this;
    groups.fill(0, 0, 5);
    groups[5] = 0xffff;
    const first = groups.length - length / 2;
    for (let i = 0; i < length / 2; i++) groups[first + i] = (bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]!;
    this.setFamily();
  }

  /** 32 bits of the address, signed; `at` is 0 to 3, and an IPv4 address is the last of them. */
  word(at: number): number {
    return (this.groups[2 * at]! << 16) | this.groups[2 * at + 1]!;
  }

  /** As RFC 5952 has it: one text for one address. */
  toString(): string {
    const { groups } = this;
    if (this.isIPv4) return `${groups[6]! >> 8}.${groups[6]! & 255}.${groups[7]! >> 8}.${groups[7]! & 255}`;
    let gap = -1;
    let gapEnd = 0; // one group does not make a gap
    for (let at = 0, end = 0; at < groups.length; at = end + 1) {
      for (end = at; end < groups.length && groups[end] === 0; ) end++;
      if (end - at <= Math.max(1, gapEnd - gap)) continue;
      gap = at;
      gapEnd = end;
    }
    let text = gap === 0 ? ':' : '';
    for (let at = 0; at < groups.length; at++) {
      if (at === gap) at = gapEnd - 1;
      else text += groups[at]!.toString(16);
      if (at < groups.length - 1 || gapEnd === groups.length) text += ':';
    }
    return text;
  }

  private setFamily(): void {
    const { groups } = this;
    this.isIPv4 = (groups[0]! | groups[1]! | groups[2]! | groups[3]! | groups[4]!) === 0 && groups[5] === 0xffff;
  }

  /** An IPv4 address is two groups. */
  private readGroups(text: string, start: number, end: number): boolean {
    const { groups } = this;
    let gap = -1;
    let at = start;
    this.count = 0;
    this.isDotted = false;
    while (at < end) {
      if (text.charCodeAt(at) === COLON) {
        const isDouble = at + 1 < end && text.charCodeAt(at + 1) === COLON;
        if (isDouble ? gap >= 0 || (at + 2 < end && text.charCodeAt(at + 2) === COLON) : at === start || at + 1 === end)
          return false;
        if (isDouble) gap = this.count;
        at += isDouble ? 2 : 1;
        continue;
      }
      let value = 0;
      const first = at;
      for (let digit = digitAt(text, at); digit >= 0 && at < end; digit = digitAt(text, ++at))
        value = (value << 4) | digit;
      if (at < end && text.charCodeAt(at) === DOT) {
        at = this.readIpv4(text, first, end);
        if (at < 0) return false;
      } else if (at === first || at - first > 4 || this.count === groups.length) return false;
      else groups[this.count++] = value;
      if (at < end && text.charCodeAt(at) !== COLON) return false;
    }
    return gap < 0 ? this.count > 0 : this.fillGap(gap);
  }

  /** Returns the end of the address, or -1. */
  private readIpv4(text: string, start: number, end: number): number {
    let value = 0;
    let part = 0;
    let digits = 0;
    let dots = 0;
    let at = start;
    for (; at < end; at++) {
      const code = text.charCodeAt(at);
      if (code === DOT) {
        if (digits === 0 || ++dots > 3) return -1;
        value = (value << 8) | part;
        part = digits = 0;
      } else {
        if (code < ZERO || code > NINE || (digits > 0 && part === 0)) return -1;
        part = part * 10 + code - ZERO;
        digits++;
        if (part > 255) return -1;
      }
    }
    if (dots !== 3 || digits === 0 || this.count > 6) return -1;
    this.isDotted = this.count === 0;
    this.groups[this.count++] = value >>> 8;
    this.groups[this.count++] = (value << 8) | part;
    return at;
  }

  /** Moves the groups behind `::` to the end. */
  private fillGap(gap: number): boolean {
    const { groups, count } = this;
    const { length } = groups;
    if (count >= length) return false;
    groups.copyWithin(length - (count - gap), gap, count);
    groups.fill(0, gap, length - (count - gap));
    this.count = length;
    return true;
  }
}

/**
 * Reads a node of Forwarded or X-Forwarded-For, RFC 7239 section 6: an address, and maybe a port; IPv6 in brackets, or
 * without a port.
 * @returns the port, 0 without one or if it is obfuscated; -1 if it is not an address (`unknown`, `_hidden`, anything else)
 */
export function parseNode(text: string, address: IpAddress): number {
  if (address.parse(text)) return 0;
  const isBracketed = text.charCodeAt(0) === BRACKET;
  const hostEnd = text.indexOf(isBracketed ? ']' : ':');
  if (hostEnd < 0 || !address.parse(text, isBracketed ? 1 : 0, hostEnd)) return -1;
  const rest = text.slice(isBracketed ? hostEnd + 1 : hostEnd);
  if (rest === '' || HIDDEN_PORT.test(rest)) return 0;
  return rest.charCodeAt(0) === COLON ? portOf(rest.slice(1)) : -1;
}

/** A port of 0 to 65535 as a decimal without leading zeros; -1 for any other text. */
export const portOf = (text: string): number => (PORT.test(text) && Number(text) <= 65535 ? Number(text) : -1);

/** The hexadecimal digit there, or -1. */
function digitAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= ZERO && code <= NINE) return code - ZERO;
  const letter = (code | LOWER_CASE) - LETTERS;
  return letter >= 10 && letter < 16 ? letter : -1;
}
