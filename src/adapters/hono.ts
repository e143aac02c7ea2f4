/// <reference types="node" preserve="true" />
/**
 * `epollet/hono`: what Hono's adapters have for their servers: `upgradeWebSocket`, `serveStatic`, `getConnInfo`.
 * @module
 */
export { getConnInfo } from './hono-connection.js';
export { type ServeStaticOptions, serveStatic } from './hono-static.js';
export { type UpgradeOptions, upgradeWebSocket, websocket } from './hono-websocket.js';
