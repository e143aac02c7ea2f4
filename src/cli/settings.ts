import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { resolveSiteOptions, SITE_OPTION_NAMES, type SiteOptions } from '../files/rules/site-options.js';
import { LIMIT_NAMES, type Limits } from '../http/limits.js';
import type { Trigger } from '../reactor/interest.js';
import type { AccessLogFormat } from '../server/connection/access-log.js';
import type { HostOptions, ServeOptions } from '../server/options.js';
import type { Config } from './config.js';
import {
  accessLogFlag,
  appFlags,
  flag,
  flagOf,
  hostFlag,
  limitFlags,
  ONE_WORKER,
  portFlag,
  switchValue,
  triggerFlag,
  variableOf,
  workersFlag,
} from './flags.js';
import { SPA_PAGE, siteFlags, type VirtualHost, virtualHostFlag } from './site-flags.js';
import { UsageError } from './usage-error.js';

/** What serves is told by: the command line, then the environment, then the configuration file, then the defaults. */
export interface Settings {
  /** An address or a name. */
  readonly host: string;
  /** The module of the app; null for files alone. */
  readonly app: string | null;
  /** All but the address, and what the app is yet to give. */
  readonly options: Omit<ServeOptions, 'hostname'>;
}

/** The parsed flags. */
interface Flags extends SiteOptions, Partial<Limits> {
  host: string;
  port: number | string;
  trigger: Trigger;
  accessLog: AccessLogFormat;
  config?: string;
  app?: string;
  spa: boolean;
  header?: NonNullable<SiteOptions['headers']>;
  redirect?: NonNullable<SiteOptions['redirects']>;
  vhost?: VirtualHost[];
}

/** One of a site's options, as the command line or the environment has it. */
interface Said {
  readonly name: keyof SiteOptions;
  readonly value: unknown;
  /** The name of the flag, without hyphens: `header` for `headers`, and `spa` for `fallback` where that was said. */
  readonly flagName: string;
}

/** Flags whose names are not those of their options. */
const FLAG_NAMES: Partial<Record<keyof SiteOptions, string>> = {
  directoryListing: 'listing',
  previousReleaseMs: 'keepPreviousMs',
  headers: 'header',
  redirects: 'redirect',
};

const ABOVE: Record<string, number> = { cli: 2, env: 1 };

/** The site that ships with the package. */
const OWN_SITE = fileURLToPath(new URL('../../html', import.meta.url));

const PRECEDENCE = `
Every flag is an environment variable too: --access-log is EPOLLET_ACCESS_LOG. A flag goes before its variable, that
before the configuration file, and that before the default; of a list the first of them that has it counts whole.
Hosts are no list: --vhost adds to those of the file, and to one that the file has it gives another folder.
HOST and PORT, which platforms set, stand below EPOLLET_HOST and EPOLLET_PORT and above the file.
Switches have an opposite (--no-listing, --precompressed) and are 1, true, yes, on or 0, false, no, off in a variable.
Flags that may be given several times (cache-control, header, redirect, vhost) have a line for each in a variable.`;

/** Gives a command everything by which a server is told what to serve. */
export function withSettings(command: Command): Command {
  command.argument(
    '[dir]',
    'the folder; without one, the root of the configuration file, or no files beside --app, or the site that ships with epollet',
  );
  command.addOption(flag('config', 'file', 'a configuration file, whose form is that of config.schema.json'));
  for (const option of [hostFlag(), portFlag(), workersFlag(), triggerFlag(), accessLogFlag(), ...appFlags()])
    command.addOption(option);
  for (const option of [...siteFlags(), virtualHostFlag(), ...limitFlags()]) command.addOption(option);
  return command.addHelpText('after', PRECEDENCE);
}

/** @throws UsageError for what cannot be meant */
export async function settingsOf(command: Command, dir: string | undefined): Promise<Settings> {
  const flags = command.opts<Flags>();
  const rank = (name: string): number => ABOVE[command.getOptionValueSource(name) ?? ''] ?? 0;
  if (flags.config === '')
    throw new UsageError('The configuration file has an empty name; give one, or leave --config out.');
  const file = flags.config === undefined ? null : await readFile(flags.config);
  if (dir === '')
    throw new UsageError('The folder has an empty name; give one, or none for the site that ships with it.');
  const choose = <Name extends 'trigger' | 'accessLog'>(name: Name): Flags[Name] =>
    rank(name) > 0 ? flags[name] : ((file?.[name] as Flags[Name] | undefined) ?? flags[name]);
  const written = (name: string): string =>
    rank(name) === ABOVE['env'] ? variableOf(name) : flagOf(name, command.opts()[name]);
  const said = saidOf(flags, rank);
  const site = agreeing({ ...file?.site, ...Object.fromEntries(said.map(({ name, value }) => [name, value])) });
  const app = flags.app ?? file?.app ?? null;
  const root = dir ?? file?.root ?? (app === null ? OWN_SITE : undefined);
  const hosts = hostsOf(file, flags.vhost ?? [], site);
  const fetchFirst = rank('fetchFirst') > 0 ? isOn(command, 'fetchFirst') : (file?.fetchFirst ?? false);
  if (app === '') throw new UsageError('The app has an empty name; give the file of a module, or leave --app out.');
  if (app === null && fetchFirst) {
    const name = rank('fetchFirst') > 0 ? written('fetchFirst') : 'fetchFirst';
    throw new UsageError(`There is no app to be asked first; give one with --app, or leave ${name} out.`);
  }
  if (root === undefined) {
    const flagName = said[0]?.flagName ?? (flags.vhost && 'vhost');
    if (flagName !== undefined) throw aboutFiles('', written(flagName));
    const key = Object.keys(file?.site ?? {})[0] ?? (file?.hosts.size ? 'hosts' : undefined);
    if (key !== undefined) throw aboutFiles(`${flags.config}: `, key);
  }
  return {
    host: rank('host') > 0 || process.env['HOST'] ? flags.host : (file?.host ?? flags.host),
    app,
    options: {
      port: portOf(rank('port') > 0 || process.env['PORT'] ? flags.port : (file?.port ?? flags.port)),
      trigger: choose('trigger'),
      accessLog: choose('accessLog'),
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

/** Flags that are right one by one, and with the file, may still be wrong together: redirects and clean URLs. */
function agreeing(site: SiteOptions): SiteOptions {
  try {
    resolveSiteOptions(site);
    return site;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}.`);
  }
}

/** Whether a switch of a command's is on, by flag or variable. */
export function isOn(command: Command, name: string): boolean {
  return command.getOptionValueSource(name) === 'env' ? switchValue(variableOf(name)) : command.opts()[name] === true;
}

/** The checker of files takes 70 ms to load: who has no file does not wait for it. */
async function readFile(path: string): Promise<Config> {
  const { readConfig } = await import('./config.js');
  const file = readConfig(path);
  if ((file.workers ?? 1) !== 1) throw new UsageError(`${path}: workers must be 1: ${ONE_WORKER}`);
  return file;
}

/** PORT is complained of where it is used. */
function portOf(port: number | string): number {
  if (typeof port === 'number') return port;
  throw new UsageError(`PORT must be an integer from 0 to 65535, not ${JSON.stringify(port)}.`);
}

/** Those of a site's options that the command line or the environment has. */
function saidOf(flags: Flags, rank: (name: string) => number): Said[] {
  const said: Said[] = [];
  for (const name of SITE_OPTION_NAMES) {
    const flagName = FLAG_NAMES[name] ?? name;
    if (rank(flagName) === 0) continue;
    const given = (flags as unknown as Record<string, unknown>)[flagName];
    const value = isSwitch(given) && rank(flagName) === ABOVE['env'] ? switchValue(variableOf(flagName)) : given;
    said.push({ name, value, flagName });
  }
  if (rank('spa') > 0) {
    if (rank('spa') === rank('fallback'))
      throw new UsageError(
        rank('spa') === ABOVE['cli']
          ? `--spa is short for --fallback ${SPA_PAGE}; give one of the two.`
          : `EPOLLET_SPA is short for EPOLLET_FALLBACK=${SPA_PAGE}; set one of the two.`,
      );
    const isSpa = rank('spa') === ABOVE['env'] ? switchValue(variableOf('spa')) : flags.spa;
    if (rank('spa') > rank('fallback'))
      said.push({ name: 'fallback', value: isSpa ? SPA_PAGE : null, flagName: 'spa' });
  }
  return said;
}

const isSwitch = (value: unknown): boolean => typeof value === 'boolean';

/** @param place stands before the sentence: the configuration file, for a key of it */
const aboutFiles = (place: string, name: string): UsageError =>
  new UsageError(
    `${place}${name} is about files, and beside the app there is no folder; give one, or leave ${name} out.`,
  );

/** As a folder goes before the root of the file and leaves the rest, so does that of --vhost for a host of the file. */
function hostsOf(file: Config | null, vhosts: readonly VirtualHost[], site: SiteOptions): Record<string, HostOptions> {
  const hosts = new Map<string, HostOptions>();
  for (const [host, { root, site: own }] of file?.hosts ?? []) hosts.set(host, { root, ...own });
  for (const { host, root } of vhosts) hosts.set(host, { ...(hosts.get(host) ?? site), root });
  return Object.fromEntries(hosts);
}
