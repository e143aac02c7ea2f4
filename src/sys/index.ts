/// <reference types="node" preserve="true" />
/**
 * `epollet/sys`: the system calls as they are, their constants and their errnos.
 * @module
 */
export { constants, kernel } from './binding.js';
export type { Constants } from './constants/constants.js';
export * from './directory.js';
export * from './errno.js';
export * from './events.js';
export { assertFd, fdOf, type HasFd } from './fd.js';
export { forEachInotifyEvent } from './inotify.js';
export * from './kernel.js';
export * from './terminal.js';
