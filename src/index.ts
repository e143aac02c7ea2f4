/// <reference types="node" preserve="true" />
/**
 * `epollet`: an HTTP server for files and fetch handlers.
 * @module
 */
export { serve } from './admin/serve.js';
export type { CorsOptions } from './files/rules/cors.js';
export type { RedirectRule } from './files/rules/redirects.js';
export type {
  CacheControlRule,
  EtagSource,
  HeaderRule,
  SiteOptions,
  SymlinkPolicy,
} from './files/rules/site-options.js';
export { LIMITS, type Limit, type Limits } from './http/limits.js';
export type { Trigger } from './reactor/interest.js';
export type { HandlerContext } from './server/handlers/handler-context.js';
export type { ErrorHandler, FetchHandler } from './server/handlers/handler-runner.js';
export type { ClientAddress, HandlerServer, ServerStats, StopOptions } from './server/handlers/handler-server.js';
export type { ListenOption } from './server/listen-option.js';
export type { AccessLogFormat } from './server/log/access-log.js';
export type { HistogramStats } from './server/measure/histogram.js';
export type { EventLoopDelay, Measurements } from './server/measure/meter.js';
export type { HostOptions, ServeOptions, WorkersOptions } from './server/options.js';
export type { Route, RouteHandler, RouteParams, RouteRequest, Routes } from './server/routes/route-types.js';
export type { Server } from './server/server.js';
export type { RequestMessage } from './server/tracing/request-trace.js';
export type { UpgradeContext, UpgradeHandler } from './server/upgrade/upgrade-context.js';
export type { UpgradeSocket } from './server/upgrade/upgrade-socket.js';
export type { BinaryMessage, BinaryType, ServerWebSocket } from './server/websocket/server-web-socket.js';
export type { WebSocketHandler, WebSocketUpgradeOptions } from './server/websocket/web-socket-options.js';
export type { WebSocketStats } from './server/websocket/web-sockets.js';
export type { AcceptMode } from './server/workers-option.js';
export type { Supervisor, TotalStats, WorkerStats } from './workers/supervisor.js';
