import { InvalidArgumentError, Option } from 'commander';
import { RENAMED } from '../../files/rules/did-you-mean.js';
import { BOOLEAN, type OptionRow } from '../../files/rules/option-type.js';
import { SITE_OPTIONS } from '../../files/rules/site-options.js';
import { isNetwork } from '../../net/ip/networks.js';
import { parseListen } from '../../net/listening/listen-address.js';
import { adminAddress } from '../../server/admin-option.js';
import { isProxy, NETWORK_NOUN, PROXY_NOUN } from '../../server/client-options.js';
import { SERVER_OPTIONS } from '../../server/options.js';
import { MAX_WORKERS } from '../../server/workers-option.js';
import { COMMAND_OPTIONS, LIMIT_OPTIONS } from './option-table.js';
import { UsageError } from './usage-error.js';

const kebabCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The flag of an option without its hyphens: `directoryListing` is `listing`, `headTimeoutMs` is `head-timeout-ms`. */
export const flagName = (name: string, row: OptionRow<unknown>): string => row.flag?.name ?? kebabCase(name);

/** `clean-urls` or `cleanUrls` is EPOLLET_CLEAN_URLS. */
export const variableOf = (flag: string): string => `EPOLLET_${kebabCase(flag).toUpperCase().replaceAll('-', '_')}`;

/** `cleanUrls` is --clean-urls, or --no-clean-urls if that was given. */
export const flagOf = (name: string, value?: unknown): string => `--${value === false ? 'no-' : ''}${kebabCase(name)}`;

const ROWS: Readonly<Record<string, OptionRow<unknown>>> = { ...SITE_OPTIONS, ...LIMIT_OPTIONS };

/** The flags that were renamed with their options, without hyphens: the old one and the new one. */
export const RENAMED_FLAGS: ReadonlyMap<string, string> = new Map(
  [...RENAMED]
    .filter(([, name]) => name in ROWS)
    .map(([old, name]): [string, string] => [kebabCase(old), flagName(name, ROWS[name]!)])
    .filter(([old, flag]) => old !== flag),
);

/**
 * The flags of an option, each with its environment variable: two for a switch, one for any other.
 * @param parse for a value that is neither an integer nor one of some choices
 */
export function flagsOf(
  name: string,
  row: OptionRow<unknown>,
  parse?: (text: string, before: never) => unknown,
): Option[] {
  const flag = flagName(name, row);
  const short = row.flag?.short === undefined ? '' : `-${row.flag.short}, `;
  const description = `${row.flag?.description ?? row.description}${row.flag?.repeatable ? '; repeatable' : ''}`;
  if (row.type === BOOLEAN) {
    // The help shows the one that differs from the default.
    const isOn = row.default === true;
    const on = new Option(`${short}--${flag}`, description).default(isOn).hideHelp(isOn);
    const off = new Option(`--no-${flag}`, description).hideHelp(!isOn);
    (isOn ? off : on).env(variableOf(flag));
    return [on, off];
  }
  const schema = row.type.schema as { enum?: string[]; minimum?: number; maximum?: number };
  const option = new Option(`${short}--${flag} <${row.flag?.argument ?? 'number'}>`, description).env(variableOf(flag));
  if (schema.enum !== undefined) return [option.choices(schema.enum).default(row.default)];
  if (schema.minimum !== undefined)
    return [option.argParser(integer(schema.minimum, schema.maximum!)).default(row.default)];
  return [parse === undefined ? option : option.argParser(parse as (text: string, before: unknown) => unknown)];
}

/** The value of a switch's variable; commander only reports that the variable is set. */
export function switchValue(variable: string): boolean {
  const text = process.env[variable]!;
  const word = text.trim().toLowerCase();
  if (['1', 'true', 'yes', 'on'].includes(word)) return true;
  if (['0', 'false', 'no', 'off'].includes(word)) return false;
  throw new UsageError(`${variable} must be 1, true, yes or on, or 0, false, no or off, not ${JSON.stringify(text)}.`);
}

/** HOST and PORT, which platforms set, rank below the flags and variables of epollet. */
export const hostFlag = (): Option =>
  flagsOf('hostname', SERVER_OPTIONS.hostname)[0]!.default(process.env['HOST'] || SERVER_OPTIONS.hostname.default);

export const portFlag = (): Option =>
  flagsOf('port', SERVER_OPTIONS.port)[0]!.default(portFromEnvironment(), process.env['PORT'] || '8080');

/** A broken PORT is an error only when it is used: when nothing above it is set. */
function portFromEnvironment(): number | string {
  const text = process.env['PORT'];
  return text ? (/^\d+$/.test(text) && Number(text) <= 65535 ? Number(text) : text) : 8080;
}

/** The flags of the server's options, without those of a site and hosts. */
export const serverFlags = (): Option[] => [
  ...flagsOf('config', COMMAND_OPTIONS.config),
  hostFlag(),
  portFlag(),
  ...flagsOf('listen', SERVER_OPTIONS.listen, listenTexts),
  flagsOf('workers', SERVER_OPTIONS.workers)[0]!.argParser(workerCount).default(1),
  ...flagsOf('accept', SERVER_OPTIONS.accept),
  ...flagsOf('trigger', SERVER_OPTIONS.trigger),
  ...flagsOf('accessLog', SERVER_OPTIONS.accessLog),
  ...flagsOf('accessLogFile', SERVER_OPTIONS.accessLogFile),
  ...flagsOf('requestIds', SERVER_OPTIONS.requestIds),
  ...flagsOf('trustedProxies', SERVER_OPTIONS.trustedProxies, proxyTexts),
  ...flagsOf('proxyProtocol', SERVER_OPTIONS.proxyProtocol),
  ...flagsOf('exemptClients', SERVER_OPTIONS.exemptClients, networks(isNetwork, NETWORK_NOUN)),
  ...flagsOf('admin', SERVER_OPTIONS.admin, adminText),
  ...flagsOf('fetch', SERVER_OPTIONS.fetch),
  ...flagsOf('fetchFirst', SERVER_OPTIONS.fetchFirst),
];

export const limitFlags = (): Option[] => Object.entries(LIMIT_OPTIONS).flatMap(([name, row]) => flagsOf(name, row));

function adminText(text: string): string {
  if (adminAddress(text) !== null) return text;
  throw new InvalidArgumentError('it must be an address and a port such as 127.0.0.1:9090, or unix: and a path.');
}

/** Each value of such a flag has one network, or several with commas or whitespace between; so does its variable. */
function networks(isValid: (text: string) => boolean, noun: string) {
  return (text: string, before: readonly string[] = []): string[] => {
    const given = text.split(/[\s,]+/).filter((each) => each !== '');
    const fault = given.length === 0 ? text : given.find((each) => !isValid(each));
    if (fault !== undefined) throw new InvalidArgumentError(`${JSON.stringify(fault)} must be ${noun}.`);
    return [...before, ...given];
  };
}

/** Each value of --trusted-proxies, or its variable. */
export const proxyTexts = networks(isProxy, PROXY_NOUN);

/** Each value of --listen, or each line of its variable. */
export function listenTexts(text: string, before: readonly string[] = []): string[] {
  const lines = text.split(/\s*\n\s*/).filter((line) => line !== '');
  for (const line of lines.length === 0 ? [text] : lines) {
    if (parseListen(line, '/') !== null) continue;
    throw new InvalidArgumentError(
      'it must be a port from 0 to 65535, a host and a port such as localhost:3000, unix: and a path, fd: and a number, or systemd.',
    );
  }
  return [...before, ...lines];
}

export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`it must be an integer from ${min} to ${max}.`);
    return value;
  };
}

function workerCount(text: string): number | 'auto' {
  return text === 'auto' ? text : integer(1, MAX_WORKERS)(text);
}
