/// <reference types="node" preserve="true" />
/**
 * `epollet/hono`: what Hono's adapters have for their servers: `serveStatic`, `getConnInfo`.
 * @module
 */
export { getConnInfo } from './hono-connection.js';
export { type ServeStaticOptions, serveStatic } from './hono-static.js';
