import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { jsonFault, repeatedName } from '../../app/json-fault.js';
import { checkedMembers, memberOf, quoted } from '../../files/rules/option-type.js';
import { resolveSiteOptions, SITE_OPTION_NAMES, type SiteOptions } from '../../files/rules/site-options.js';
import type { Limits } from '../../http/limits.js';
import { listenText, parseListen } from '../../net/listening/listen-address.js';
import type { Trigger } from '../../reactor/interest.js';
import { LISTEN } from '../../server/listen-option.js';
import type { AccessLogFormat } from '../../server/log/access-log.js';
import type { AcceptMode } from '../../server/workers-option.js';
import { CONFIG_ALIASES, CONFIG_OPTIONS } from './option-table.js';
import { checked, UsageError } from './usage-error.js';

/** The contents of a configuration file; absent members are absent here. Paths are absolute. */
export interface Config {
  host?: string;
  port?: number;
  /** Paths of Unix sockets are absolute. */
  listen?: string[];
  workers?: number | 'auto';
  accept?: AcceptMode;
  trigger?: Trigger;
  accessLog?: AccessLogFormat;
  accessLogFile?: string;
  requestIds?: boolean;
  admin?: string;
  trustedProxies?: string | string[];
  proxyProtocol?: boolean;
  exemptClients?: string | string[];
  root?: string;
  app?: string;
  fetchFirst?: boolean;
  limits: Partial<Limits>;
  /** The options of the main site: checked, without defaults. */
  site: SiteOptions;
  /** The sites of other hosts, by the name in the Host field: lower case, no port. They inherit nothing. */
  hosts: Map<string, { root: string; site: SiteOptions }>;
}

/** The file once it is checked. */
interface File extends SiteOptions, Omit<Config, 'limits' | 'site' | 'hosts'> {
  $schema?: string;
  limits?: Partial<Limits>;
  hosts?: Record<string, SiteOptions & { root: string }>;
}

/**
 * Reads a configuration file, which has the members of CONFIG_OPTIONS. Relative paths in it start at its directory.
 * @throws UsageError if the file cannot be read, is not JSON or has an invalid option
 */
export function readConfig(path: string): Config {
  const content = parsed(path, contentOf(path));
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new UsageError(`${path}: the file must be an object of options, not ${quoted(content)}.`);
  checked(`${path}: `, () => checkedMembers('', content, CONFIG_OPTIONS, false, CONFIG_ALIASES));
  const { $schema: _, root, app, listen, accessLogFile, limits = {}, hosts = {}, ...rest } = content as File;
  const directory = dirname(resolve(path));
  const { site, others } = split(rest);
  checked(`${path}: `, () => resolveSiteOptions(site));
  const named = Object.entries(hosts).map(([name, { root: ownRoot, ...own }]) => {
    checked(`${path}: ${memberOf('hosts', name)}.`, () => resolveSiteOptions(own));
    return [name, { root: resolve(directory, ownRoot), site: own }] as const;
  });
  return {
    ...others,
    ...(listen === undefined
      ? {}
      : { listen: LISTEN.check('listen', listen).map((each) => absolute(each, `${directory}/`)) }),
    ...(root === undefined ? {} : { root: resolve(directory, root) }),
    ...(app === undefined ? {} : { app: resolve(directory, app) }),
    ...(accessLogFile === undefined ? {} : { accessLogFile: resolve(directory, accessLogFile) }),
    limits,
    site,
    hosts: new Map(named),
  };
}

/** @param directory where a relative path of a Unix socket starts */
const absolute = (listen: string, directory: string): string => listenText(parseListen(listen, directory)!);

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UsageError(`The configuration file ${path} does not exist; give one that does.`);
    if (code === 'EISDIR') throw new UsageError(`The configuration file ${path} is a directory; give a file in it.`);
    throw new UsageError(
      `The configuration file ${path} cannot be read (${code}); change its permissions or the user.`,
    );
  }
}

function parsed(path: string, text: string): unknown {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    const { line, column, expected } = jsonFault(text) ?? { line: 1, column: 1, expected: 'JSON' };
    throw new UsageError(
      `${path} is not JSON at line ${line}, column ${column}: expected ${expected}; comments and trailing commas are not allowed.`,
    );
  }
  const repeated = repeatedName(text);
  if (repeated === null) return content;
  const { line, column, name } = repeated;
  throw new UsageError(
    `${path} has ${quoted(name)} a second time at line ${line}, column ${column}; remove one of the two.`,
  );
}

function split(rest: Omit<File, '$schema' | 'root' | 'app' | 'listen' | 'accessLogFile' | 'limits' | 'hosts'>) {
  const isOption = ([name]: [string, unknown]): boolean => (SITE_OPTION_NAMES as string[]).includes(name);
  const entries = Object.entries(rest);
  return {
    site: Object.fromEntries(entries.filter(isOption)) as SiteOptions,
    others: Object.fromEntries(entries.filter((each) => !isOption(each))) as Omit<Config, 'limits' | 'site' | 'hosts'>,
  };
}
