import { trimWhitespace } from '../headers.js';
import { splitUnquoted } from '../semantics/accept.js';

const NAME = 'permessage-deflate';

/** What the server wishes for compression: without context an idle connection holds none of its state. */
export interface DeflateOptions {
  /** Whether the server's messages refer to its earlier ones, if the client permits it: smaller, for more memory. */
  readonly serverContext: boolean;
  /** Whether the client's messages may refer to its earlier ones. */
  readonly clientContext: boolean;
}

/** What both sides have agreed on, RFC 7692 section 7.1. */
export interface DeflateAgreement extends DeflateOptions {
  /** 9 to 15: how far the server's references go back. */
  readonly serverWindowBits: number;
}

/** zlib has no raw window of 8 bits; an offer that demands it is declined. */
const WINDOW_BITS_MIN = 9;
const WINDOW_BITS_MAX = 15;

const PARAMETERS = [
  'server_no_context_takeover',
  'client_no_context_takeover',
  'server_max_window_bits',
  'client_max_window_bits',
];

/**
 * The first acceptable offer of permessage-deflate, RFC 7692 sections 5 and 7; null if there is none. Offers with unknown,
 * malformed or repeated parameters are declined.
 * @param offers the value of Sec-WebSocket-Extensions; null without the field
 */
export function negotiateDeflate(offers: string | null, options: DeflateOptions): DeflateAgreement | null {
  if (offers === null) return null;
  for (const offer of splitUnquoted(offers, ',')) {
    const [name, ...parameters] = splitUnquoted(offer, ';');
    const agreement = trimWhitespace(name!) === NAME ? agreementOn(parameters, options) : null;
    if (agreement !== null) return agreement;
  }
  return null;
}

/** The value of Sec-WebSocket-Extensions in the response. */
export function deflateField({ serverContext, clientContext, serverWindowBits }: DeflateAgreement): string {
  let value = NAME;
  if (!serverContext) value += '; server_no_context_takeover';
  if (!clientContext) value += '; client_no_context_takeover';
  if (serverWindowBits < WINDOW_BITS_MAX) value += `; server_max_window_bits=${serverWindowBits}`;
  return value;
}

function agreementOn(parameters: string[], options: DeflateOptions): DeflateAgreement | null {
  const values = new Map<string, string | null>();
  for (const parameter of parameters) {
    const [name, value] = pairOf(parameter);
    if (!PARAMETERS.includes(name) || values.has(name)) return null;
    const isFlag = name.endsWith('_takeover');
    // Only the client's window may be without a value: the client can have any.
    if (value === null ? name === 'server_max_window_bits' : isFlag || !isWindow(value)) return null;
    values.set(name, value);
  }
  const serverWindowBits = Number(values.get('server_max_window_bits') ?? WINDOW_BITS_MAX);
  if (serverWindowBits < WINDOW_BITS_MIN) return null;
  return {
    serverContext: options.serverContext && !values.has('server_no_context_takeover'),
    clientContext: options.clientContext && !values.has('client_no_context_takeover'),
    serverWindowBits,
  };
}

/** A value is a token, or one in quotes, RFC 6455 section 9.1. */
function pairOf(parameter: string): [name: string, value: string | null] {
  const equals = parameter.indexOf('=');
  if (equals < 0) return [trimWhitespace(parameter), null];
  const value = trimWhitespace(parameter.slice(equals + 1));
  const isQuoted = value.length > 2 && value.startsWith('"') && value.endsWith('"');
  return [trimWhitespace(parameter.slice(0, equals)), isQuoted ? value.slice(1, -1) : value];
}

/** 8 to 15, without leading zeros, RFC 7692 section 7.1.2. */
const isWindow = (value: string): boolean => /^(?:[89]|1[0-5])$/.test(value);
