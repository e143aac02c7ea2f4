import { isIP } from 'node:net';

/**
 * Whether a request for this host may come from a page that a browser has open. By DNS rebinding, a page of any site can
 * send requests to the loopback under a name of its own, but not under an IP address or `localhost` (RFC 6761, section
 * 6.3).
 * @param hostname as URL has it
 */
export function isOwnHost(hostname: string): boolean {
  const name = hostname.replace(/^\[(.*)\]$/, '$1');
  return isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost');
}
