import { fileURLToPath } from 'node:url';
import type { Command, Option } from 'commander';
import {
  resolveSiteOptions,
  SITE_OPTION_NAMES,
  SITE_OPTIONS,
  type SiteOptions,
} from '../../files/rules/site-options.js';
import { LIMIT_NAMES, type Limits } from '../../http/limits.js';
import type { Trigger } from '../../reactor/interest.js';
import type { ClientOptions } from '../../server/client-options.js';
import type { AccessLogFormat } from '../../server/log/access-log.js';
import type { HostOptions, ServeOptions } from '../../server/options.js';
import type { AcceptMode } from '../../server/workers-option.js';
import { type Config, readConfig } from './config.js';
import { flagName, flagOf, limitFlags, serverFlags, switchValue, variableOf } from './flags.js';
import { addGrouped, addWrapped } from './help.js';
import { type Listening, listeningOf } from './listening.js';
import { SPA_PAGE } from './option-table.js';
import { siteFlags, type VirtualHost, virtualHostFlag } from './site-flags.js';
import { checked, UsageError } from './usage-error.js';

/** What to serve: from the command line, else the environment, else the configuration file, else the defaults. */
export interface Settings {
  readonly listening: Listening;
  /** The module of the app; null for files alone. */
  readonly app: string | null;
  /** Without the address, and without the handlers, which the app has. */
  readonly options: Omit<ServeOptions, 'hostname' | 'port' | 'listen'>;
  readonly workers: number | 'auto';
  readonly accept: AcceptMode;
}

interface Flags extends SiteOptions, Partial<Limits> {
  workers: number | 'auto';
  accept: AcceptMode;
  trigger: Trigger;
  accessLog: AccessLogFormat;
  accessLogFile?: string;
  admin?: string;
  trustedProxies?: string[];
  exemptClients?: string[];
  config?: string;
  app?: string;
  spa: boolean;
  header?: NonNullable<SiteOptions['headers']>;
  redirect?: NonNullable<SiteOptions['redirects']>;
  vhost?: VirtualHost[];
}

/** One of a site's options, from the command line or the environment. */
interface GivenOption {
  readonly name: keyof SiteOptions;
  readonly value: unknown;
  /** The key of the parsed flag: `header` for `headers`, and `spa` for a `fallback` that was given as --spa. */
  readonly flag: string;
}

/** The key under which commander has the flag of an option: `keepPreviousMs` for `previousReleaseMs`. */
const flagKey = (name: keyof SiteOptions): string =>
  flagName(name, SITE_OPTIONS[name]).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());

const RANKS: Record<string, number> = { cli: 2, env: 1 };

export const OWN_SITE = fileURLToPath(new URL('../../../html', import.meta.url));

const AFTER_HELP = `
Examples:
  epollet ./public                          on http://127.0.0.1:8080/
  epollet ./dist -s --compress -p 3000      a single-page app
  epollet ./public -H :: --access-log json  on all addresses, with a log
  epollet ./public --app app.mjs            files first, then a handler
  epollet serve --config site.json --check  check, and exit

Each flag has an environment variable: --access-log is EPOLLET_ACCESS_LOG. The flag takes precedence over the variable, the variable over the configuration file, and the file over the default. Lists are not merged: the first source that has one counts. Hosts are merged: --vhost adds to the hosts of the file, or replaces the directory of one of them.
HOST and PORT, which platforms set, rank below EPOLLET_HOST and EPOLLET_PORT and above the configuration file; PORT without any host listens on all addresses.
Switches have an opposite (--no-listing, --precompressed); their variables are 1, true, yes, on or 0, false, no, off. Flags that may be given several times (cache-control, exempt-clients, header, listen, redirect, trusted-proxies, vhost) have one line per value in a variable.`;

/** @param more flags of the command itself that stand below a heading of the settings */
export function withSettings(command: Command, more: readonly Option[] = []): Command {
  command.argument(
    '[dir]',
    'the directory to serve; without one, the root of the configuration file, or else the site that ships with epollet, or no files if there is an app',
  );
  addGrouped(command, [...serverFlags(), ...siteFlags(), ...virtualHostFlag(), ...limitFlags(), ...more]);
  return addWrapped(command, AFTER_HELP);
}

/** @throws UsageError for values that are invalid or contradict each other */
export function settingsOf(command: Command, dir: string | undefined): Settings {
  const flags = command.opts<Flags>();
  const rank = (name: string): number => RANKS[command.getOptionValueSource(name) ?? ''] ?? 0;
  if (flags.config === '')
    throw new UsageError('The configuration file has an empty name; give one, or leave --config out.');
  const file = flags.config === undefined ? null : readConfig(flags.config);
  if (dir === '')
    throw new UsageError(
      'The directory has an empty name; give one, or leave it out for the site that ships with epollet.',
    );
  const choose = <Name extends 'workers' | 'accept' | 'trigger' | 'accessLog'>(name: Name): Flags[Name] =>
    rank(name) > 0 ? flags[name] : ((file?.[name] as Flags[Name] | undefined) ?? flags[name]);
  const shown = (name: string): string =>
    rank(name) === RANKS['env'] ? variableOf(name) : flagOf(name, command.opts()[name]);
  const given = givenOptions(flags, rank);
  const site: SiteOptions = { ...file?.site, ...Object.fromEntries(given.map(({ name, value }) => [name, value])) };
  // Options that are valid by themselves may contradict each other: redirects and clean URLs can form a loop.
  checked('', () => resolveSiteOptions(site));
  const app = flags.app ?? file?.app ?? null;
  const root = dir ?? file?.root ?? (app === null ? OWN_SITE : undefined);
  const hosts = hostsOf(file, flags.vhost ?? [], site);
  const fetchFirst = rank('fetchFirst') > 0 ? isOn(command, 'fetchFirst') : (file?.fetchFirst ?? false);
  if (app === '') throw new UsageError('The app has an empty name; give the file of a module, or leave --app out.');
  if (app === null && fetchFirst) {
    const name = rank('fetchFirst') > 0 ? shown('fetchFirst') : 'fetchFirst';
    throw new UsageError(`There is no app to call first; give one with --app, or leave ${name} out.`);
  }
  if (root === undefined) {
    const flag = given[0]?.flag ?? (flags.vhost && 'vhost');
    if (flag !== undefined) throw needsDirectory('', shown(flag));
    const key = Object.keys(file?.site ?? {})[0] ?? (file?.hosts.size ? 'hosts' : undefined);
    if (key !== undefined) throw needsDirectory(`${flags.config}: `, key);
  }
  const admin = flags.admin ?? file?.admin;
  const accessLog = choose('accessLog');
  const requestIds = rank('requestIds') > 0 ? isOn(command, 'requestIds') : file?.requestIds === true;
  const accessLogFile = flags.accessLogFile ?? file?.accessLogFile;
  if (accessLogFile === '')
    throw new UsageError('The access log has an empty name; give a file, or leave --access-log-file out.');
  if (accessLogFile !== undefined && accessLog === 'off') {
    const name = rank('accessLogFile') > 0 ? shown('accessLogFile') : `${flags.config}: accessLogFile`;
    throw new UsageError(`${name} has no effect without a format; give one with --access-log, combined or json.`);
  }
  return {
    listening: listeningOf(command, file),
    app,
    workers: choose('workers'),
    accept: choose('accept'),
    options: {
      trigger: choose('trigger'),
      accessLog,
      ...(requestIds ? { requestIds } : {}),
      ...(accessLogFile === undefined ? {} : { accessLogFile }),
      ...(admin === undefined ? {} : { admin }),
      ...clientOptions(command, file),
      ...(root === undefined ? {} : { root }),
      ...(app === null ? {} : { fetchFirst }),
      ...site,
      hosts,
      limits: Object.fromEntries(
        LIMIT_NAMES.map((name) => [name, rank(name) > 0 ? flags[name] : (file?.limits[name] ?? flags[name])]),
      ),
    },
  };
}

/** @throws UsageError if a PROXY header is expected of no one */
function clientOptions(command: Command, file: Config | null): ClientOptions {
  const flags = command.opts<Flags>();
  const trustedProxies = flags.trustedProxies ?? file?.trustedProxies;
  const exemptClients = flags.exemptClients ?? file?.exemptClients;
  const isGiven = ['cli', 'env'].includes(command.getOptionValueSource('proxyProtocol') ?? '');
  const proxyProtocol = isGiven ? isOn(command, 'proxyProtocol') : (file?.proxyProtocol ?? false);
  if (proxyProtocol && (trustedProxies ?? []).length === 0)
    throw new UsageError(
      'The PROXY protocol is on, and no proxy is trusted to use it; give its address with --trusted-proxies.',
    );
  return {
    ...(trustedProxies === undefined ? {} : { trustedProxies }),
    ...(proxyProtocol ? { proxyProtocol } : {}),
    ...(exemptClients === undefined ? {} : { exemptClients }),
  };
}

/** Whether a switch is on, by its flag or its variable. */
export function isOn(command: Command, name: string): boolean {
  return command.getOptionValueSource(name) === 'env' ? switchValue(variableOf(name)) : command.opts()[name] === true;
}

function givenOptions(flags: Flags, rank: (flag: string) => number): GivenOption[] {
  const given: GivenOption[] = [];
  for (const name of SITE_OPTION_NAMES) {
    const flag = flagKey(name);
    if (rank(flag) === 0) continue;
    const parsed = (flags as unknown as Record<string, unknown>)[flag];
    const isSwitch = typeof parsed === 'boolean';
    given.push({ name, value: isSwitch && rank(flag) === RANKS['env'] ? switchValue(variableOf(flag)) : parsed, flag });
  }
  if (rank('spa') > 0) {
    if (rank('spa') === rank('fallback'))
      throw new UsageError(
        rank('spa') === RANKS['cli']
          ? `--spa is short for --fallback ${SPA_PAGE}; give one of the two.`
          : `EPOLLET_SPA is short for EPOLLET_FALLBACK=${SPA_PAGE}; set one of the two.`,
      );
    const isSpa = rank('spa') === RANKS['env'] ? switchValue(variableOf('spa')) : flags.spa;
    if (rank('spa') > rank('fallback')) given.push({ name: 'fallback', value: isSpa ? SPA_PAGE : null, flag: 'spa' });
  }
  return given;
}

/** @param place precedes the sentence: the configuration file, for a member of it */
const needsDirectory = (place: string, name: string): UsageError =>
  new UsageError(
    `${place}${name} applies to files, and with the app there is no directory; give one, or leave ${name} out.`,
  );

/** The directory of --vhost replaces that of the same host in the file and leaves its other options. */
function hostsOf(file: Config | null, vhosts: readonly VirtualHost[], site: SiteOptions): Record<string, HostOptions> {
  const hosts = new Map<string, HostOptions>();
  for (const [host, { root, site: own }] of file?.hosts ?? []) hosts.set(host, { root, ...own });
  for (const { host, root } of vhosts) hosts.set(host, { ...(hosts.get(host) ?? site), root });
  return Object.fromEntries(hosts);
}
