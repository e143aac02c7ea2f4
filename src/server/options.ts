import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import {
  checkNames,
  choice,
  integer,
  invalidValue,
  type OptionRow,
  type OptionType,
  optionError,
  text,
  toggle,
} from '../files/rules/option-type.js';
import type { SiteOptions } from '../files/rules/site-options.js';
import { LIMIT_NAMES, type Limits } from '../http/limits.js';
import { isAddress } from '../net/listening/address.js';
import { TRIGGERS, type Trigger } from '../reactor/interest.js';
import type { Kernel } from '../sys/kernel.js';
import { ADMIN } from './admin-option.js';
import { CLIENT_OPTIONS, type ClientOptions } from './client-options.js';
import type { ErrorHandler, FetchHandler } from './handlers/handler-runner.js';
import { LISTEN, type ListenOption } from './listen-option.js';
import { ACCESS_LOG_FORMATS, type AccessLogFormat } from './log/access-log.js';
import type { Routes } from './routes/route-types.js';
import type { UpgradeHandler } from './upgrade/upgrade-context.js';
import { WEBSOCKET, type WebSocketHandler } from './websocket/web-socket-options.js';
import { ACCEPT_MODES, type AcceptMode, WORKERS } from './workers-option.js';

/** A further site, for the host that it is the value of. */
export interface HostOptions extends SiteOptions {
  /** The directory to serve: a path, or a `file:` URL. If it is a symlink, a change of the symlink is followed. */
  root: string | URL;
}

/** @typeParam Paths of `routes`, from which the parameters of their requests have their names */
export interface ServeOptions<Paths extends string = string> extends SiteOptions, ClientOptions {
  /**
   * The directory to serve: a path, or a `file:` URL. If it is a symlink, a change of the symlink is followed. Required
   * unless there is a `fetch`, or `routes`.
   */
  root?: string | URL;
  /** The handler of requests that no file serves, and of all requests if there is no root. */
  fetch?: FetchHandler;
  /**
   * Responses and handlers by path, before the files and `fetch`: `/about`, `/users/:id`, `/files/*`. A Response is sent
   * from its bytes, without a call. @default {}
   */
  routes?: Routes<Paths>;
  /** Responds if `fetch`, or the handler of a route, has thrown or rejected. @default a short page with status 500 */
  error?: ErrorHandler;
  /** Takes connections over for another protocol: called, before the files, with requests that have an Upgrade field. */
  upgrade?: UpgradeHandler;
  /** Handlers of WebSockets, which `server.upgrade` in `fetch` makes of requests; the shape is Bun's. */
  websocket?: WebSocketHandler;
  /** Call `fetch` before the files; requests for which it returns 404 go on to the files. @default false */
  fetchFirst?: boolean;
  /** Sites of other hosts, by the name in the Host field: lower case, without a port. They inherit nothing. @default {} */
  hosts?: Record<string, HostOptions>;
  /** An IPv4 or IPv6 address, or `localhost`. `::` listens on IPv6 and IPv4. @default '127.0.0.1' */
  hostname?: string;
  /** 0 to 65535; 0 picks a free one, which is then `server.port`. @default 8080 */
  port?: number;
  /**
   * Where to listen, in place of `hostname` and `port`: one address or several. A port alone is one of `hostname`.
   * @default `hostname` and `port`
   */
  listen?: ListenOption | readonly ListenOption[];
  /** How epoll(7) reports the readiness of connections. Responses do not depend on it. @default 'level' */
  trigger?: Trigger;
  /** One line per request, on standard output or in a file. @default 'off' */
  accessLog?: AccessLogFormat;
  /** The path of the file that the lines are appended to; created with mode 0640. @default standard output */
  accessLogFile?: string;
  /**
   * Each request has an id: its X-Request-Id, or a new one. Its response has it, a line in JSON, and the context of a
   * handler. @default false
   */
  requestIds?: boolean;
  /**
   * Where the admin door listens, for metrics, health and the live view: `127.0.0.1:9090` or `unix:/run/x.sock`; a port
   * alone is one of the loopback. @default none
   */
  admin?: string;
  /** Record durations and counts for `stats().measurements`, at about 0.1 µs a turn; `admin` does so too. @default false */
  measure?: boolean;
  /** What clients may use of the server; LIMITS has the defaults and ranges. */
  limits?: Partial<Limits>;
  /** Replaces the system calls, for tests. */
  kernel?: Kernel;
}

/** Options of a server in worker threads. */
export interface WorkersOptions extends Omit<ServeOptions, 'fetch' | 'routes' | 'error' | 'kernel'> {
  /**
   * Threads that serve, each with a part of `cacheBytes` and of `maxConnections`; `auto` is one for each core that the
   * process may use. @default 1
   */
  workers?: number | 'auto';
  /** How connections get to workers: each has a socket of its own, or all accept from one. @default 'reuseport' */
  accept?: AcceptMode;
  /** The path of a module with `export default { fetch }`, which each worker loads: a function cannot be sent to a thread. */
  app?: string;
}

/** A host name as sites are looked up by it: lower case, without a port and without a dot at the end. */
export const HOST_NAME =
  /^(?:(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|\[[0-9a-f:.]+\])$/;

const FUNCTION: OptionType<unknown> = {
  schema: {},
  check: (name, value) => (typeof value === 'function' ? value : invalidValue(name, 'a function', value)),
};

/** Not an option of the command: a member of the app's default export. */
const handler = (description: string) => ({ type: FUNCTION, default: undefined, description });

export const ROOT: OptionType<string> = {
  schema: { type: 'string', pattern: '^[^\\u0000]+$' },
  check(name, root) {
    const path = root instanceof URL ? (root.protocol === 'file:' ? fileURLToPath(root) : '') : root;
    if (typeof path === 'string' && path !== '' && !path.includes('\0')) return path;
    return invalidValue(name, 'the path or file: URL of a directory', root);
  },
};

/** Only the names are checked here, to suggest similar ones; resolveLimits checks the values. */
const LIMITS_OBJECT: OptionType<Partial<Limits>> = {
  schema: {},
  check(name, limits) {
    if (typeof limits === 'object' && limits !== null) checkNames(name, limits, LIMIT_NAMES);
    return limits as Partial<Limits>;
  },
};

const HOSTS: OptionType<Record<string, HostOptions>> = {
  schema: {},
  check(name, hosts) {
    // A Map or an array has no own keys: its hosts would be ignored.
    if (Object.prototype.toString.call(hosts) === '[object Object]') return hosts as Record<string, HostOptions>;
    throw optionError(
      `${name} must be an object such as { "docs.example.org": { root: "docs" } }, not ${inspect(hosts, ONE_LINE)}`,
    );
  },
};

/** Only that it is an object is checked here; the Router checks the paths, and what they respond with. */
const ROUTES: OptionType<Routes> = {
  schema: {},
  check(name, routes) {
    if (Object.prototype.toString.call(routes) === '[object Object]') return routes as Routes;
    return invalidValue(name, 'an object such as { "/users/:id": (request) => new Response("hi") }', routes);
  },
};

const ONE_LINE = { depth: 0, breakLength: Number.POSITIVE_INFINITY };

/** The table of the server's options, without those of its main site, in the order of the help and the documentation. */
export const SERVER_OPTIONS = {
  root: {
    type: ROOT,
    default: undefined,
    description: 'directory to serve; if it is a symlink, a change of the symlink is followed',
    flag: { name: '[dir]' },
  },
  hostname: {
    type: text('an IP address or "localhost"', (value) => value === 'localhost' || isAddress(value)),
    default: '127.0.0.1',
    description: 'IP address to listen on, or localhost; :: listens on IPv6 and IPv4',
    flag: {
      name: 'host',
      short: 'H',
      argument: 'address',
      description: 'address or name to listen on; :: listens on IPv6 and IPv4',
    },
  },
  port: {
    type: integer(0, 65535),
    default: 8080,
    description: 'port to listen on; 0 picks a free one',
    flag: { short: 'p' },
  },
  listen: {
    type: LISTEN,
    default: undefined,
    description:
      'where to listen, in place of host and port: a port, an address and a port, unix: and a path, fd: and a number, systemd, or a list',
    flag: {
      argument: 'address',
      short: 'l',
      description: 'where to listen: a port, HOST:PORT, unix:PATH, fd:NUMBER or systemd; in place of --host and --port',
      repeatable: true,
    },
  },
  workers: {
    type: WORKERS,
    default: 1,
    description: 'threads that serve, or auto for one a core; above 1 the handler is that of app',
    flag: { argument: 'number', description: 'threads that serve, or auto for one for each core' },
  },
  accept: {
    type: choice(ACCEPT_MODES),
    default: 'reuseport',
    description: 'how connections get to workers: reuseport has a socket for each, shared one for all',
    flag: { argument: 'mode' },
  },
  app: {
    type: text('the path of a module such as "app.mjs"', /^[^\0]+$/),
    default: undefined,
    description: 'module with export default { fetch }, which each worker loads, in place of fetch',
  },
  trigger: {
    type: choice(TRIGGERS),
    default: 'level',
    description: 'how epoll reports the readiness of connections; responses do not depend on it',
    flag: { argument: 'kind' },
  },
  accessLog: {
    type: choice(ACCESS_LOG_FORMATS),
    default: 'off',
    description: 'one line per request, on standard output or in a file',
    flag: { argument: 'format' },
  },
  accessLogFile: {
    type: text('the path of a file such as "access.log"', /^[^\0]+$/, { pattern: '^[^\\u0000]+$' }),
    default: undefined,
    description: 'file that the lines of the access log are appended to; opened anew on SIGUSR1',
    flag: { argument: 'file' },
  },
  requestIds: toggle(
    false,
    'each request has an id, of its X-Request-Id or a new one, which its response and log have',
  ),
  ...CLIENT_OPTIONS,
  fetch: {
    type: FUNCTION,
    default: undefined,
    description: 'handler of requests that no file serves, and of all requests without a root',
    flag: {
      name: 'app',
      argument: 'file',
      description: 'module with export default { fetch }, the handler of requests that no file serves',
    },
  },
  routes: {
    type: ROUTES,
    default: undefined,
    description: 'responses and handlers by path, such as /users/:id or /files/*, before the files and fetch',
  },
  error: handler('responds if a handler has thrown or rejected; without it, a short page with status 500'),
  upgrade: handler('takes connections over for another protocol; without it such requests are ordinary'),
  websocket: {
    type: WEBSOCKET,
    default: undefined,
    description: 'handlers of WebSockets, which server.upgrade makes of requests',
  },
  fetchFirst: toggle(false, 'call the handler before the files; if it returns 404, they serve the request'),
  hosts: {
    type: HOSTS,
    default: {},
    description: 'sites of other hosts, by the name in the Host field; they inherit nothing',
    flag: {
      name: 'vhost',
      argument: 'NAME=DIR',
      description:
        'further host and its directory; it has the options of the main site, or its own from the configuration file',
      repeatable: true,
    },
  },
  admin: {
    type: ADMIN,
    default: undefined,
    description: 'where the admin door listens: metrics, health and the live view; HOST:PORT or unix: and a path',
    flag: { argument: 'address' },
  },
  measure: {
    type: toggle(false, '').type,
    default: false,
    description: 'record durations and counts for stats().measurements; admin does so too',
  },
  limits: { type: LIMITS_OBJECT, default: {}, description: 'limits on what clients may use of the server' },
} as const satisfies {
  readonly [name in Exclude<
    keyof ServeOptions | keyof WorkersOptions,
    keyof SiteOptions | 'kernel'
  >]: OptionRow<unknown>;
};

/** What the command line and other servers call an option, and limits that are given as options. */
export const OPTION_ALIASES: ReadonlyMap<string, string> = new Map([
  ['vhost', 'hosts'],
  ['spa', 'fallback: "index.html"'],
  ['single', 'fallback: "index.html"'],
  ['dir', 'root'],
  ['directory', 'root'],
  ['public', 'root'],
  ...LIMIT_NAMES.map((name): [string, string] => [name, `limits.${name}`]),
]);
