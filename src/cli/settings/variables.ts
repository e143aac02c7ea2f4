import { didYouMean } from '../../files/rules/did-you-mean.js';
import type { OptionRow } from '../../files/rules/option-type.js';
import { SITE_OPTIONS } from '../../files/rules/site-options.js';
import { SERVER_OPTIONS } from '../../server/options.js';
import { flagName, RENAMED_FLAGS, variableOf } from './flags.js';
import { COMMAND_OPTIONS, LIMIT_OPTIONS } from './option-table.js';
import { UsageError } from './usage-error.js';

const { root: _root, error: _error, limits: _limits, ...SERVER_FLAGS } = SERVER_OPTIONS;

/** The variable of each option, by the name that the option has in `serve()` and in the file. */
const VARIABLES: ReadonlyMap<string, string> = new Map(
  Object.entries<OptionRow<unknown>>({
    ...SERVER_FLAGS,
    ...SITE_OPTIONS,
    ...LIMIT_OPTIONS,
    ...COMMAND_OPTIONS,
  }).map(([name, row]) => [name, variableOf(flagName(name, row))]),
);

const KNOWN: readonly string[] = [...new Set(VARIABLES.values())];

/** The variables of options whose flag has another name. */
const ALIASES: ReadonlyMap<string, string> = new Map(
  [...VARIABLES].map(([name, variable]) => [variableOf(name), variable]),
);

const RENAMED_VARIABLES: ReadonlyMap<string, string> = new Map(
  [...RENAMED_FLAGS].map(([old, flag]) => [variableOf(old), variableOf(flag)]),
);

const DIRECTORY = /^EPOLLET_(?:ROOT|DIR|DIRECTORY|PUBLIC)$/i;

/**
 * Checks the names of the variables `EPOLLET_…`, which would have no effect if misspelt.
 * @returns sentences about those that are like none: another program may have them
 * @throws UsageError for one that is like a variable of epollet
 */
export function checkVariables(env: NodeJS.ProcessEnv): string[] {
  const unknown = Object.keys(env).filter((name) => /^EPOLLET_/i.test(name) && !KNOWN.includes(name));
  return unknown.map((name) => {
    const renamed = RENAMED_VARIABLES.get(name);
    if (renamed !== undefined) throw new UsageError(`${name} was renamed; set ${renamed} instead.`);
    const remedy = remedyOf(name);
    if (remedy !== null) throw new UsageError(`${name} is not a variable of epollet; ${remedy}`);
    return `${name} is not a variable of epollet, and has no effect; epollet serve --help lists them.`;
  });
}

function remedyOf(name: string): string | null {
  const upper = name.toUpperCase();
  const alias = ALIASES.get(upper);
  if (alias !== undefined) return alias === upper ? `write it as ${alias}.` : `set ${alias} instead.`;
  if (DIRECTORY.test(name))
    return 'give the directory as an argument, or as root in the file that EPOLLET_CONFIG names.';
  const [, switched] = /^EPOLLET_NO_(.*)$/.exec(upper) ?? [];
  if (switched !== undefined && KNOWN.includes(`EPOLLET_${switched}`)) return `set EPOLLET_${switched}=0 instead.`;
  const words = KNOWN.map((known) => known.slice('EPOLLET_'.length));
  const meant = didYouMean(upper.slice('EPOLLET_'.length), words);
  return meant === null ? null : `did you mean EPOLLET_${meant}?`;
}
