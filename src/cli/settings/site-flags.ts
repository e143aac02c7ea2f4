import { InvalidArgumentError, type Option } from 'commander';
import { REDIRECT_STATUSES, type RedirectRule } from '../../files/rules/redirects.js';
import {
  type CacheControlRule,
  type HeaderRule,
  resolveSiteOptions,
  SITE_OPTION_NAMES,
  SITE_OPTIONS,
  type SiteOptions,
} from '../../files/rules/site-options.js';
import { HOST_NAME, SERVER_OPTIONS } from '../../server/options.js';
import { flagsOf } from './flags.js';
import { COMMAND_OPTIONS } from './option-table.js';
import { sentence } from './usage-error.js';

export interface VirtualHost {
  readonly host: string;
  readonly root: string;
}

/** How the text of a flag becomes the value of its option, if it is neither a switch, a number nor a choice. */
const PARSERS: { readonly [name in keyof SiteOptions]?: (text: string, before: never) => unknown } = {
  fallback: (text) => checked('fallback', text),
  encodedFiles: repeatable('encodedFiles', (text) => text.trim()),
  cacheControl: repeatable('cacheControl', cacheControlOf),
  headers: repeatable('headers', headerOf),
  redirects: repeatable('redirects', redirectOf),
  cors: (text) => checked('cors', { origins: text === '*' ? text : text.split(',').map((part) => part.trim()) }),
};

/** The flags of a site's options; their parsed values are those of the options. */
export const siteFlags = (): Option[] =>
  SITE_OPTION_NAMES.flatMap((name) => [
    ...flagsOf(name, SITE_OPTIONS[name], PARSERS[name]),
    ...(name === 'fallback' ? flagsOf('spa', COMMAND_OPTIONS.spa) : []),
  ]);

export const virtualHostFlag = (): Option[] => flagsOf('hosts', SERVER_OPTIONS.hosts, virtualHosts);

/** For a flag that may be given several times; in a variable each value is a line. */
function repeatable<Name extends 'cacheControl' | 'encodedFiles' | 'headers' | 'redirects', Element>(
  name: Name,
  parse: (text: string) => Element,
): (text: string, before: Element[] | undefined) => SiteOptions[Name] {
  // Checked as a list: several redirects can form a loop.
  return (text, before = []) => checked(name, [...before, ...linesOf(text).map(parse)]);
}

function linesOf(text: string): string[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.length === 0 ? [text] : lines;
}

function cacheControlOf(text: string): CacheControlRule {
  const [match, value] = pair(text, 'GLOB=VALUE such as "/assets/**=public, max-age=3600"');
  return { match, value };
}

function headerOf(text: string): HeaderRule {
  const syntax = 'GLOB=NAME: VALUE such as "*.html=X-Robots-Tag: noindex"';
  const [match, field] = pair(text, syntax);
  const [, name, value] = /^([^:]+?)[ \t]*:(.*)$/.exec(field) ?? invalid(syntax);
  return { match, set: { [name!]: value!.trim() } };
}

function redirectOf(text: string): RedirectRule {
  const [from, rest] = pair(text, 'FROM=TO or FROM=TO,STATUS such as "/old=/new,301"');
  const [, to, status] = /^(.*?)(?:,(\d+))?$/.exec(rest)!;
  if (status === undefined) return { from, to: to! };
  const known = REDIRECT_STATUSES.find((each) => each === Number(status));
  return {
    from,
    to: to!,
    status: known ?? invalid(`a redirect with one of the statuses ${REDIRECT_STATUSES.join(', ')}`),
  };
}

function virtualHosts(text: string, before: VirtualHost[] = []): VirtualHost[] {
  const hosts = [...before];
  for (const line of linesOf(text)) {
    const syntax = 'NAME=DIR with a host without a port, such as "www.example.org=/srv/www"';
    const [name, root] = pair(line, syntax);
    const host = name.toLowerCase();
    if (!HOST_NAME.test(host) || root === '') invalid(syntax);
    if (hosts.some((each) => each.host === host)) throw new InvalidArgumentError(`${host} already has a directory.`);
    hosts.push({ host, root });
  }
  return hosts;
}

function pair(text: string, syntax: string): [string, string] {
  const equals = text.indexOf('=');
  return equals > 0 ? [text.slice(0, equals).trim(), text.slice(equals + 1).trim()] : invalid(syntax);
}

function invalid(syntax: string): never {
  throw new InvalidArgumentError(`it must be ${syntax}.`);
}

/** The value of one option, checked by the table; the error message is about the flag. */
function checked<Name extends keyof SiteOptions>(name: Name, value: unknown): SiteOptions[Name] {
  try {
    resolveSiteOptions({ [name]: value });
  } catch (error) {
    const [, place, rest] = /^\w+(?:\[\d+\])?\.?(set\[".*?"\]|\S*)( .*)$/s.exec((error as Error).message)!;
    const part = place!.replace(/^origins\[\d+\]$/, '').replace(/^set\[(".*")\]$/, 'the field $1');
    throw new InvalidArgumentError(sentence(`${part || 'it'}${rest!.replace('be null or ', 'be ')}`));
  }
  return value as SiteOptions[Name];
}
