import type { SocketAddress } from '../sys/kernel.js';
import { IpAddress, portOf } from './ip/ip-address.js';

/** The results of a parse, which is else where the header ends. */
export const PARTIAL = -1;
export const INVALID = -2;

const TEXT_START = Buffer.from('PROXY ');
/** With CRLF, section 2.1. */
const TEXT_BYTES_MAX = 107;
const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n');
const FIXED_BYTES = SIGNATURE.length + 4;
/** Addresses and all that senders add to them; nginx has the same limit. */
const BINARY_BYTES_MAX = 4096;
const LF = 0x0a;
const CR = 0x0d;

/** The second half of the byte of version and command. */
const Command = { local: 0, proxy: 1 } as const;
/** Address family and transport protocol, and the bytes of both addresses. Datagrams are valid, and have no address here. */
const Transport = { unspecified: 0x00, tcp4: 0x11, tcp6: 0x21, unix: 0x31 } as const;
const ADDRESS_BYTES: ReadonlyMap<number, number> = new Map([
  [Transport.unspecified, 0],
  [Transport.tcp4, 12],
  [0x12, 12],
  [Transport.tcp6, 36],
  [0x22, 36],
  [Transport.unix, 216],
  [0x32, 216],
]);
const UNIX_PATH_BYTES = 108;

/**
 * The header with which a proxy begins a connection, in version 1 or 2 of HAProxy's PROXY protocol; the sections are those
 * of https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt. Nothing but the client's address is taken of it; it is
 * valid or invalid as soon as its bytes show that, however they are cut.
 */
export class ProxyHeader {
  /** The client's address; null if the header has none, and the peer of the connection is the client. */
  source: SocketAddress | null = null;
  private readonly address = new IpAddress();

  /**
   * @param start where the connection starts; `end` is behind it
   * @returns where the header ends; PARTIAL, to be parsed again from the same start with more bytes; INVALID
   */
  parse(bytes: Uint8Array, start: number, end: number): number {
    this.source = null;
    return bytes[start] === TEXT_START[0] ? this.parseText(bytes, start, end) : this.parseBinary(bytes, start, end);
  }

  /** `PROXY TCP4 192.0.2.1 198.51.100.1 4711 80` CRLF. Behind UNKNOWN anything may come, section 2.1. */
  private parseText(bytes: Uint8Array, start: number, end: number): number {
    if (!startsWith(bytes, start, end, TEXT_START)) return INVALID;
    const limit = Math.min(end, start + TEXT_BYTES_MAX);
    let at = start;
    while (at < limit && bytes[at] !== LF) at++;
    if (at === limit) return limit - start === TEXT_BYTES_MAX ? INVALID : PARTIAL;
    if (bytes[at - 1] !== CR) return INVALID;
    const line = textOf(bytes, start, at - 1).toString('latin1');
    const [, family, source = '', destination = '', sourcePort = '', port = '', ...rest] = line.split(' ');
    if (family === 'UNKNOWN') return at + 1;
    const isIPv6 = family === 'TCP6';
    if ((!isIPv6 && family !== 'TCP4') || rest.length > 0) return INVALID;
    if (!this.isOf(isIPv6, destination) || portOf(port) < 0) return INVALID;
    if (!this.isOf(isIPv6, source) || portOf(sourcePort) < 0) return INVALID;
    this.setSource(portOf(sourcePort));
    return at + 1;
  }

  private parseBinary(bytes: Uint8Array, start: number, end: number): number {
    if (!startsWith(bytes, start, end, SIGNATURE)) return INVALID;
    let at = start + SIGNATURE.length;
    if (at >= end) return PARTIAL;
    const command = bytes[at]! & 15;
    if (bytes[at++]! >> 4 !== 2 || command > Command.proxy) return INVALID;
    if (start + FIXED_BYTES > end) return PARTIAL;
    const transport = bytes[at++]!;
    const length = (bytes[at]! << 8) | bytes[at + 1]!;
    const headerEnd = start + FIXED_BYTES + length;
    if (FIXED_BYTES + length > BINARY_BYTES_MAX) return INVALID;
    // A connection of the proxy's own, such as a health check: the rest does not count, section 2.2.
    if (command === Command.proxy && !(length >= (ADDRESS_BYTES.get(transport) ?? Number.POSITIVE_INFINITY)))
      return INVALID;
    if (headerEnd > end) return PARTIAL;
    if (command === Command.proxy) this.readSource(bytes, start + FIXED_BYTES, transport);
    return headerEnd;
  }

  private readSource(bytes: Uint8Array, at: number, transport: number): void {
    if (transport === Transport.unix) this.source = { family: 'unix', address: pathOf(bytes, at), port: 0 };
    if (transport !== Transport.tcp4 && transport !== Transport.tcp6) return;
    const length = transport === Transport.tcp4 ? 4 : 16;
    this.address.read(bytes, at, length);
    this.setSource((bytes[at + 2 * length]! << 8) | bytes[at + 2 * length + 1]!);
  }

  private isOf(isIPv6: boolean, text: string): boolean {
    return text.includes(':') === isIPv6 && this.address.parse(text);
  }

  private setSource(port: number): void {
    const { address } = this;
    this.source = { family: address.isIPv4 ? 'IPv4' : 'IPv6', address: address.toString(), port };
  }
}

/** Whether the bytes that are there are those of the beginning. */
function startsWith(bytes: Uint8Array, start: number, end: number, beginning: Uint8Array): boolean {
  const length = Math.min(end - start, beginning.length);
  for (let i = 0; i < length; i++) if (bytes[start + i] !== beginning[i]) return false;
  return true;
}

/** As getpeername has it: an abstract name begins with a NUL. */
function pathOf(bytes: Uint8Array, start: number): string {
  const path = textOf(bytes, start, start + UNIX_PATH_BYTES);
  const end = path.indexOf(0, 1);
  const text = path.toString('utf8', 0, end < 0 ? path.length : end);
  return text === '\0' ? '' : text;
}

const textOf = (bytes: Uint8Array, start: number, end: number): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
