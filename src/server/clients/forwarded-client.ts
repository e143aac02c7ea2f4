import { lastElementStart, parseForwarded, type Scheme, schemeOf } from '../../http/forwarded.js';
import { FieldId, trimWhitespace } from '../../http/headers.js';
import type { RequestParser } from '../../http/request/parser.js';
import { IpAddress, parseNode } from '../../net/ip/ip-address.js';
import type { SocketAddress } from '../../sys/kernel.js';
import type { TrustedProxies } from './trusted-proxies.js';

const FIELDS = (1 << FieldId.forwarded) | (1 << FieldId.xForwardedFor);
const address = new IpAddress();

/**
 * The clients of the requests of a connection whose peer is a trusted proxy, or has sent a PROXY header.
 *
 * X-Forwarded-For, or without it Forwarded (RFC 7239), is a list to which each proxy has appended the address that it got
 * the request from. It is walked from its end, over addresses that are trusted, since those have written what is before
 * them. The client is the first that is not trusted, or the last one that was reached: the walk also ends at an element
 * that is not an address. Whatever a client has sent itself is in front of that.
 *
 * Most proxies write X-Forwarded-For and leave a Forwarded of the client as it is: that is why the former counts.
 */
export class ForwardedClient {
  private isRead = false;
  private client: SocketAddress;
  /** By Forwarded. */
  private forwardedScheme: Scheme | null = null;
  /** The section that was read, if the parser has cached it: further requests with the same bytes have the same client. */
  private section: object | null = null;

  /**
   * @param peer of the connection, or the source of its PROXY header
   * @param source of its PROXY header, null without one
   * @param proxies null if the peer itself is not trusted, and so the client of all requests
   */
  constructor(
    readonly peer: SocketAddress,
    readonly source: SocketAddress | null,
    private readonly proxies: TrustedProxies | null,
  ) {
    this.client = peer;
  }

  /** The parser holds another request. */
  reset(): void {
    this.isRead = false;
  }

  /** Of the request that the parser holds; the peer's if its head is not whole. */
  addressOf(parser: RequestParser): SocketAddress {
    if (!this.isRead) this.read(parser);
    return this.client;
  }

  /** The scheme by which the client has sent the request that the parser holds; null if no trusted proxy has written it. */
  schemeOf(parser: RequestParser): Scheme | null {
    if (!this.isRead) this.read(parser);
    const proto = this.proxies === null || !parser.hasAllFields ? null : parser.list(FieldId.xForwardedProto);
    if (proto === null) return this.forwardedScheme;
    return schemeOf(trimWhitespace(proto.slice(proto.lastIndexOf(',') + 1)));
  }

  private read(parser: RequestParser): void {
    const section = parser.cachedSection;
    this.isRead = true;
    if (section !== null && section === this.section) return;
    this.section = section;
    this.client = this.peer;
    this.forwardedScheme = null;
    // In a part of a head the last element is not the one that the proxy has appended.
    if (this.proxies === null || !parser.hasAllFields || (parser.presentMask & FIELDS) === 0) return;
    const list = parser.list(FieldId.xForwardedFor);
    if (list !== null) this.walkAddresses(list);
    else if (parser.has(FieldId.forwarded)) this.walkForwarded(parser.list(FieldId.forwarded)!);
  }

  private walkAddresses(list: string): void {
    for (let end = list.length, start = 0; end > 0; end = start - 1) {
      start = list.lastIndexOf(',', end - 1) + 1;
      const node = trimWhitespace(list.slice(start, end));
      if (node !== '' && !this.take(node)) return;
    }
  }

  private walkForwarded(list: string): void {
    for (let end = list.length, start = 0; end > 0; end = start - 1) {
      start = lastElementStart(list, end);
      const text = start < 0 ? '"' : trimWhitespace(list.slice(start, end));
      if (text === '') continue;
      const element = parseForwarded(text);
      if (element === null) return;
      this.forwardedScheme = schemeOf(element.proto);
      if (element.node === null || !this.take(element.node)) return;
    }
  }

  /** Takes a node as the client. Returns whether it is a trusted proxy, so that the element before it counts as well. */
  private take(node: string): boolean {
    const port = parseNode(node, address);
    if (port < 0) return false;
    this.client = { family: address.isIPv4 ? 'IPv4' : 'IPv6', address: address.toString(), port };
    return this.proxies!.networks.contains(address);
  }
}
