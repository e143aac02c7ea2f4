import type { Files } from '../files/serve.js';
import type { DateClock } from '../http/date.js';
import type { Limits } from '../http/limits.js';
import type { RequestParser } from '../http/request-parser.js';
import type { AccessLog } from './access-log.js';
import type { Flusher } from './flusher.js';
import type { Handlers } from './handlers.js';

/** What the sessions of one server share. */
export interface Service {
  readonly limits: Limits;
  readonly parser: RequestParser;
  readonly clock: DateClock;
  /** Null for a server of handlers alone. */
  readonly files: Files | null;
  /** Null for a server of files alone. */
  readonly handlers: Handlers | null;
  readonly flusher: Flusher;
  readonly log: AccessLog | null;
  /** What handlers are told of the server. */
  readonly server: unknown;
  /** `host:port` for requests that name none. */
  defaultHost: string;
  /** The server stops: every answer is its connection's last. */
  draining: boolean;
  requests: number;
  handlerTimeouts: number;
  /** Heads, bodies, handlers and idle connections whose time was over. */
  timeouts: number;
  readonly refusals: Map<number, number>;
  /** The session's connection is closed. */
  ended(session: object): void;
}
