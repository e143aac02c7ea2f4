import { isIP } from 'node:net';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import type { SitePlan } from '../files/files.js';
import { didYouMean } from '../files/rules/did-you-mean.js';
import { resolveSiteOptions, SITE_OPTION_NAMES, type SiteOptions } from '../files/rules/site-options.js';
import type { Limits } from '../http/limits.js';
import { TRIGGERS, type Trigger } from '../reactor/interest.js';
import { kernel as realKernel } from '../sys/binding.js';
import type { Kernel } from '../sys/kernel.js';
import { ACCESS_LOG_FORMATS, type AccessLogFormat } from './connection/access-log.js';
import { type ErrorHandler, type FetchHandler, HandlerRunner } from './handlers/handler.js';

/** A folder that is served, and how. */
export interface HostOptions extends SiteOptions {
  /** The folder to serve: a path, or a `file:` URL. A link is followed again when it is switched. */
  root: string | URL;
}

export interface ServeOptions extends SiteOptions {
  /** The folder to serve: a path, or a `file:` URL. A link is followed again when it is switched. Not needed with `fetch`. */
  root?: string | URL;
  /** Answers what no file does, and everything where there is no root. */
  fetch?: FetchHandler;
  /** Answers in the place of `fetch` when that has thrown or rejected. @default a short page with 500 */
  error?: ErrorHandler;
  /** Ask `fetch` before the files: they answer what it answers with 404. @default false */
  fetchFirst?: boolean;
  /** Sites for other hosts, by the name in the Host field: lower case, without a port. They inherit nothing. @default {} */
  hosts?: Record<string, HostOptions>;
  /** An IPv4 or IPv6 address, or `localhost`. `::` takes both families. @default '127.0.0.1' */
  hostname?: string;
  /** 0 to 65535; 0 picks a free one, which `server.port` tells. @default 8080 */
  port?: number;
  /** How the connections' readiness is reported, epoll(7). The answers are the same. @default 'level' */
  trigger?: Trigger;
  /** One line a request on standard output. @default 'off' */
  accessLog?: AccessLogFormat;
  /** What a peer may ask and how long it may take; see LIMITS for defaults and ranges. */
  limits?: Partial<Limits>;
  /** A stand-in for the system calls, for tests. */
  kernel?: Kernel;
}

/** A record rather than a list, for the compiler then says which one is missing. */
const SERVER_OPTIONS: Record<Exclude<keyof ServeOptions, keyof HostOptions>, true> = {
  fetch: true,
  error: true,
  fetchFirst: true,
  hosts: true,
  hostname: true,
  port: true,
  trigger: true,
  accessLog: true,
  limits: true,
  kernel: true,
};
const HOST_OPTION_NAMES = ['root', ...SITE_OPTION_NAMES];
const OPTION_NAMES = [...HOST_OPTION_NAMES, ...Object.keys(SERVER_OPTIONS)];

const ONE_LINE = { depth: 0, breakLength: Number.POSITIVE_INFINITY };

/** What the command has by other names. */
const FLAG_NAMES = new Map([
  ['host', 'hostname'],
  ['vhost', 'hosts'],
  ['app', 'fetch'],
  ['spa', 'fallback'],
]);

/** @throws TypeError or RangeError, in one sentence that names the option */
export function checkedOptions(options: ServeOptions) {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`options must be an object with a root or a fetch, not ${String(options)}`);
  }
  checkNames(options, OPTION_NAMES, '');
  const { hostname = '127.0.0.1', port = 8080, trigger = 'level', accessLog = 'off', kernel = realKernel } = options;
  if (typeof hostname !== 'string' || (hostname !== 'localhost' && !isAddress(hostname))) {
    throw new TypeError(`hostname must be an IP address or "localhost", not ${JSON.stringify(hostname)}`);
  }
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new RangeError(`port must be an integer from 0 to 65535, not ${String(port)}`);
  }
  if (!TRIGGERS.includes(trigger)) {
    throw new TypeError(`trigger must be one of ${TRIGGERS.join(', ')}, not ${JSON.stringify(trigger)}`);
  }
  if (!ACCESS_LOG_FORMATS.includes(accessLog)) {
    throw new TypeError(`accessLog must be one of ${ACCESS_LOG_FORMATS.join(', ')}, not ${JSON.stringify(accessLog)}`);
  }
  const hosts = hostsOf(options);
  if (options.root === undefined && options.fetch !== undefined) rejectFileOptions(options);
  return {
    hostname: hostname === 'localhost' ? '127.0.0.1' : hostname,
    port,
    site: options.root === undefined && options.fetch !== undefined ? null : sitePlan(options, ''),
    handlers: handlersOf(options),
    hosts: new Map(hosts.map(([host, its]) => hostPlan(host, its))),
    trigger,
    accessLog,
    kernel,
  };
}

/** @param place stands before the names in what is said of them */
function checkNames(options: object, known: readonly string[], place: string): void {
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const other = FLAG_NAMES.get(name) ?? '';
    const meant = known.includes(other) ? other : didYouMean(name, known);
    const remedy = meant === null ? `; there are: ${known.join(', ')}` : `; did you mean ${meant}?`;
    throw new TypeError(`${place}${name} is no option${remedy}`);
  }
}

/** A Map and a list have no names of their own: they would be no hosts at all. */
function hostsOf({ hosts = {} }: ServeOptions): [string, HostOptions][] {
  if (Object.prototype.toString.call(hosts) === '[object Object]') return Object.entries(hosts);
  throw new TypeError(
    `hosts must be an object such as { "docs.example.org": { root: "docs" } }, not ${inspect(hosts, ONE_LINE)}`,
  );
}

function handlersOf({ fetch, error, fetchFirst = false }: ServeOptions): HandlerRunner | null {
  for (const [name, value] of Object.entries({ fetch, error })) {
    if (value !== undefined && typeof value !== 'function') {
      throw new TypeError(`${name} must be a function, not ${JSON.stringify(value)}`);
    }
  }
  if (typeof fetchFirst !== 'boolean')
    throw new TypeError(`fetchFirst must be true or false, not ${String(fetchFirst)}`);
  if (fetch !== undefined) return new HandlerRunner(fetch, error ?? null, fetchFirst);
  if (error === undefined && !fetchFirst) return null;
  throw new TypeError(`${fetchFirst ? 'fetchFirst' : 'error'} is about a handler: it needs a fetch beside it`);
}

/** What is about files has no meaning without any. */
function rejectFileOptions(options: ServeOptions): void {
  const given: (keyof ServeOptions)[] = SITE_OPTION_NAMES.filter((name) => options[name] !== undefined);
  if (hostsOf(options).length > 0) given.push('hosts');
  for (const name of given) {
    throw new TypeError(`${name} is about files: it needs a root beside it`);
  }
}

function hostPlan(host: string, options: HostOptions): [string, SitePlan] {
  if (!HOST_NAME.test(host)) {
    throw new TypeError(
      `hosts[${JSON.stringify(host)}] must be a host in lower case without a port, as in "www.example.org" or "[::1]"`,
    );
  }
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`hosts[${JSON.stringify(host)}] must be an object with a root, not ${String(options)}`);
  }
  const place = `hosts[${JSON.stringify(host)}].`;
  checkNames(options, HOST_OPTION_NAMES, place);
  return [host, sitePlan(options, place)];
}

/** @param place stands before the names in what is said of them */
function sitePlan(options: SiteOptions & { root?: string | URL }, place: string): SitePlan {
  const { root } = options;
  const path = root instanceof URL ? (root.protocol === 'file:' ? fileURLToPath(root) : '') : root;
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new TypeError(`${place}root must be the path or file: URL of a folder, not ${JSON.stringify(root)}`);
  }
  const given = SITE_OPTION_NAMES.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]);
  try {
    return { root: path, options: resolveSiteOptions(Object.fromEntries(given) as SiteOptions) };
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) error.message = place + error.message;
    throw error;
  }
}

/** A host as it is looked up by: in lower case, without a port, and without the dot that may stand behind a name. */
export const HOST_NAME =
  /^(?:(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|\[[0-9a-f:.]+\])$/;

/** An address that bind(2) takes; one with a zone (`fe80::1%eth0`) it does not. */
export const isAddress = (hostname: string): boolean => isIP(hostname) !== 0 && !hostname.includes('%');
