/** The door `epollet/reactor`: readiness, deadlines and wake-ups for descriptors of your own. */
export { NEVER } from './deadlines.js';
export { BlockingDriver, NestedDriver } from './driver.js';
export { BOTH, ENDED, type Interest, NOTHING, READABLE, type Trigger, WRITABLE } from './interest.js';
export type { ReactorOptions, ReactorStats, RegisterOptions } from './options.js';
export { Reactor } from './reactor.js';
export type { Handler, Token } from './registry.js';
export type { Settler } from './settling.js';
export { Wakeup } from './wakeup.js';
