import {
  checkedMembers,
  integer,
  invalidValue,
  type OptionRow,
  type OptionType,
  object,
  text,
  toggle,
} from '../../files/rules/option-type.js';
import { SITE_OPTIONS } from '../../files/rules/site-options.js';
import { LIMIT_NAMES, LIMITS, type Limits } from '../../http/limits.js';
import { checkedHost } from '../../server/checked-options.js';
import { HOST_NAME, OPTION_ALIASES, SERVER_OPTIONS } from '../../server/options.js';

export const SPA_PAGE = 'index.html';

export const LIMIT_OPTIONS = Object.fromEntries(
  LIMIT_NAMES.map((name) => {
    const { min, max, default: byDefault, description } = LIMITS[name];
    return [name, { type: integer(min, max), default: byDefault, description }];
  }),
) as { readonly [name in keyof Limits]: OptionRow<number> };

export const COMMAND_OPTIONS = {
  config: {
    type: text('a path', /./),
    default: undefined,
    description: 'configuration file in JSON, by the schema epollet/config.schema.json',
    flag: { argument: 'file' },
  },
  spa: { ...toggle(false, `short for --fallback ${SPA_PAGE}`), flag: { short: 's' } },
  check: toggle(false, 'check the configuration, the files and the app, and exit'),
} as const satisfies Record<string, OptionRow<unknown>>;

const PATH = { pattern: '^[^\\u0000]+$' };
const NO_DEFAULT = { default: undefined };

const HOST_OPTIONS = {
  root: {
    type: text('the path of a directory', /^[^\0]+$/, PATH),
    description: 'directory to serve; a relative path starts at the directory of this file',
  },
  ...SITE_OPTIONS,
};

const HOSTS: OptionType<unknown> = {
  schema: {
    type: 'object',
    propertyNames: { pattern: HOST_NAME.source },
    additionalProperties: object(HOST_OPTIONS).schema,
  },
  check(name, hosts) {
    if (typeof hosts !== 'object' || hosts === null || Array.isArray(hosts))
      return invalidValue(name, 'an object', hosts);
    for (const [host, options] of Object.entries<unknown>(hosts as Record<string, unknown>))
      checkedMembers(checkedHost(host, options), options, HOST_OPTIONS, false, OPTION_ALIASES);
    return hosts;
  },
};

export const CONFIG_OPTIONS = {
  $schema: { type: text('a text', /^/), ...NO_DEFAULT, description: 'URL or path of this schema, for editors' },
  host: {
    ...SERVER_OPTIONS.hostname,
    type: text('an address or a name', /./, { minLength: 1 }),
    description: SERVER_OPTIONS.hostname.flag.description,
  },
  port: SERVER_OPTIONS.port,
  listen: {
    ...SERVER_OPTIONS.listen,
    ...NO_DEFAULT,
    description: `${SERVER_OPTIONS.listen.description}; a relative path starts at the directory of this file`,
  },
  workers: SERVER_OPTIONS.workers,
  accept: SERVER_OPTIONS.accept,
  trigger: SERVER_OPTIONS.trigger,
  accessLog: SERVER_OPTIONS.accessLog,
  accessLogFile: {
    ...SERVER_OPTIONS.accessLogFile,
    description: `${SERVER_OPTIONS.accessLogFile.description}; a relative path starts at the directory of this file`,
  },
  requestIds: SERVER_OPTIONS.requestIds,
  trustedProxies: SERVER_OPTIONS.trustedProxies,
  proxyProtocol: SERVER_OPTIONS.proxyProtocol,
  exemptClients: SERVER_OPTIONS.exemptClients,
  admin: SERVER_OPTIONS.admin,
  root: { ...HOST_OPTIONS.root, ...NO_DEFAULT },
  app: {
    type: text('the path of a module such as "app.mjs"', /^[^\0]+$/, PATH),
    ...NO_DEFAULT,
    description: `${SERVER_OPTIONS.fetch.flag.description}; a relative path starts at the directory of this file`,
  },
  fetchFirst: SERVER_OPTIONS.fetchFirst,
  ...SITE_OPTIONS,
  limits: { type: object(LIMIT_OPTIONS), ...NO_DEFAULT, description: SERVER_OPTIONS.limits.description },
  hosts: { type: HOSTS, default: {}, description: SERVER_OPTIONS.hosts.description },
};

/** What `serve()` and other servers call the options of the file. */
export const CONFIG_ALIASES = new Map([...OPTION_ALIASES, ['hostname', 'host'], ['fetch', 'app']]);
