import type { SitePlan } from '../files/files.js';
import { checkNames, memberOf, type OptionType, optionError, quoted } from '../files/rules/option-type.js';
import { resolveSiteOptions, SITE_OPTION_NAMES, type SiteOptions } from '../files/rules/site-options.js';
import type { ListenAddress } from '../net/listening/listen-address.js';
import { kernel as realKernel } from '../sys/binding.js';
import { checkedClients } from './client-options.js';
import { HandlerRunner } from './handlers/handler-runner.js';
import { listenAddresses } from './listen-option.js';
import type { AccessLogOptions } from './log/access-log.js';
import {
  HOST_NAME,
  type HostOptions,
  OPTION_ALIASES,
  ROOT,
  SERVER_OPTIONS,
  type ServeOptions,
  type WorkersOptions,
} from './options.js';
import { Router } from './routes/router.js';
import { prepareUpgrade } from './upgrade/upgrade-context.js';
import type { CheckedWebSocketHandler } from './websocket/web-socket-options.js';

const HOST_OPTION_NAMES = ['root', ...SITE_OPTION_NAMES];
const OPTION_NAMES = [...HOST_OPTION_NAMES, ...Object.keys(SERVER_OPTIONS).filter((name) => name !== 'root'), 'kernel'];

const API_ALIASES = new Map([...OPTION_ALIASES, ['host', 'hostname']]);

/** @throws TypeError or RangeError, in one sentence that names the option; `code` is ERR_EPOLLET_OPTION */
export function checkedOptions(options: ServeOptions) {
  if (typeof options !== 'object' || options === null)
    throw optionError(`options must be an object with a root or a fetch, not ${String(options)}`);
  checkNames('', options, OPTION_NAMES, API_ALIASES);
  const listen = checkedAddresses(options);
  const trigger = checked(options, 'trigger');
  const log = checkedLog(options);
  if (options.admin !== undefined) checked(options, 'admin');
  const measure = checked(options, 'measure') || options.admin !== undefined;
  const hosts = Object.entries(checked(options, 'hosts'));
  checked(options, 'limits');
  const { root, fetch, routes, kernel = realKernel } = options;
  const hasFiles = root !== undefined || (fetch === undefined && routes === undefined);
  if (!hasFiles) rejectFileOptions(options, hosts.length > 0);
  const handlers = handlersOf(options);
  const handlerFollows = handlers?.hasFetch === true && !handlers.fetchFirst;
  return {
    listen,
    site: hasFiles ? sitePlan(options, '', handlerFollows) : null,
    handlers,
    routes: handlers === null || routes === undefined ? null : new Router(routes, handlers.hasFetch),
    upgrade: prepareUpgrade(options.upgrade),
    websocket: checkedWebSocket(options),
    hosts: new Map(hosts.map(([host, its]) => hostPlan(host, its, handlerFollows))),
    trigger,
    log,
    requestIds: checked(options, 'requestIds'),
    measure,
    clients: checkedClients(options),
    kernel,
  };
}

/** The options of workers, and `plain`, those of the Server of each. @throws as `checkedOptions` does */
export function checkedWorkers(options: ServeOptions & WorkersOptions) {
  if (typeof options !== 'object' || options === null)
    throw optionError(`options must be an object with a root or a fetch, not ${String(options)}`);
  const { workers: _, accept: __, app, ...plain } = options;
  if (app !== undefined) checked(options, 'app');
  return { workers: checked(options, 'workers'), accept: checked(options, 'accept'), app: app ?? null, plain };
}

type Checked<Name extends keyof typeof SERVER_OPTIONS> =
  (typeof SERVER_OPTIONS)[Name]['type'] extends OptionType<infer Value> ? Value : never;

function checked<Name extends keyof typeof SERVER_OPTIONS>(
  options: ServeOptions & WorkersOptions,
  name: Name,
): Checked<Name> {
  const { type, default: byDefault } = SERVER_OPTIONS[name];
  return type.check(name, options[name] === undefined ? byDefault : options[name]) as Checked<Name>;
}

function checkedLog(options: ServeOptions): AccessLogOptions | null {
  const format = checked(options, 'accessLog');
  const file = options.accessLogFile === undefined ? null : checked(options, 'accessLogFile');
  if (format !== 'off') return { format, file };
  if (file !== null) throw optionError('accessLogFile has no effect without accessLog: give a format too');
  return null;
}

function checkedAddresses(options: ServeOptions): ListenAddress[] {
  const hostname = checked(options, 'hostname');
  const host = hostname === 'localhost' ? '127.0.0.1' : hostname;
  const port = checked(options, 'port');
  if (options.listen === undefined) return [{ kind: 'tcp', host, port }];
  if (options.port !== undefined) throw optionError('port has no effect with listen; give one of the two');
  const listen = checked(options, 'listen');
  if (options.hostname !== undefined && !listen.some((each) => /^\d+$/.test(each)))
    throw optionError('hostname has no effect with listen, unless a port is alone; give one of the two');
  return listenAddresses(listen, host);
}

function handlersOf(options: ServeOptions): HandlerRunner | null {
  const { fetch, routes, error } = options;
  for (const name of ['fetch', 'error', 'upgrade'] as const) if (options[name] !== undefined) checked(options, name);
  if (routes !== undefined) checked(options, 'routes');
  const fetchFirst = checked(options, 'fetchFirst');
  if (fetch !== undefined || (routes !== undefined && !fetchFirst))
    return new HandlerRunner(fetch ?? null, error ?? null, fetchFirst);
  if (error === undefined && !fetchFirst) return null;
  throw optionError(`${fetchFirst ? 'fetchFirst' : 'error'} needs a handler: give a fetch too`);
}

function checkedWebSocket(options: ServeOptions): CheckedWebSocketHandler | undefined {
  if (options.websocket === undefined) return undefined;
  if (options.fetch === undefined && options.routes === undefined)
    throw optionError('websocket needs a handler that calls server.upgrade: give a fetch too');
  return checked(options, 'websocket');
}

/** Options of files would have no effect without a root. */
function rejectFileOptions(options: ServeOptions, hasHosts: boolean): void {
  const given = SITE_OPTION_NAMES.find((name) => options[name] !== undefined) ?? (hasHosts ? 'hosts' : undefined);
  if (given !== undefined) throw optionError(`${given} needs files: give a root too`);
}

/**
 * Checks the name of a host, and that its options are an object.
 * @returns what error messages call the host: `hosts["docs.example.org"]`
 */
export function checkedHost(host: string, options: unknown): string {
  const name = memberOf('hosts', host);
  if (!HOST_NAME.test(host))
    throw optionError(`${name} must be a host in lower case without a port, such as "www.example.org" or "[::1]"`);
  if (typeof options !== 'object' || options === null)
    throw optionError(`${name} must be an object with a root, not ${quoted(options)}`);
  return name;
}

function hostPlan(host: string, options: HostOptions, handlerFollows: boolean): [string, SitePlan] {
  const name = checkedHost(host, options);
  checkNames(name, options, HOST_OPTION_NAMES, OPTION_ALIASES);
  return [host, sitePlan(options, `${name}.`, handlerFollows)];
}

/**
 * @param place precedes the option's name in error messages
 * @param handlerFollows as in SitePlan
 */
function sitePlan(options: SiteOptions & { root?: string | URL }, place: string, handlerFollows: boolean): SitePlan {
  const root = ROOT.check(`${place}root`, options.root);
  const given = SITE_OPTION_NAMES.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]);
  try {
    return { root, options: resolveSiteOptions(Object.fromEntries(given) as SiteOptions), handlerFollows };
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) error.message = place + error.message;
    throw error;
  }
}
