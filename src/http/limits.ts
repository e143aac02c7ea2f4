import { inspect } from 'node:util';
import { withCode } from '../sys/error-code.js';

export interface Limit {
  default: number;
  min: number;
  max: number;
  description: string;
}

const ONE_LINE = { depth: 0, breakLength: Number.POSITIVE_INFINITY };
const HOUR_MS = 3_600_000;
const GIB = 2 ** 30;

const limit = (byDefault: number, [min, max]: [number, number], description: string): Limit => ({
  default: byDefault,
  min,
  max,
  description,
});

/** In the order in which a request meets them. The largest `headBytes` fits the receive buffer of 64 KiB. */
export const LIMITS = {
  maxConnections: limit(16384, [1, 1_000_000], 'open connections; further ones wait in the accept queue'),
  maxConnectionsPerClient: limit(0, [0, 1_000_000], 'open connections of a client address; 0 is without limit'),
  acceptsPerTurn: limit(64, [1, 65536], 'connections accepted before the open ones get their turn'),
  headTimeoutMs: limit(15_000, [1, HOUR_MS], 'time for a whole request head, from accept or from its first byte'),
  headBytes: limit(16384, [64, 49152], 'size of a request head; Node and most proxies allow as much'),
  headFields: limit(100, [1, 1000], 'fields in a request head; browsers send about 15'),
  targetBytes: limit(8192, [16, 32768], 'length of the request target; RFC 9112 section 3 asks for at least 8000'),
  clientRequestsPerSecond: limit(
    0,
    [0, 1_000_000],
    'requests of a client address, beyond that 429; 0 is without limit',
  ),
  // A page and its assets, over several connections.
  clientRequestBurst: limit(100, [1, 1_000_000], 'requests of a client address at once, see clientRequestsPerSecond'),
  bodyBytes: limit(1_048_576, [0, 1024 * GIB], 'size of a request body, which is read even if no handler uses it'),
  bodyTimeoutMs: limit(30_000, [1, HOUR_MS], 'time for a request body; see minBodyBytesPerSecond'),
  // A client that sends a byte now and then must not hold a connection forever.
  minBodyBytesPerSecond: limit(1024, [1, GIB], 'body bytes that extend bodyTimeoutMs by a second'),
  requestsPerTurn: limit(64, [1, 65536], 'pipelined requests of a connection before the others get their turn'),
  writeHighWaterBytes: limit(262_144, [1, GIB], 'queued response bytes above which no request is started'),
  sendBytesPerTurn: limit(1_048_576, [4096, GIB], 'bytes of a file sent to a client before the others get their turn'),
  writeTimeoutMs: limit(60_000, [1, HOUR_MS], 'time without progress while a client reads a response'),
  minSendBytesPerSecond: limit(0, [0, GIB], 'least rate at which a client takes a response; 0 is without limit'),
  sendRateWindowMs: limit(
    20_000,
    [100, HOUR_MS],
    'time over which minSendBytesPerSecond is averaged, and after which it applies',
  ),
  // It may have gone: only a send shows that. Clients that send a request and shut down their side are rare and quick.
  halfCloseTimeoutMs: limit(
    30_000,
    [1, HOUR_MS],
    'time without progress of a response to a client that has shut down its side',
  ),
  // If the server closed first, a request that the balancer sends meanwhile would be lost.
  idleTimeoutMs: limit(75_000, [1, 24 * HOUR_MS], 'time between requests; longer than the 60 s of most load balancers'),
  // Unread bytes at close cause a reset, and the client loses the response. The times are those of nginx.
  lingerTimeoutMs: limit(5000, [1, HOUR_MS], 'time without a byte while reading on after a response to half a request'),
  maxLingerMs: limit(30_000, [1, HOUR_MS], 'time for reading on in all, RFC 9112 section 9.6'),
  lingerBytes: limit(GIB, [0, 1024 * GIB], 'bytes read and discarded meanwhile'),
  stopDelayMs: limit(0, [0, HOUR_MS], 'time of serving on at a stop, in which load balancers see that it is not ready'),
  stopTimeoutMs: limit(8000, [1, HOUR_MS], 'time for pending responses at a stop; Docker kills after 10 s'),
  cacheBytes: limit(
    67_108_864,
    [0, 64 * GIB],
    'memory for cached files; the command without an app grows by at most 40 MiB more; a descriptor counts as 256 KiB',
  ),
  // Memory is at least as fast as sendfile up to 64 KiB.
  maxCachedFileBytes: limit(65536, [0, 16_777_216], 'largest file cached in memory instead of as a descriptor'),
  revalidateMs: limit(
    500,
    [0, HOUR_MS],
    'how long a cached file is served unchecked where inotify does not report changes',
  ),
  maxWatches: limit(8192, [0, 1_000_000], 'directories watched by inotify; others are checked after revalidateMs'),
  maxConcurrentHandlers: limit(16, [1, 1024], 'handlers of a connection that run at once'),
  handlerTimeoutMs: limit(0, [0, HOUR_MS], 'time for a handler to respond, then 503; 0 waits forever'),
  bodyHighWaterBytes: limit(262_144, [1, GIB], 'unread request body bytes above which receiving pauses'),
} as const;

/** What a client may use of the server: sizes in bytes, times in ms, counts. LIMITS has the defaults and the ranges. */
export type Limits = { -readonly [name in keyof typeof LIMITS]: number };

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
