import { IpAddress } from './ip-address.js';

/** Ranges of addresses, RFC 4632 and RFC 4291 section 2.3. */
export class Networks {
  /** Address and mask of each IPv4 network. */
  private readonly ipv4: Int32Array;
  /** The four words of the address, and of the mask, of each IPv6 network. */
  private readonly ipv6: Int32Array;

  /** @param texts as `isNetwork` accepts them */
  constructor(texts: readonly string[]) {
    const address = new IpAddress();
    const ipv4: number[] = [];
    const ipv6: number[] = [];
    for (const text of texts) {
      const prefix = parseNetwork(text, address);
      const masks = [0, 1, 2, 3].map((at) => maskOf(prefix - 32 * at));
      const words = masks.map((mask, at) => address.word(at) & mask);
      if (address.isIPv4) ipv4.push(words[3]!, masks[3]!);
      else ipv6.push(...words, ...masks);
    }
    this.ipv4 = Int32Array.from(ipv4);
    this.ipv6 = Int32Array.from(ipv6);
  }

  /** An IPv4 address, also an IPv4-mapped one, is in networks of IPv4 only: `::/0` is all of IPv6. */
  contains(address: IpAddress): boolean {
    const last = address.word(3);
    if (address.isIPv4) {
      const { ipv4 } = this;
      for (let at = 0; at < ipv4.length; at += 2) if ((last & ipv4[at + 1]!) === ipv4[at]) return true;
      return false;
    }
    const { ipv6 } = this;
    const [first, second, third] = [address.word(0), address.word(1), address.word(2)];
    for (let at = 0; at < ipv6.length; at += 8) {
      if (
        (first & ipv6[at + 4]!) === ipv6[at] &&
        (second & ipv6[at + 5]!) === ipv6[at + 1] &&
        (third & ipv6[at + 6]!) === ipv6[at + 2] &&
        (last & ipv6[at + 7]!) === ipv6[at + 3]
      )
        return true;
    }
    return false;
  }
}

/** Whether this is an address, or an address with the length of a prefix: `10.0.0.0/8`, `2001:db8::/32`. */
export const isNetwork = (text: string): boolean => parseNetwork(text, new IpAddress()) >= 0;

/** @returns the length of the prefix in bits of the 128; -1 if this is not a network */
function parseNetwork(text: string, address: IpAddress): number {
  const [, host = '', digits] = /^([^/]*)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? [];
  if (!address.parse(host)) return -1;
  if (digits === undefined) return 128;
  const isDotted = !host.includes(':');
  const prefix = Number(digits) + (isDotted ? 96 : 0);
  if (prefix > 128) return -1;
  // Of IPv4-mapped addresses all, or a part; a shorter prefix would have others in it as well.
  return address.isIPv4 && prefix < 96 ? -1 : prefix;
}

const maskOf = (bits: number): number => (bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits));
