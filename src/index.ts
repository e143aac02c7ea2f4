/** The door `epollet`: an HTTP server for files. */

export type { CorsOptions } from './files/cors.js';
export type { CacheControlRule, EtagSource, HeaderRule, SiteOptions, SymlinkPolicy } from './files/options.js';
export type { RedirectRule } from './files/redirects.js';
export { LIMITS, type Limit, type Limits } from './http/limits.js';
export type { Trigger } from './reactor/interest.js';
export type { AccessLogFormat } from './server/access-log.js';
export type { ErrorHandler, FetchHandler, HandlerContext } from './server/handlers.js';
export type { HostOptions, ServeOptions } from './server/options.js';
export { type Server, type ServerStats, type StopOptions, serve } from './server/server.js';
