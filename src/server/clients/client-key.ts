const COLON = 0x3a;
const DOT = 0x2e;
const NINE = 0x39;
const ZERO = 0x30;
const LETTERS = 0x57; // of 'a', less ten
const LOWER_CASE = 0x20;

/**
 * What a client is by its address: an IPv4 address, or the /64 of an IPv6 address, since a network of that size belongs to
 * one subscriber (RFC 6177). An IPv4-mapped address is the IPv4 address. One object parses all addresses, and makes none.
 */
export class ClientKey {
  /** The upper 32 bits of the /64, or -1 for IPv4, which is a multicast address of IPv6 and so never a client's. */
  high = 0;
  /** The lower 32 bits of the /64, or the IPv4 address; signed, as `high` is. */
  low = 0;
  private readonly groups = new Uint16Array(8);
  private count = 0;

  /** @returns false, with the key unchanged, if the text is not an address, such as that of a unix socket */
  parse(address: string): boolean {
    const { groups } = this;
    if (!this.readGroups(address)) return false;
    if (this.count === 2 && !address.includes(':')) this.setIpv4(0);
    else if (this.count !== groups.length) return false;
    else if ((groups[0]! | groups[1]! | groups[2]! | groups[3]! | groups[4]!) === 0 && groups[5] === 0xffff)
      this.setIpv4(6);
    else {
      this.high = (groups[0]! << 16) | groups[1]!;
      this.low = (groups[2]! << 16) | groups[3]!;
    }
    return true;
  }

  private setIpv4(first: number): void {
    this.high = -1;
    this.low = (this.groups[first]! << 16) | this.groups[first + 1]!;
  }

  /** RFC 4291 section 2.2, with a zone (`%eth0`) ignored. An IPv4 address is two groups. */
  private readGroups(address: string): boolean {
    const { groups } = this;
    const zone = address.indexOf('%');
    const end = zone < 0 ? address.length : zone;
    let gap = -1;
    let at = 0;
    this.count = 0;
    while (at < end) {
      if (address.charCodeAt(at) === COLON) {
        const isDouble = address.charCodeAt(at + 1) === COLON;
        if (isDouble ? gap >= 0 : at === 0 || at + 1 === end) return false;
        if (isDouble) gap = this.count;
        at += isDouble ? 2 : 1;
        continue;
      }
      let value = 0;
      const start = at;
      for (let digit = digitAt(address, at); digit >= 0 && at < end; digit = digitAt(address, ++at))
        value = (value << 4) | digit;
      if (address.charCodeAt(at) === DOT && at < end) {
        at = this.readIpv4(address, start, end);
        if (at < 0) return false;
      } else if (at === start || at - start > 4 || this.count === groups.length) return false;
      else groups[this.count++] = value;
      if (at < end && address.charCodeAt(at) !== COLON) return false;
    }
    return gap < 0 ? this.count > 0 : this.fillGap(gap);
  }

  /** Returns the end of the address, or -1. */
  private readIpv4(address: string, start: number, end: number): number {
    let value = 0;
    let part = 0;
    let digits = 0;
    let dots = 0;
    let at = start;
    for (; at < end; at++) {
      const code = address.charCodeAt(at);
      if (code === DOT) {
        if (digits === 0 || ++dots > 3) return -1;
        value = (value << 8) | part;
        part = digits = 0;
      } else {
        if (code < ZERO || code > NINE || ++digits > 3) return -1;
        part = part * 10 + code - ZERO;
        if (part > 255) return -1;
      }
    }
    if (dots !== 3 || digits === 0 || this.count > 6) return -1;
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

/** The hexadecimal digit there, or -1. */
function digitAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= ZERO && code <= NINE) return code - ZERO;
  const letter = (code | LOWER_CASE) - LETTERS;
  return letter >= 10 && letter < 16 ? letter : -1;
}
