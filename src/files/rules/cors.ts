import type { Field } from '../../http/response/response.js';
import { checkableUrl } from './ascii-host.js';
import {
  integer,
  invalidValue,
  list,
  type OptionRows,
  type OptionType,
  object,
  optionError,
  text,
  toggle,
  token,
} from './option-type.js';

/** Which pages of other origins may read the responses: by fetch, in canvas, as fonts and modules. */
export interface CorsOptions {
  /** `'*'` for all, or a list such as `['https://www.example.org']`. */
  origins: '*' | string[];
  /** Methods that a preflight allows; `*` for any. @default ['GET', 'HEAD'] */
  methods?: string[];
  /** Request fields that a preflight allows, beyond those of reads in parts and the CORS-safelisted ones; `*` for any. @default [] */
  headers?: string[];
  /** Response fields that a page may read, beyond those of reads in parts and the CORS-safelisted ones. @default [] */
  exposeHeaders?: string[];
  /** How long a browser may cache the result of a preflight; 0 to 86,400, 0 for not at all. @default 600 */
  maxAgeSeconds?: number;
  /** Whether requests may carry cookies and credentials; not with all origins. @default false */
  credentials?: boolean;
}

export type ResolvedCors = Required<CorsOptions>;

/**
 * Fields of reads in parts, as of PMTiles and COG: they choose and check what an allowed origin may read anyway. Range is
 * CORS-safelisted for one range with a start only, and the others never, Fetch section 2.2.2.
 */
const READ_FIELDS = ['Range', 'If-Range', 'If-Match', 'If-None-Match', 'If-Modified-Since', 'If-Unmodified-Since'];
/** Their counterparts; without Content-Range a reader does not know which part it got. */
const PART_FIELDS = ['Content-Range', 'ETag', 'Accept-Ranges', 'Content-Length'];

const DAY_SECONDS = 86_400;
const ANY = '*';

/** Scheme, host and a port that is not the scheme's default, RFC 6454 section 6.2. `null` could be any page. */
function isOrigin(origin: string): boolean {
  const url = checkableUrl(origin);
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@\\*]+$/.test(origin) || !URL.canParse(url)) return false;
  return !/^https?:/.test(origin) || new URL(url).origin === url;
}

const ORIGIN = text('an origin as a browser sends it, such as "https://www.example.org"', isOrigin);
const ORIGINS: OptionType<'*' | string[]> = {
  schema: { type: ['string', 'array'], pattern: '^\\*$', minItems: 1, items: ORIGIN.schema },
  check(name, value) {
    if (value === ANY) return ANY;
    if (!Array.isArray(value) || value.length === 0)
      return invalidValue(name, '"*" or a list of origins such as "https://www.example.org"', value);
    const any = value.indexOf(ANY);
    if (any >= 0)
      return invalidValue(`${name}[${any}]`, 'an origin; for all of them origins is "*" without a list', ANY);
    return list(ORIGIN).check(name, value);
  },
};
const FIELD_NAMES = list(token("a field's name"));

const ROWS: OptionRows<ResolvedCors> = {
  origins: { type: ORIGINS, description: '* for all, or a list of origins' },
  methods: {
    type: list(token('a method')),
    default: ['GET', 'HEAD'],
    description: 'methods that a preflight allows; * for any',
  },
  headers: {
    type: FIELD_NAMES,
    default: [],
    description: 'request fields that a preflight allows beyond those of reads in parts; * for any',
  },
  exposeHeaders: {
    type: FIELD_NAMES,
    default: [],
    description: 'response fields that a page may read beyond those of reads in parts',
  },
  maxAgeSeconds: {
    type: integer(0, DAY_SECONDS),
    // Long enough to cost nothing, short enough for changed rules to take effect soon.
    default: 600,
    description: 'how long a browser may cache the result of a preflight',
  },
  credentials: toggle(false, 'whether requests may carry cookies; not with all origins'),
};

const MEMBERS = object(ROWS);
export const CORS: OptionType<ResolvedCors> = {
  schema: MEMBERS.schema,
  check(name, value) {
    const cors = MEMBERS.check(name, value);
    // Browsers reject the pair, Fetch section 3.3.3; reflecting every origin instead would give every page the visitor's cookies.
    if (cors.credentials && cors.origins === ANY)
      throw optionError(`${name}.credentials must be false with origins "*": with credentials, list the origins`);
    // With credentials `*` is an ordinary field name, Fetch section 3.3.3.
    if (cors.credentials && cors.exposeHeaders.includes(ANY))
      throw optionError(`${name}.exposeHeaders must be names with credentials, not "*"`);
    return cors;
  },
};

/**
 * The fields of a response to a page of another origin.
 * @param origin the Origin field; null if the request has none
 */
export function corsFields(cors: ResolvedCors | null, origin: string | null): Field[] {
  if (cors === null) return [];
  const fields = originFields(cors, origin);
  if (isAllowed(cors, origin))
    addList(fields, 'Access-Control-Expose-Headers', withMore(PART_FIELDS, cors.exposeHeaders));
  return fields;
}

/**
 * The fields of the response to a preflight, Fetch section 3.2.2; null if the request is not one, or its origin is not
 * allowed. A method or field that is not allowed is left out of the lists, so that the browser can report which it was.
 */
export function preflightFields(
  cors: ResolvedCors | null,
  origin: string | null,
  requestMethod: string | null,
  requestHeaders: string | null,
): Field[] | null {
  if (cors === null || origin === null || requestMethod === null || !isAllowed(cors, origin)) return null;
  const fields = originFields(cors, origin);
  // For `*` the requested names are sent: a literal `*` does not cover Authorization and has no effect with credentials.
  addList(fields, 'Access-Control-Allow-Methods', cors.methods.includes(ANY) ? tokensOf(requestMethod) : cors.methods);
  if (requestHeaders !== null) {
    const headers = cors.headers.includes(ANY) ? tokensOf(requestHeaders) : withMore(READ_FIELDS, cors.headers);
    addList(fields, 'Access-Control-Allow-Headers', headers);
  }
  fields.push(['Access-Control-Max-Age', `${cors.maxAgeSeconds}`]);
  return fields;
}

const isAllowed = (cors: ResolvedCors, origin: string | null): boolean =>
  cors.origins === ANY || (origin !== null && cors.origins.includes(origin));

/** If the response depends on the origin, it varies by it even for requests without one, RFC 9110 section 12.5.5. */
function originFields(cors: ResolvedCors, origin: string | null): Field[] {
  if (cors.origins === ANY) return [['Access-Control-Allow-Origin', ANY]];
  const fields: Field[] = [['Vary', 'Origin']];
  if (origin === null || !cors.origins.includes(origin)) return fields;
  fields.unshift(['Access-Control-Allow-Origin', origin]);
  if (cors.credentials) fields.push(['Access-Control-Allow-Credentials', 'true']);
  return fields;
}

/** Each name once. `*` covers all; it is an error with credentials. */
function withMore(names: readonly string[], more: readonly string[]): readonly string[] {
  if (more.includes(ANY)) return [ANY];
  const known = new Set(names.map((name) => name.toLowerCase()));
  return [...names, ...more.filter((name) => !known.has(name.toLowerCase()))];
}

function addList(fields: Field[], name: string, values: readonly string[]): void {
  if (values.length > 0) fields.push([name, values.join(', ')]);
}

/** The tokens among what the client sent: they are sent back. */
const tokensOf = (list: string): string[] =>
  list
    .split(',')
    .map((each) => each.trim())
    .filter((each) => /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/.test(each));
