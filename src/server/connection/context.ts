import type { Files } from '../../files/files.js';
import type { DateClock } from '../../http/date.js';
import type { Limits } from '../../http/limits.js';
import type { RequestParser } from '../../http/request/parser.js';
import type { ClientLimits } from '../clients/client-limits.js';
import type { TrustedProxies } from '../clients/trusted-proxies.js';
import type { FlushQueue } from '../handlers/flush-queue.js';
import type { HandlerRunner } from '../handlers/handler-runner.js';
import type { HandlerServer } from '../handlers/handler-server.js';
import type { AccessLog } from '../log/access-log.js';
import type { Meter } from '../measure/meter.js';
import type { Router } from '../routes/router.js';
import type { UpgradeHandler } from '../upgrade/upgrade-context.js';
import type { WebSockets } from '../websocket/web-sockets.js';
import type { RequestIds } from './request-ids.js';

/** What the HTTP connections of one server share. */
export interface ServerContext {
  /** This, and the next ones, are replaced by a reload. */
  limits: Limits;
  parser: RequestParser;
  readonly clock: DateClock;
  /** Null for a server without a root. */
  files: Files | null;
  /** Null for a server without a handler. */
  handlers: HandlerRunner | null;
  /** Null for a server without routes, as one without a handler is. */
  routes: Router | null;
  /** Null if upgrades are ordinary requests. */
  upgrade: UpgradeHandler | null;
  /** Writes a failure to standard error. @param culprit in words, such as `a handler` */
  report(culprit: string, error: unknown): void;
  /** Null without a `websocket`. */
  webSockets: WebSockets | null;
  readonly flushQueue: FlushQueue;
  /** Null if it is off. */
  readonly log: AccessLog | null;
  /** Null unless requests have ids. */
  readonly requestIds: RequestIds | null;
  /** Null unless the server measures. */
  readonly meter: Meter | null;
  /** Null if the limits of a client address are off. Replaced by a reload. */
  clients: ClientLimits | null;
  /** Null without trusted proxies. Replaced by a reload. */
  proxies: TrustedProxies | null;
  /** The channel `epollet.request` has subscribers, as of the start of the turn. */
  isTraced: boolean;
  /** The Server, for HandlerContext. */
  readonly server: HandlerServer;
  /** `host:port` for requests without a Host field. */
  defaultHost: string;
  /** The server is stopping: every response closes its connection. */
  isDraining: boolean;
  /** Requests responded to, or given to a handler; requests with an error in their framing do not count. */
  requests: number;
  handlerTimeouts: number;
  /** Expired deadlines of heads, bodies, handlers and idle connections. */
  timeouts: number;
  /** Connections of trusted proxies that were closed because they did not begin with a PROXY header. */
  invalidProxyHeaders: number;
  /** By status: responses to requests that were not valid, too large or too slow. */
  readonly errorResponses: Map<number, number>;
  onConnectionClosed(connection: object): void;
}
