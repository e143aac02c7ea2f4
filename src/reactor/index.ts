/// <reference types="node" preserve="true" />
/**
 * `epollet/reactor`: readiness, deadlines and wake-ups for descriptors of your own.
 * @module
 */
export type { BatchEndHandler } from './batch-end.js';
export { NEVER } from './deadlines.js';
export { BlockingDriver, NestedDriver } from './driver.js';
export { EnclosingDriver } from './enclosing-driver.js';
export { BOTH, ENDED, type Interest, NOTHING, PRIORITY, READABLE, type Trigger, WRITABLE } from './interest.js';
export type { Driver, ReactorOptions, ReactorStats, RegisterOptions } from './options.js';
export { Reactor } from './reactor.js';
export type { Handler, Token } from './registry.js';
export { Wakeup } from './wakeup.js';
