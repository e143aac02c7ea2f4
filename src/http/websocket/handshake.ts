import { hash } from 'node:crypto';
import { isToken, listElements, trimWhitespace } from '../headers.js';
import { type DeflateAgreement, type DeflateOptions, deflateField, negotiateDeflate } from './deflate-offer.js';

/** The request of a handshake. */
export interface HandshakeRequest {
  readonly method: string;
  /** The minor version of HTTP/1. */
  readonly minorVersion: number;
  /** The value of a field, several joined with a comma; null without it. @param name in lower case */
  field(name: string): string | null;
}

/** A valid handshake, which `switchingProtocols` completes. */
export interface Handshake {
  /** The value of Sec-WebSocket-Accept. */
  readonly accept: string;
  /** The subprotocols that the client offers, in its order of preference. */
  readonly protocols: readonly string[];
  /** Null without permessage-deflate. */
  readonly deflate: DeflateAgreement | null;
}

/** Why a request is not a handshake, as the response to it. */
export interface HandshakeError {
  readonly status: 400 | 405 | 426;
  /** One sentence for the body. */
  readonly reason: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** The only version that is in use, RFC 6455 section 4.1. */
const VERSION = '13';
/** RFC 6455 section 1.3. */
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** 16 bytes in base64. */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

const UPGRADE_REQUIRED: HandshakeError['fields'] = [
  ['Upgrade', 'websocket'],
  ['Connection', 'Upgrade'],
  ['Sec-WebSocket-Version', VERSION],
];

/**
 * Validates a request to open a WebSocket, RFC 6455 section 4.2.1. Whether its Origin is welcome is for the handler.
 * @param deflate null to decline permessage-deflate
 */
export function validateHandshake(
  request: HandshakeRequest,
  deflate: DeflateOptions | null,
): Handshake | HandshakeError {
  if (request.method !== 'GET')
    return { status: 405, reason: 'A WebSocket is opened by GET.', fields: [['Allow', 'GET']] };
  if (request.minorVersion !== 1 || !lists(request, 'upgrade', 'websocket') || !lists(request, 'connection', 'upgrade'))
    return upgradeRequired('Connect by WebSocket: Upgrade and Connection are missing.');
  if (request.field('sec-websocket-version') !== VERSION)
    return upgradeRequired(`Sec-WebSocket-Version must be ${VERSION}.`);
  const key = request.field('sec-websocket-key');
  if (key === null || !KEY.test(key)) return badRequest('Sec-WebSocket-Key must be 16 bytes in base64.');
  const protocols = protocolsOf(request.field('sec-websocket-protocol'));
  if (protocols === null) return badRequest('Sec-WebSocket-Protocol must be a list of different tokens.');
  return {
    accept: acceptOf(key),
    protocols,
    deflate: deflate === null ? null : negotiateDeflate(request.field('sec-websocket-extensions'), deflate),
  };
}

export const isHandshakeError = (result: Handshake | HandshakeError): result is HandshakeError => 'status' in result;

/** The value of Sec-WebSocket-Accept for a key, RFC 6455 section 4.2.2. */
export const acceptOf = (key: string): string => hash('sha1', key + ACCEPT_SUFFIX, 'base64');

/**
 * The head of the response with status 101, in latin1.
 * @param protocol one of the client's; null for none
 * @param fields others, valid as fields of a response
 */
export function switchingProtocols(
  { accept, deflate }: Handshake,
  protocol: string | null,
  fields: Iterable<readonly [name: string, value: string]> = [],
): string {
  let head = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n`;
  if (protocol !== null) head += `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  if (deflate !== null) head += `Sec-WebSocket-Extensions: ${deflateField(deflate)}\r\n`;
  for (const [name, value] of fields) head += `${name}: ${value}\r\n`;
  return `${head}\r\n`;
}

const lists = (request: HandshakeRequest, name: string, element: string): boolean =>
  listElements(request.field(name) ?? '').includes(element);

/** Null if one is not a token, or comes twice, RFC 6455 section 4.1. They are case-sensitive. */
function protocolsOf(value: string | null): string[] | null {
  if (value === null) return [];
  const protocols = value.split(',').map(trimWhitespace);
  return protocols.every(isToken) && new Set(protocols).size === protocols.length ? protocols : null;
}

const upgradeRequired = (reason: string): HandshakeError => ({ status: 426, reason, fields: UPGRADE_REQUIRED });
const badRequest = (reason: string): HandshakeError => ({ status: 400, reason, fields: [] });
