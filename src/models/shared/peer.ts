import { kernel } from '../../sys/index.js';

const MAX_SHOWN_BYTES = 60;

export function peerName(fd: number): string {
  const name = kernel.getpeername(fd);
  if (typeof name === 'number') return 'a disconnected peer';
  return name.family === 'IPv6' ? `[${name.address}]:${name.port}` : `${name.address}:${name.port}`;
}

/** Received bytes for a terminal: quoted, so that a peer cannot send control sequences to it. */
export function quoteBytes(bytes: Buffer): string {
  const text = bytes.toString('utf8', 0, MAX_SHOWN_BYTES);
  const more = bytes.length > MAX_SHOWN_BYTES ? ' …' : '';
  const quoted = JSON.stringify(text).replaceAll(/[\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, '.');
  return `${bytes.length} ${bytes.length === 1 ? 'byte' : 'bytes'} ${quoted}${more}`;
}
