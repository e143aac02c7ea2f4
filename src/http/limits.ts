import { inspect } from 'node:util';
import { withCode } from '../sys/error-code.js';

/** What a client may use of the server: sizes in bytes, times in ms, counts. LIMITS has the defaults and the ranges. */
export interface Limits {
  headBytes: number;
  headFields: number;
  targetBytes: number;
  bodyBytes: number;
  maxConnections: number;
  headTimeoutMs: number;
  bodyTimeoutMs: number;
  minBodyBytesPerSecond: number;
  idleTimeoutMs: number;
  writeTimeoutMs: number;
  lingerTimeoutMs: number;
  lingerBytes: number;
  stopTimeoutMs: number;
  writeHighWaterBytes: number;
  acceptsPerTurn: number;
  requestsPerTurn: number;
  sendBytesPerTurn: number;
  cacheBytes: number;
  maxCachedFileBytes: number;
  revalidateMs: number;
  maxWatches: number;
  maxConcurrentHandlers: number;
  handlerTimeoutMs: number;
  bodyHighWaterBytes: number;
}

export interface Limit {
  default: number;
  min: number;
  max: number;
  description: string;
}

const ONE_LINE = { depth: 0, breakLength: Number.POSITIVE_INFINITY };
const HOUR_MS = 3_600_000;
const GIB = 2 ** 30;

/** In the order in which a request meets them. The largest `headBytes` fits the receive buffer of 64 KiB. */
export const LIMITS: { readonly [name in keyof Limits]: Limit } = {
  maxConnections: {
    default: 16384,
    min: 1,
    max: 1_000_000,
    description: 'open connections; further ones wait in the accept queue',
  },
  acceptsPerTurn: {
    default: 64,
    min: 1,
    max: 65536,
    description: 'connections accepted before the open ones get their turn',
  },
  headTimeoutMs: {
    default: 15_000,
    min: 1,
    max: HOUR_MS,
    description: 'time for a whole request head, from accept or from its first byte',
  },
  headBytes: {
    default: 16384,
    min: 64,
    max: 49152,
    description: 'size of a request head; Node and most proxies allow as much',
  },
  headFields: { default: 100, min: 1, max: 1000, description: 'fields in a request head; browsers send about 15' },
  targetBytes: {
    default: 8192,
    min: 16,
    max: 32768,
    description: 'length of the request target; RFC 9112 section 3 asks for at least 8000',
  },
  bodyBytes: {
    default: 1_048_576,
    min: 0,
    max: 1024 * GIB,
    description: 'size of a request body, which is read even if no handler uses it',
  },
  bodyTimeoutMs: {
    default: 30_000,
    min: 1,
    max: HOUR_MS,
    description: 'time for a request body; see minBodyBytesPerSecond',
  },
  // A client that sends a byte now and then must not hold a connection forever.
  minBodyBytesPerSecond: {
    default: 1024,
    min: 1,
    max: GIB,
    description: 'body bytes that extend bodyTimeoutMs by a second',
  },
  requestsPerTurn: {
    default: 64,
    min: 1,
    max: 65536,
    description: 'pipelined requests of a connection before the others get their turn',
  },
  writeHighWaterBytes: {
    default: 262_144,
    min: 1,
    max: GIB,
    description: 'queued response bytes above which no request is started',
  },
  sendBytesPerTurn: {
    default: 1_048_576,
    min: 4096,
    max: GIB,
    description: 'bytes of a file sent to a client before the others get their turn',
  },
  writeTimeoutMs: {
    default: 60_000,
    min: 1,
    max: HOUR_MS,
    description: 'time without progress while a client reads a response',
  },
  // If the server closed first, a request that the balancer sends meanwhile would be lost.
  idleTimeoutMs: {
    default: 75_000,
    min: 1,
    max: 24 * HOUR_MS,
    description: 'time between requests; longer than the 60 s of most load balancers',
  },
  // Unread bytes at close cause a reset, and the client may lose the response.
  lingerTimeoutMs: {
    default: 2000,
    min: 1,
    max: HOUR_MS,
    description: 'reading on after an error response, RFC 9112 section 9.6',
  },
  lingerBytes: { default: 262_144, min: 0, max: GIB, description: 'bytes read and discarded meanwhile' },
  stopTimeoutMs: {
    default: 8000,
    min: 1,
    max: HOUR_MS,
    description: 'time for pending responses at a stop; Docker kills after 10 s',
  },
  cacheBytes: {
    default: 67_108_864,
    min: 0,
    max: 64 * GIB,
    description: 'memory for cached files; an open descriptor counts as 256 KiB',
  },
  // Memory is at least as fast as sendfile up to 64 KiB.
  maxCachedFileBytes: {
    default: 65536,
    min: 0,
    max: 16_777_216,
    description: 'largest file cached in memory instead of as a descriptor',
  },
  revalidateMs: {
    default: 500,
    min: 0,
    max: HOUR_MS,
    description: 'how long a cached file is served unchecked where inotify does not report changes',
  },
  maxWatches: {
    default: 8192,
    min: 0,
    max: 1_000_000,
    description: 'directories watched by inotify; others are checked after revalidateMs',
  },
  maxConcurrentHandlers: {
    default: 16,
    min: 1,
    max: 1024,
    description: 'handlers of a connection that run at once',
  },
  handlerTimeoutMs: {
    default: 0,
    min: 0,
    max: HOUR_MS,
    description: 'time for a handler to respond, then 503; 0 waits forever',
  },
  bodyHighWaterBytes: {
    default: 262_144,
    min: 1,
    max: GIB,
    description: 'unread request body bytes above which receiving pauses',
  },
};

export const LIMIT_NAMES = Object.keys(LIMITS) as (keyof Limits)[];

/** Why a value is invalid for a limit, as the rest of a sentence; null if it is valid. */
export function limitFault(name: keyof Limits, value: unknown): string | null {
  const { min, max } = LIMITS[name];
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return null;
  return `must be an integer from ${min} to ${max}`;
}

/** @throws RangeError for a value out of range, TypeError for an unknown name; `code` is ERR_EPOLLET_OPTION */
export function resolveLimits(overrides: Partial<Limits> = {}): Limits {
  const limits = Object.fromEntries(LIMIT_NAMES.map((name) => [name, LIMITS[name].default])) as unknown as Limits;
  // A Map or an array has no own keys: its limits would be ignored.
  if (Object.prototype.toString.call(overrides) !== '[object Object]')
    throw typeError(`limits must be an object of limits, not ${inspect(overrides, ONE_LINE)}`);
  for (const [name, value] of Object.entries(overrides)) {
    if (!Object.hasOwn(LIMITS, name))
      throw typeError(`limits.${name} is not a limit; there are: ${LIMIT_NAMES.join(', ')}`);
    if (value === undefined) continue;
    const fault = limitFault(name as keyof Limits, value);
    if (fault) throw withCode('ERR_EPOLLET_OPTION', new RangeError(`limits.${name} ${fault}, not ${String(value)}`));
    limits[name as keyof Limits] = value;
  }
  return limits;
}

const typeError = (message: string): TypeError => withCode('ERR_EPOLLET_OPTION', new TypeError(message));
