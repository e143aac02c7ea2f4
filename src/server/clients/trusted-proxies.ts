import { IpAddress } from '../../net/ip/ip-address.js';
import { Networks } from '../../net/ip/networks.js';
import type { SocketAddress } from '../../sys/kernel.js';

/** In place of a network: the peers of Unix sockets. */
export const UNIX_PEERS = 'unix';

/** The peers that are believed about their clients. */
export class TrustedProxies {
  readonly networks: Networks;
  private readonly hasUnix: boolean;
  private readonly address = new IpAddress();

  /**
   * @param trusted networks, and UNIX_PEERS
   * @param sendHeader each connection of theirs begins with a PROXY header
   */
  constructor(
    trusted: readonly string[],
    readonly sendHeader: boolean,
  ) {
    this.networks = new Networks(trusted.filter((each) => each !== UNIX_PEERS));
    this.hasUnix = trusted.includes(UNIX_PEERS);
  }

  includes(peer: SocketAddress): boolean {
    if (peer.family === 'unix') return this.hasUnix;
    return this.address.parse(peer.address) && this.networks.contains(this.address);
  }
}
