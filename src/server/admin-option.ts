import { text } from '../files/rules/option-type.js';
import { isAddress } from '../net/listening/address.js';
import { parseListen } from '../net/listening/listen-address.js';

const LOOPBACK = '127.0.0.1';

/** Where an admin door listens. */
export interface AdminAddress {
  /** As options of a server. */
  readonly listen: string;
  /** Only this machine reaches it by TCP, and so every page that a browser on it has open. */
  readonly isLoopback: boolean;
  /** Other machines may reach it. */
  readonly isOpen: boolean;
}

/** @returns null unless it is `PORT`, `HOST:PORT` with an address or localhost, or `unix:PATH` */
export function adminAddress(given: string): AdminAddress | null {
  const address = parseListen(given, '/');
  if (address?.kind === 'unix') return { listen: given, isLoopback: false, isOpen: false };
  if (address?.kind !== 'tcp') return null;
  const host = address.host === null || address.host === 'localhost' ? LOOPBACK : address.host;
  if (!isAddress(host)) return null;
  const isLoopback = host === '::1' || host.startsWith('127.');
  return { listen: `${host.includes(':') ? `[${host}]` : host}:${address.port}`, isLoopback, isOpen: !isLoopback };
}

export const ADMIN = text(
  'an address and a port such as "127.0.0.1:9090", or "unix:" and a path',
  (value) => adminAddress(value) !== null,
  { minLength: 1 },
);
