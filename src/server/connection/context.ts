import type { Files } from '../../files/files.js';
import type { DateClock } from '../../http/date.js';
import type { Limits } from '../../http/limits.js';
import type { RequestParser } from '../../http/request/parser.js';
import type { FlushQueue } from '../handlers/flush-queue.js';
import type { HandlerRunner } from '../handlers/handler.js';
import type { AccessLog } from './access-log.js';

/** What the sessions of one server share. */
export interface ServerContext {
  readonly limits: Limits;
  readonly parser: RequestParser;
  readonly clock: DateClock;
  /** Null for a server of handlers alone. */
  readonly files: Files | null;
  /** Null for a server of files alone. */
  readonly handlers: HandlerRunner | null;
  readonly flushQueue: FlushQueue;
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
  readonly errorResponses: Map<number, number>;
  /** The session's connection is closed. */
  onConnectionClosed(session: object): void;
}
