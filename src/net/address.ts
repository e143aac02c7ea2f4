import { isIP } from 'node:net';

/** An address that bind(2) takes; it does not take one with a zone (`fe80::1%eth0`). */
export const isAddress = (hostname: string): boolean => isIP(hostname) !== 0 && !hostname.includes('%');
