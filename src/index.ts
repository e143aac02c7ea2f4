/** The door `epollet`: an HTTP server for files. */
export { LIMITS, type Limit, type Limits } from './http/limits.js';
export type { Trigger } from './reactor/interest.js';
export type { AccessLogFormat } from './server/access-log.js';
export { type ServeOptions, type Server, type ServerStats, type StopOptions, serve } from './server/server.js';
