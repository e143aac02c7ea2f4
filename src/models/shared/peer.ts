import { kernel } from '../../sys/index.js';

const SHOWN_BYTES_MAX = 60;

/** Who is at the other end: address and port. */
export function peerOf(fd: number): string {
  const name = kernel.getpeername(fd);
  if (typeof name === 'number') return 'a peer that has gone';
  return name.family === 'IPv6' ? `[${name.address}]:${name.port}` : `${name.address}:${name.port}`;
}

/** What a peer sent, for people: quoted, so that nothing that it sends can move the cursor of who reads it. */
export function shown(bytes: Buffer): string {
  const text = bytes.toString('utf8', 0, SHOWN_BYTES_MAX);
  const more = bytes.length > SHOWN_BYTES_MAX ? ' …' : '';
  const quoted = JSON.stringify(text).replaceAll(/[\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, '.');
  return `${bytes.length} ${bytes.length === 1 ? 'byte' : 'bytes'} ${quoted}${more}`;
}
