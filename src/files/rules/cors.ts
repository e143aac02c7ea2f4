import type { Field } from '../../http/response/response.js';
import {
  checkedBoolean,
  checkedInteger,
  checkedList,
  checkedObject,
  checkedToken,
  invalidValue,
} from './option-check.js';

/** Which pages of other origins may read the answers, by fetch and in canvas, fonts and modules. */
export interface CorsOptions {
  /** `'*'` for all, or those that may, as `https://www.example.org`. */
  origins: '*' | string[];
  /** What a preflight allows; `*` for any. @default ['GET', 'HEAD'] */
  methods?: string[];
  /** Request fields that a preflight allows, beyond those that need no permission; `*` for any. @default [] */
  headers?: string[];
  /** Fields that the page may read, beyond those that need no permission. @default [] */
  exposeHeaders?: string[];
  /** How long a browser may keep what a preflight said; 0 for not at all. @default 600 */
  maxAgeSeconds?: number;
  /** Whether cookies and credentials may come along; not for all origins. @default false */
  credentials?: boolean;
}

export type ResolvedCors = Required<CorsOptions>;

const KEYS = ['origins', 'methods', 'headers', 'exposeHeaders', 'maxAgeSeconds', 'credentials'];
/** Long enough to cost nothing, short enough for a change of the rules to be seen soon. */
const MAX_AGE_SECONDS = 600;
const DAY_SECONDS = 86_400;
const ANY = '*';

/** @throws TypeError, RangeError */
export function resolveCors(name: string, value: unknown): ResolvedCors {
  const given = checkedObject(name, value, KEYS);
  const { origins, methods = ['GET', 'HEAD'], headers = [], exposeHeaders = [] } = given;
  const { maxAgeSeconds = MAX_AGE_SECONDS, credentials = false } = given;
  const resolved: ResolvedCors = {
    origins: checkedOrigins(`${name}.origins`, origins),
    methods: checkedList(`${name}.methods`, methods, (each, method) => checkedToken(each, method, 'a method')),
    headers: checkedList(`${name}.headers`, headers, checkedName),
    exposeHeaders: checkedList(`${name}.exposeHeaders`, exposeHeaders, checkedName),
    maxAgeSeconds: checkedInteger(`${name}.maxAgeSeconds`, maxAgeSeconds, 0, DAY_SECONDS),
    credentials: checkedBoolean(`${name}.credentials`, credentials),
  };
  // A browser refuses the pair, Fetch section 3.3.3; to reflect every origin instead would lend every page the visitor's cookies.
  if (resolved.credentials && resolved.origins === ANY)
    throw new TypeError(`${name}.credentials must be false with origins "*": with credentials, list the origins`);
  // With credentials it is a field of that name, Fetch section 3.3.3.
  if (resolved.credentials && resolved.exposeHeaders.includes(ANY))
    throw new TypeError(`${name}.exposeHeaders must be names with credentials, not "*"`);
  return resolved;
}

const checkedName = (name: string, value: unknown): string => checkedToken(name, value, "a field's name");

function checkedOrigins(name: string, value: unknown): '*' | string[] {
  if (value === ANY) return ANY;
  if (!Array.isArray(value) || value.length === 0)
    return invalidValue(name, '"*" or a list of origins such as "https://www.example.org"', value);
  return checkedList(name, value, (each, origin) => {
    if (origin === ANY) return invalidValue(each, 'an origin; for all of them origins is "*" without a list', origin);
    if (typeof origin === 'string' && isOrigin(origin)) return origin;
    return invalidValue(each, 'an origin as a browser sends it, such as "https://www.example.org"', origin);
  });
}

/** Scheme, host and a port that is not the scheme's own, RFC 6454 section 6.2. `null`, which anybody can be, is none. */
function isOrigin(origin: string): boolean {
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@\\*]+$/.test(origin) || !URL.canParse(origin)) return false;
  return !/^https?:/.test(origin) || new URL(origin).origin === origin;
}

/**
 * For an answer to a page of another origin.
 * @param origin as it was sent; null when it was not
 */
export function corsFields(cors: ResolvedCors | null, origin: string | null): Field[] {
  if (cors === null) return [];
  const fields = originFields(cors, origin);
  if (isAllowed(cors, origin)) addList(fields, 'Access-Control-Expose-Headers', cors.exposeHeaders);
  return fields;
}

/**
 * What answers a preflight, Fetch section 3.2.2; null when it is none, or its origin is not allowed. A method or field
 * that is not allowed is not in the lists, so that the browser can tell its developer which it was.
 */
export function preflightFields(
  cors: ResolvedCors | null,
  origin: string | null,
  requestMethod: string | null,
  requestHeaders: string | null,
): Field[] | null {
  if (cors === null || origin === null || requestMethod === null || !isAllowed(cors, origin)) return null;
  const fields = originFields(cors, origin);
  // `*` is answered by what was asked for: as it is it would neither cover Authorization nor count with credentials.
  addList(fields, 'Access-Control-Allow-Methods', cors.methods.includes(ANY) ? tokensOf(requestMethod) : cors.methods);
  if (requestHeaders !== null) {
    const headers = cors.headers.includes(ANY) ? tokensOf(requestHeaders) : cors.headers;
    addList(fields, 'Access-Control-Allow-Headers', headers);
  }
  fields.push(['Access-Control-Max-Age', `${cors.maxAgeSeconds}`]);
  return fields;
}

const isAllowed = (cors: ResolvedCors, origin: string | null): boolean =>
  cors.origins === ANY || (origin !== null && cors.origins.includes(origin));

/** Where the answer depends on the origin, a cache must know it even of an answer to nobody, RFC 9110 section 12.5.5. */
function originFields(cors: ResolvedCors, origin: string | null): Field[] {
  if (cors.origins === ANY) return [['Access-Control-Allow-Origin', ANY]];
  const fields: Field[] = [['Vary', 'Origin']];
  if (origin === null || !cors.origins.includes(origin)) return fields;
  fields.unshift(['Access-Control-Allow-Origin', origin]);
  if (cors.credentials) fields.push(['Access-Control-Allow-Credentials', 'true']);
  return fields;
}

function addList(fields: Field[], name: string, values: readonly string[]): void {
  if (values.length > 0) fields.push([name, values.join(', ')]);
}

/** What a peer asked for, as far as it is tokens: it is sent back. */
const tokensOf = (list: string): string[] =>
  list
    .split(',')
    .map((each) => each.trim())
    .filter((each) => /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/.test(each));
