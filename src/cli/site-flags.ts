import { InvalidArgumentError, type Option } from 'commander';
import { REDIRECT_STATUSES, type RedirectRule } from '../files/rules/redirects.js';
import {
  type CacheControlRule,
  ETAG_SOURCES,
  type HeaderRule,
  resolveSiteOptions,
  type SiteOptions,
  SYMLINK_POLICIES,
} from '../files/rules/site-options.js';
import { HOST_NAME } from '../server/options.js';
import { flag, switchFlags } from './flags.js';

/** What `--spa` stands for. */
export const SPA_PAGE = 'index.html';

/** A host and its folder, as `--vhost` has them. */
export interface VirtualHost {
  readonly host: string;
  readonly root: string;
}

/** The flags of a site's options, whose parsed values are those of the options. */
export const siteFlags = (): Option[] => [
  flag('etag', 'source', "what an ETag is made from: the file's inode, size and times, or a hash of its bytes")
    .choices(ETAG_SOURCES)
    .default('stat'),
  flag('symlinks', 'policy', 'links below the root: follow those that stay below it, none, or all')
    .choices(SYMLINK_POLICIES)
    .default('within-root'),
  ...switchFlags('precompressed', true, 'never send app.js.br, app.js.zst or app.js.gz for app.js'),
  ...switchFlags('compress', false, 'compress what has no sidecar and is worth it, as it is asked for'),
  ...switchFlags('clean-urls', false, '/about answers about.html, and /about.html redirects to /about'),
  ...switchFlags('listing', false, 'list folders that have no index.html'),
  flag('fallback', 'file', 'the page that answers where there is none, by its name below the root').argParser(
    (text: string) => checked('fallback', text),
  ),
  ...switchFlags('spa', false, `short for --fallback ${SPA_PAGE}`),
  flag(
    'keep-previous-ms',
    'number',
    'how long hashed files of the release before are served after a switch of the root',
  )
    .argParser((text: string) => checked('previousReleaseMs', /^\d+$/.test(text) ? Number(text) : text))
    .default(0),
  flag('cache-control', 'GLOB=VALUE', 'Cache-Control of the files that match; the first match counts').argParser(
    each('cacheControl', cacheControlOf),
  ),
  flag('header', 'GLOB=NAME: VALUE', 'a field for the files that match; without a value it is taken away').argParser(
    each('headers', headerOf),
  ),
  flag('redirect', 'FROM=TO[,STATUS]', 'an address that has moved; the first match counts, before any file').argParser(
    each('redirects', redirectOf),
  ),
  ...switchFlags('security-headers', false, 'send the fields that narrow what a browser does with the pages'),
  flag(
    'cors',
    'origins',
    'who else may read the answers in a browser: *, or origins with commas between them',
  ).argParser((text: string) =>
    checked('cors', { origins: text === '*' ? text : text.split(',').map((part) => part.trim()) }),
  ),
];

export const virtualHostFlag = (): Option =>
  flag(
    'vhost',
    'NAME=DIR',
    'a folder for another host, with the options of the first, or with its own where the file has that host',
  ).argParser(virtualHosts);

/** A flag that may be given several times; in a variable its values are lines. */
function each<Name extends 'cacheControl' | 'headers' | 'redirects', Element extends object>(
  name: Name,
  parse: (text: string) => Element,
): (text: string, before: Element[] | undefined) => SiteOptions[Name] {
  // Checked as a list: redirects can lead round in circles together.
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
  const form = 'GLOB=NAME: VALUE such as "*.html=X-Robots-Tag: noindex"';
  const [match, field] = pair(text, form);
  const [, name, value] = /^([^:]+?)[ \t]*:(.*)$/.exec(field) ?? mistaken(form);
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
    status: known ?? mistaken(`a redirect with one of the statuses ${REDIRECT_STATUSES.join(', ')}`),
  };
}

function virtualHosts(text: string, before: VirtualHost[] = []): VirtualHost[] {
  const hosts = [...before];
  for (const line of linesOf(text)) {
    const form = 'NAME=DIR with a host without a port, such as "www.example.org=/srv/www"';
    const [name, root] = pair(line, form);
    const host = name.toLowerCase();
    if (!HOST_NAME.test(host) || root === '') mistaken(form);
    if (hosts.some((each) => each.host === host)) throw new InvalidArgumentError(`${host} has a folder already.`);
    hosts.push({ host, root });
  }
  return hosts;
}

/** Cut at the first `=`. */
function pair(text: string, form: string): [string, string] {
  const equals = text.indexOf('=');
  return equals > 0 ? [text.slice(0, equals).trim(), text.slice(equals + 1).trim()] : mistaken(form);
}

function mistaken(form: string): never {
  throw new InvalidArgumentError(`it must be ${form}.`);
}

/** The value of one option, which the site's own checks let pass; what they say is said of the flag. */
function checked<Name extends keyof SiteOptions>(name: Name, value: unknown): SiteOptions[Name] {
  try {
    resolveSiteOptions({ [name]: value });
  } catch (error) {
    const [, place, says] = /^\w+(?:\[\d+\])?\.?(set\[".*?"\]|\S*)( .*)$/s.exec((error as Error).message)!;
    const part = place!.replace(/^origins\[\d+\]$/, '').replace(/^set\[(".*")\]$/, 'the field $1');
    throw new InvalidArgumentError(`${part || 'it'}${says!.replace('be null or ', 'be ')}.`);
  }
  return value as SiteOptions[Name];
}
