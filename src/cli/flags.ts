import { InvalidArgumentError, Option } from 'commander';
import { LIMIT_NAMES, LIMITS } from '../http/limits.js';
import { TRIGGERS } from '../reactor/interest.js';
import { ACCESS_LOG_FORMATS } from '../server/connection/access-log.js';
import { UsageError } from './usage-error.js';

/** Every flag is an environment variable too: `--access-log` is EPOLLET_ACCESS_LOG. The flag wins. */
export function flag(name: string, value: string, description: string): Option {
  return new Option(`--${name} <${value}>`, description).env(variableOf(name));
}

/** One that is on or off: `--compress`, `--no-compress`, EPOLLET_COMPRESS. The help has the one that is no default. */
export function switchFlags(name: string, byDefault: boolean, description: string): Option[] {
  const on = new Option(`--${name}`, description).default(byDefault).hideHelp(byDefault);
  const off = new Option(`--no-${name}`, description).hideHelp(!byDefault);
  (byDefault ? off : on).env(variableOf(name));
  return [on, off];
}

/** Takes what a variable says, of which commander takes only that it is there. */
export function switchValue(variable: string): boolean {
  const text = process.env[variable]!;
  const word = text.trim().toLowerCase();
  if (['1', 'true', 'yes', 'on'].includes(word)) return true;
  if (['0', 'false', 'no', 'off'].includes(word)) return false;
  throw new UsageError(`${variable} must be 1, true, yes or on, or 0, false, no or off, not ${JSON.stringify(text)}.`);
}

/** `cleanUrls` is --clean-urls, or --no-clean-urls where that was said. */
export const flagOf = (name: string, value?: unknown): string => `--${value === false ? 'no-' : ''}${kebabCase(name)}`;

/** `clean-urls`, or `cleanUrls` as an option has it, is EPOLLET_CLEAN_URLS. */
export const variableOf = (name: string): string => `EPOLLET_${kebabCase(name).toUpperCase().replaceAll('-', '_')}`;

export const ONE_WORKER = 'only 1 worker is supported; for more, start several servers behind a balancer.';

/** HOST and PORT are what platforms set; they stand below the flags and variables of our own. */
export const hostFlag = () =>
  flag('host', 'address', 'address or name to listen on; :: for all, IPv6 and IPv4').default(
    process.env['HOST'] || '127.0.0.1',
  );

export const portFlag = () =>
  flag('port', 'number', 'port to listen on; 0 picks a free one')
    .argParser(integer(0, 65535))
    .default(portFromEnvironment(), process.env['PORT'] || '8080');

export const workersFlag = () =>
  flag('workers', 'number', 'how many reactors serve; 1 for now').argParser(onlyOne).default(1);

export const triggerFlag = () =>
  flag('trigger', 'kind', 'how readiness is reported to connections').choices(TRIGGERS).default('level');

export const accessLogFlag = () =>
  flag('access-log', 'format', 'a line a request on standard output').choices(ACCESS_LOG_FORMATS).default('off');

export const appFlags = (): Option[] => [
  flag('app', 'file', 'a module with export default { fetch }, which answers what no file does'),
  ...switchFlags('fetch-first', false, 'ask the app before the files, which answer what it has 404 for'),
];

/** One flag a limit: `headTimeoutMs` is `--head-timeout-ms`. */
export const limitFlags = (): Option[] =>
  LIMIT_NAMES.map((name) =>
    flag(kebabCase(name), 'number', LIMITS[name].description)
      .argParser(integer(LIMITS[name].min, LIMITS[name].max))
      .default(LIMITS[name].default),
  );

export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`it must be an integer from ${min} to ${max}.`);
    return value;
  };
}

function onlyOne(text: string): number {
  if (integer(1, 1024)(text) !== 1) throw new InvalidArgumentError(ONE_WORKER);
  return 1;
}

/** A broken PORT is complained of when it is used, which is when nothing above it is set. */
function portFromEnvironment(): number | string {
  const text = process.env['PORT'];
  return text ? (/^\d+$/.test(text) && Number(text) <= 65535 ? Number(text) : text) : 8080;
}

const kebabCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
