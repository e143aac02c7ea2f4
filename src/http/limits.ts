import { inspect } from 'node:util';

/** What a peer may ask of us, and how long it may take: every limit with its default, its range and its reason. */
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

/** In the order in which a request meets them. The receive buffer (64 KiB) holds a head of the largest size whole. */
export const LIMITS: { readonly [name in keyof Limits]: Limit } = {
  maxConnections: {
    default: 16384,
    min: 1,
    max: 1_000_000,
    description: 'connections at once; more wait in the accept queue',
  },
  acceptsPerTurn: {
    default: 64,
    min: 1,
    max: 65536,
    description: 'connections accepted before those that are open have their turn',
  },
  headTimeoutMs: {
    default: 15_000,
    min: 1,
    max: HOUR_MS,
    description: 'a whole head, from its first byte or from accept; a second for each KiB is plenty',
  },
  headBytes: {
    default: 16384,
    min: 64,
    max: 49152,
    description: 'request line and fields; what Node and most proxies allow',
  },
  headFields: { default: 100, min: 1, max: 1000, description: 'fields in a head; browsers send about 15' },
  targetBytes: {
    default: 8192,
    min: 16,
    max: 32768,
    description: 'the request target; RFC 9112 section 3 asks for 8000 at least',
  },
  bodyBytes: {
    default: 1_048_576,
    min: 0,
    max: 1024 * GIB,
    description: 'a request body, which costs reading even if nobody wants it',
  },
  bodyTimeoutMs: {
    default: 30_000,
    min: 1,
    max: HOUR_MS,
    description: 'a request body, and more as it comes: see minBodyBytesPerSecond',
  },
  minBodyBytesPerSecond: {
    default: 1024,
    min: 1,
    max: GIB,
    description: 'each so many body bytes earn a second more, so that a drip does not hold a connection for ever',
  },
  requestsPerTurn: {
    default: 64,
    min: 1,
    max: 65536,
    description: 'pipelined requests of one connection before the others have their turn',
  },
  writeHighWaterBytes: {
    default: 262_144,
    min: 1,
    max: GIB,
    description: 'answers queued for a peer that does not read; no further request of its is begun above it',
  },
  sendBytesPerTurn: {
    default: 1_048_576,
    min: 4096,
    max: GIB,
    description: 'bytes of a file sent to one peer before the others have their turn',
  },
  writeTimeoutMs: { default: 60_000, min: 1, max: HOUR_MS, description: 'an answer without a byte taken by the peer' },
  idleTimeoutMs: {
    default: 75_000,
    min: 1,
    max: 24 * HOUR_MS,
    description:
      'between requests; longer than the 60 s of the usual load balancer, so that it closes first and no request is lost',
  },
  lingerTimeoutMs: {
    default: 2000,
    min: 1,
    max: HOUR_MS,
    description: 'reading on after a refusal, so that no reset eats the answer, RFC 9112 section 9.6',
  },
  lingerBytes: { default: 262_144, min: 0, max: GIB, description: 'bytes read and thrown away meanwhile' },
  stopTimeoutMs: {
    default: 8000,
    min: 1,
    max: HOUR_MS,
    description: 'answers under way at stop; Docker kills after 10 s',
  },
  cacheBytes: {
    default: 67_108_864,
    min: 0,
    max: 64 * GIB,
    description: 'what is held of files in memory; an open descriptor counts 256 KiB',
  },
  maxCachedFileBytes: {
    default: 65536,
    min: 0,
    max: 16_777_216,
    description: 'the largest of them; sending from memory wins or ties up to 64 KiB',
  },
  revalidateMs: {
    default: 500,
    min: 0,
    max: HOUR_MS,
    description: 'how long a held file is served where the kernel does not tell of changes',
  },
  maxWatches: {
    default: 8192,
    min: 0,
    max: 1_000_000,
    description: 'folders whose changes the kernel tells; those beyond are looked at after revalidateMs',
  },
  maxConcurrentHandlers: {
    default: 16,
    min: 1,
    max: 1024,
    description: 'requests of one connection that handlers work on at once; no further one is read meanwhile',
  },
  handlerTimeoutMs: {
    default: 0,
    min: 0,
    max: HOUR_MS,
    description: 'until a handler has answered, then 503; 0 waits for ever',
  },
  bodyHighWaterBytes: {
    default: 262_144,
    min: 1,
    max: GIB,
    description: 'of a request body that its handler has not read yet; above it nothing more is received',
  },
};

export const LIMIT_NAMES = Object.keys(LIMITS) as (keyof Limits)[];

/** Why a value is no good for a limit, as the rest of a sentence; null when it is. */
export function limitFault(name: keyof Limits, value: unknown): string | null {
  const { min, max } = LIMITS[name];
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return null;
  return `must be an integer from ${min} to ${max}`;
}

/** @throws RangeError for a value out of range, TypeError for a name that is no limit */
export function resolveLimits(overrides: Partial<Limits> = {}): Limits {
  const limits = Object.fromEntries(LIMIT_NAMES.map((name) => [name, LIMITS[name].default])) as unknown as Limits;
  // A Map and a list have no names of their own: they would be no limits at all.
  if (Object.prototype.toString.call(overrides) !== '[object Object]')
    throw new TypeError(`limits must be an object of limits, not ${inspect(overrides, ONE_LINE)}`);
  for (const [name, value] of Object.entries(overrides)) {
    if (!Object.hasOwn(LIMITS, name))
      throw new TypeError(`limits.${name} is no limit; there are: ${LIMIT_NAMES.join(', ')}`);
    if (value === undefined) continue;
    const fault = limitFault(name as keyof Limits, value);
    if (fault) throw new RangeError(`limits.${name} ${fault}, not ${String(value)}`);
    limits[name as keyof Limits] = value;
  }
  return limits;
}
