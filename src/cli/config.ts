import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { didYouMean } from '../files/rules/did-you-mean.js';
import { quoted } from '../files/rules/option-check.js';
import { resolveSiteOptions, SITE_OPTION_NAMES, type SiteOptions } from '../files/rules/site-options.js';
import type { Limits } from '../http/limits.js';
import type { Trigger } from '../reactor/interest.js';
import type { AccessLogFormat } from '../server/connection/access-log.js';
import schema from './config.schema.json' with { type: 'json' };
import { jsonFault, repeatedName } from './json-fault.js';
import { UsageError } from './usage-error.js';

/** What a configuration file says; what it does not say is not here. */
export interface Config {
  host?: string;
  port?: number;
  workers?: number;
  trigger?: Trigger;
  accessLog?: AccessLogFormat;
  /** An absolute path. */
  root?: string;
  /** An absolute path. */
  app?: string;
  fetchFirst?: boolean;
  limits: Partial<Limits>;
  /** Of the top-level site. Checked, without defaults. */
  site: SiteOptions;
  /** The other sites, by the name in the Host field: small letters, no port. They inherit nothing. */
  hosts: Map<string, HostConfig>;
}

export interface HostConfig {
  /** An absolute path. */
  root: string;
  site: SiteOptions;
}

/** What the file holds once the schema has nothing against it. */
interface File extends SiteOptions, Omit<Config, 'limits' | 'site' | 'hosts'> {
  $schema?: string;
  limits?: Partial<Limits>;
  hosts?: Record<string, SiteOptions & { root: string }>;
}

/** Compiled when there is a file to check. */
let validate: ValidateFunction | null = null;

/**
 * Reads a configuration file, whose form is that of config.schema.json. Relative paths are relative to its folder.
 * @throws UsageError for what cannot be read, is no JSON or not as the schema and the options want it
 */
export function readConfig(path: string): Config {
  const file = checkedFile(path, parsed(path, contentOf(path)));
  const { $schema: _, root, app, limits = {}, hosts = {}, ...rest } = file;
  const folder = dirname(resolve(path));
  const { site, others } = split(rest);
  checkSite(path, '', site);
  const named = Object.entries(hosts).map(([name, { root: ownRoot, ...own }]): [string, HostConfig] => {
    checkSite(path, `hosts[${JSON.stringify(name)}].`, own);
    return [name, { root: resolve(folder, ownRoot), site: own }];
  });
  return {
    ...others,
    ...(root === undefined ? {} : { root: resolve(folder, root) }),
    ...(app === undefined ? {} : { app: resolve(folder, app) }),
    limits,
    site,
    hosts: new Map(named),
  };
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new UsageError(`The configuration file ${path} does not exist; give one that does.`);
    if (code === 'EISDIR') throw new UsageError(`The configuration file ${path} is a folder; give a file in it.`);
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
      `${path} is no JSON at line ${line}, column ${column}: expected ${expected}; there are no comments and no comma after the last.`,
    );
  }
  const again = repeatedName(text);
  if (again === null) return content;
  const { line, column, name } = again;
  throw new UsageError(
    `${path} has ${quoted(name)} for the second time at line ${line}, column ${column}; leave one of the two out.`,
  );
}

function checkedFile(path: string, content: unknown): File {
  // That the schema is one, a test says: to ask here costs as much as the rest.
  validate ??= new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true, validateSchema: false }).compile(
    schema,
  );
  if (validate(content)) return content as File;
  throw new UsageError(`${path}: ${sentenceOf(culpritOf(validate.errors!), content)}`);
}

/** A key that is missing is most often there, misspelt. */
function culpritOf(errors: readonly ErrorObject[]): ErrorObject {
  const first = errors[0]!;
  if (first.keyword !== 'required') return first;
  const isUnknown = ({ keyword, instancePath }: ErrorObject): boolean =>
    keyword === 'additionalProperties' && instancePath === first.instancePath;
  return errors.find(isUnknown) ?? first;
}

function checkSite(path: string, prefix: string, site: SiteOptions): void {
  try {
    resolveSiteOptions(site);
  } catch (error) {
    throw new UsageError(`${path}: ${prefix}${(error as Error).message}.`);
  }
}

function split(rest: Omit<File, '$schema' | 'root' | 'app' | 'limits' | 'hosts'>) {
  const isOption = ([name]: [string, unknown]): boolean => (SITE_OPTION_NAMES as string[]).includes(name);
  const entries = Object.entries(rest);
  return {
    site: Object.fromEntries(entries.filter(isOption)) as SiteOptions,
    others: Object.fromEntries(entries.filter((each) => !isOption(each))) as Omit<Config, 'limits' | 'site' | 'hosts'>,
  };
}

interface Subschema {
  type?: string | string[];
  title?: string;
  properties?: Record<string, unknown>;
}

/** One of the schema's complaints, with the key and what would be right. */
function sentenceOf(
  { keyword, instancePath, params, propertyName, parentSchema, data }: ErrorObject,
  content: unknown,
) {
  const key = keyOf(instancePath, content);
  const { type, title, properties } = parentSchema as Subschema;
  if (key === '' && keyword === 'type') return `the file must be an object of settings, not ${quoted(data)}.`;
  if (propertyName !== undefined) return `${inside(key, propertyName)} must be ${title}.`;
  if (keyword === 'additionalProperties') {
    const known = Object.keys(properties ?? {});
    const unknown = params['additionalProperty'] as string;
    const near = didYouMean(unknown, known);
    const remedy = near === null ? `; there are: ${known.join(', ')}.` : `; did you mean ${near}?`;
    return `${below(key, unknown)} is unknown${remedy}`;
  }
  if (keyword === 'required') return `${key} must have ${quoted(params['missingProperty'])}.`;
  return `${key} must be ${title ?? nounOf(keyword, type, params, parentSchema as Record<string, unknown>)}, not ${quoted(data)}.`;
}

const NOUNS: Record<string, string> = {
  array: 'a list',
  boolean: 'true or false',
  null: 'null',
  object: 'an object',
  string: 'a text',
};

function nounOf(
  keyword: string,
  type: Subschema['type'],
  params: Record<string, unknown>,
  { minimum, maximum }: Record<string, unknown>,
): string {
  if (keyword === 'enum') return `one of ${(params['allowedValues'] as unknown[]).map(quoted).join(', ')}`;
  if (type === 'integer') return `an integer from ${minimum} to ${maximum}`;
  return [type ?? []]
    .flat()
    .map((each) => NOUNS[each] ?? each)
    .join(' or ');
}

/** A JSON pointer as one writes it in a program: `/hosts/www.example.org/etag` is `hosts["www.example.org"].etag`. */
function keyOf(pointer: string, content: unknown): string {
  let key = '';
  let value = content;
  for (const part of pointer.split('/').slice(1)) {
    const name = part.replaceAll('~1', '/').replaceAll('~0', '~');
    key = Array.isArray(value) ? `${key}[${name}]` : below(key, name);
    value = (value as Record<string, unknown>)[name];
  }
  return key;
}

/** Names that the user gives, of hosts and fields, are quoted; those that the schema has are not. */
const below = (key: string, name: string): string =>
  /(?:^hosts|\.set)$/.test(key) || !/^[$A-Za-z_][\w$]*$/.test(name)
    ? inside(key, name)
    : key === ''
      ? name
      : `${key}.${name}`;

const inside = (key: string, name: string): string => `${key}[${JSON.stringify(name)}]`;
