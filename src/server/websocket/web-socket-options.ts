import type { HeadersSource } from '../../fetch/native.js';
import {
  BOOLEAN,
  checkedMembers,
  choice,
  integer,
  invalidValue,
  type OptionRow,
  type OptionType,
} from '../../files/rules/option-type.js';
import type { ServerWebSocket } from './server-web-socket.js';

/** What a handler may return: a promise is not waited for, but what it rejects with is that of `error`. */
type Returned = unknown;

/**
 * The handlers of WebSockets, and what these may use; the names, the units and the defaults are those of Bun.
 *
 * A handler that throws, or whose promise rejects, closes its socket with 1011; the error goes to `error`, or to standard
 * error. They are called one at a time for a socket, in the order of what has come.
 */
// biome-ignore lint/suspicious/noExplicitAny: what a program attaches is known to it alone
export interface WebSocketHandler<Data = any> {
  /** A client is connected. */
  open?(ws: ServerWebSocket<Data>): Returned;
  /** A message: a string for text, else as `ws.binaryType` has it, a Buffer at first. */
  message(ws: ServerWebSocket<Data>, message: string | Buffer): Returned;
  /**
   * It is closed. Called once.
   * @param code of the client's close frame; 1005 if that had none, 1006 without a close frame, or the one that the server
   *   has failed the connection with, such as 1009 for a message longer than `maxPayloadLength`
   */
  close?(ws: ServerWebSocket<Data>, code: number, reason: string): Returned;
  /** All that waited, after a `send` that returned -1, is sent. */
  drain?(ws: ServerWebSocket<Data>): Returned;
  /** A ping, whose pong is sent already. */
  ping?(ws: ServerWebSocket<Data>, data: Buffer): Returned;
  pong?(ws: ServerWebSocket<Data>, data: Buffer): Returned;
  /** A handler has thrown; the socket is then closed with 1011. */
  error?(ws: ServerWebSocket<Data>, error: unknown): Returned;
  /** For the type of `data` alone; the value is not used. */
  data?: Data;
  /** Most bytes of a message; a longer one closes the socket with 1009. @default 16777216 */
  maxPayloadLength?: number;
  /** Bytes waiting for a client, above which `send` drops the message; 0 is without limit. @default 16777216 */
  backpressureLimit?: number;
  /** Ends the connection instead. @default false */
  closeOnBackpressureLimit?: boolean;
  /**
   * In seconds: without anything from the client for so long, the connection is ended. Without `sendPings`, what is sent
   * counts as well. 0 is without limit. @default 120
   */
  idleTimeout?: number;
  /** Sends a ping some seconds before the `idleTimeout`, so that it ends only clients that do not respond. @default true */
  sendPings?: boolean;
  /** `ws.publish` sends to the publishing socket too, if it is subscribed. @default false */
  publishToSelf?: boolean;
  /**
   * permessage-deflate, RFC 7692, for clients that have it; a message is compressed if `send` is called so. `true` is
   * `shared` both ways. @default false
   */
  perMessageDeflate?: boolean | { compress?: Compressor; decompress?: Compressor };
}

/**
 * `shared`, or true: each message for itself, without memory for an idle socket. `dedicated`: with references to earlier
 * messages, which are up to 32 KiB of memory for each socket. `disable`, or false: what is sent is not compressed; of
 * what is received, without permessage-deflate.
 */
export type Compressor = boolean | 'disable' | 'shared' | 'dedicated';

/** The second argument of `server.upgrade`. */
export interface WebSocketUpgradeOptions<Data = undefined> {
  /** What `ws.data` is, in every handler. */
  data?: Data;
  /** Further fields of the response with status 101; `Sec-WebSocket-Protocol` is by default the first that the client offers. */
  headers?: HeadersSource;
}

const FUNCTION: OptionType<unknown> = {
  schema: {},
  check: (name, value) => (typeof value === 'function' ? value : invalidValue(name, 'a function', value)),
};
const ANYTHING: OptionType<unknown> = { schema: {}, check: (_, value) => value };

const SECONDS: OptionType<number> = {
  schema: {},
  check(name, value) {
    if (typeof value === 'number' && value >= 0 && value <= 86_400) return value;
    return invalidValue(name, 'a number of seconds from 0 to 86400', value);
  },
};

const COMPRESSORS: readonly unknown[] = [true, false, 'disable', 'shared', 'dedicated'];
const COMPRESSOR: OptionRow<unknown> = { type: choice(COMPRESSORS), default: 'shared', description: '' };

const DEFLATE: OptionType<unknown> = {
  schema: {},
  check: (name, value) =>
    typeof value === 'boolean'
      ? value
      : checkedMembers<object>(name, value, { compress: COMPRESSOR, decompress: COMPRESSOR } as never),
};

const MIB_16 = 16_777_216;
/** Of a string in V8, whose bytes may be as many. */
const MOST_BYTES = 2 ** 29 - 24;

const optional = (type: OptionType<unknown>, byDefault: unknown = undefined): OptionRow<unknown> => ({
  type,
  default: byDefault,
  description: '',
});
const handler: OptionRow<unknown> = {
  type: { schema: {}, check: (name, value) => (value === undefined ? undefined : FUNCTION.check(name, value)) },
  default: undefined,
  description: '',
};

const ROWS: { readonly [name in keyof WebSocketHandler]-?: OptionRow<unknown> } = {
  open: handler,
  message: { type: FUNCTION, description: '' },
  close: handler,
  drain: handler,
  ping: handler,
  pong: handler,
  error: handler,
  data: optional(ANYTHING),
  maxPayloadLength: optional(integer(0, MOST_BYTES), MIB_16),
  backpressureLimit: optional(integer(0, 2 ** 32 - 1), MIB_16),
  closeOnBackpressureLimit: optional(BOOLEAN, false),
  idleTimeout: optional(SECONDS, 120),
  sendPings: optional(BOOLEAN, true),
  publishToSelf: optional(BOOLEAN, false),
  perMessageDeflate: optional(DEFLATE, false),
};

/** With the defaults. */
export type CheckedWebSocketHandler = WebSocketHandler &
  Required<
    Pick<
      WebSocketHandler,
      | 'maxPayloadLength'
      | 'backpressureLimit'
      | 'closeOnBackpressureLimit'
      | 'idleTimeout'
      | 'sendPings'
      | 'publishToSelf'
      | 'perMessageDeflate'
    >
  >;

/** The `websocket` of a server. */
export const WEBSOCKET: OptionType<CheckedWebSocketHandler> = {
  schema: {},
  check: (name, value) => checkedMembers(name, value, ROWS as never) as CheckedWebSocketHandler,
};
