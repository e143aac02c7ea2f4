import { IpAddress } from '../../net/ip/ip-address.js';

/**
 * What a client is by its address: an IPv4 address, or the /64 of an IPv6 address, since a network of that size belongs to
 * one subscriber (RFC 6177). An IPv4-mapped address is the IPv4 address. One object parses all addresses, and makes none.
 */
export class ClientKey {
  /** The upper 32 bits of the /64, or -1 for IPv4, which is a multicast address of IPv6 and so never a client's. */
  high = 0;
  /** The lower 32 bits of the /64, or the IPv4 address; signed, as `high` is. */
  low = 0;
  /** What was parsed last, if it was an address. */
  readonly address: IpAddress = new IpAddress();

  /**
   * A zone (`%eth0`) is ignored.
   * @returns false, with the key unchanged, if the text is not an address, such as that of a unix socket
   */
  parse(text: string): boolean {
    const { address } = this;
    const zone = text.indexOf('%');
    if (!address.parse(text, 0, zone < 0 ? text.length : zone)) return false;
    this.high = address.isIPv4 ? -1 : address.word(0);
    this.low = address.word(address.isIPv4 ? 3 : 1);
    return true;
  }
}
