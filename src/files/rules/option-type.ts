import { withCode } from '../../sys/error-code.js';
import { didYouMean } from './did-you-mean.js';

/**
 * Types of options, and rows of the tables of options. A type is a check at run time and the same as a JSON schema, for
 * editors. A row describes one option; checks, flags, help, schema and documentation are made from it.
 *
 * Every error message begins with the option's name and has no full stop, so that a caller can put a place before it.
 */

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface OptionType<Value> {
  readonly schema: JsonSchema;
  /** @throws TypeError, or RangeError for a number out of range; `code` is ERR_EPOLLET_OPTION */
  check(name: string, value: unknown): Value;
}

export interface OptionRow<Value> {
  readonly type: OptionType<Value>;
  /** As a user would give it, to be checked too. Absent if the option is required. */
  readonly default?: unknown;
  /** A phrase in plain English, without a full stop. */
  readonly description: string;
  /** Where the flag differs from the option. */
  readonly flag?: {
    /** `listing` for `--listing` @default the option's name in kebab case */
    readonly name?: string;
    /** One letter, `p` for `-p`: where comparable servers have it with the same meaning. */
    readonly short?: string;
    /** What the help shows as the value: `GLOB=VALUE`. */
    readonly argument?: string;
    readonly description?: string;
    /** May be given several times; in the environment variable each value is a line. */
    readonly repeatable?: true;
  };
}

export type OptionRows<Options> = { readonly [name in keyof Options]-?: OptionRow<Exclude<Options[name], undefined>> };

const SHOWN_CHARACTERS = 80;

/** A value as an error message shows it. */
export function quoted(value: unknown): string {
  const text =
    typeof value === 'string' || (typeof value === 'object' && value !== null) ? jsonOf(value) : String(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}

function jsonOf(value: string | object): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

export const optionError = (message: string): TypeError => withCode('ERR_EPOLLET_OPTION', new TypeError(message));

/** @returns never, so that it can stand where a value is expected */
export function invalidValue(name: string, noun: string, value: unknown): never {
  throw optionError(`${name} must be ${noun}, not ${quoted(value)}`);
}

/** The name of a member, as a program has it: `cors.origins`, or `hosts["a.example"]` for names that the user chooses. */
export const memberOf = (name: string, key: string): string => {
  if (!/^[$A-Za-z_][\w$]*$/.test(key) || /(?:^|\.)(?:hosts|set)$/.test(name)) return `${name}[${JSON.stringify(key)}]`;
  return name === '' ? key : `${name}.${key}`;
};

export const BOOLEAN: OptionType<boolean> = {
  schema: { type: 'boolean' },
  check: (name, value) => (typeof value === 'boolean' ? value : invalidValue(name, 'true or false', value)),
};

export const toggle = (byDefault: boolean, description: string): OptionRow<boolean> => ({
  type: BOOLEAN,
  default: byDefault,
  description,
});

export function choice<Choice>(choices: readonly Choice[]): OptionType<Choice> {
  const noun = `one of ${choices.map(quoted).join(', ')}`;
  return {
    schema: { enum: choices },
    check: (name, value) => (choices.includes(value as Choice) ? (value as Choice) : invalidValue(name, noun, value)),
  };
}

/** A value of another type is a RangeError too, as for limits. */
export function integer(min: number, max: number): OptionType<number> {
  return {
    schema: { type: 'integer', minimum: min, maximum: max },
    check(name, value) {
      if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
      const message = `${name} must be an integer from ${min} to ${max}, not ${quoted(value)}`;
      throw withCode('ERR_EPOLLET_OPTION', new RangeError(message));
    },
  };
}

/** @param schema beyond `type: string` */
export function text(
  noun: string,
  isValid: RegExp | ((value: string) => boolean),
  schema: JsonSchema = {},
): OptionType<string> {
  const test = typeof isValid === 'function' ? isValid : (value: string): boolean => isValid.test(value);
  return {
    schema: { type: 'string', ...schema },
    check: (name, value) => (typeof value === 'string' && test(value) ? value : invalidValue(name, noun, value)),
  };
}

/** A token, RFC 9110 section 5.6.2: a field's name, a method. */
export const token = (noun: string): OptionType<string> => text(noun, /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/);

/** A field's value, RFC 9110 section 5.5: characters that cannot end its line, and no whitespace around it. */
export const FIELD_VALUE = text(
  'a text of visible latin1 characters, without whitespace around it',
  (value) => /^[\t\x20-\x7e\x80-\xff]*$/.test(value) && !/^[ \t]|[ \t]$/.test(value),
);

export function nullable<Value>({ schema, check }: OptionType<Value>): OptionType<Value | null> {
  return {
    schema: { ...schema, type: [schema['type'], 'null'] },
    check: (name, value) => (value === null ? null : check(name, value)),
  };
}

/** Each element is checked under its own name. The checked list is a copy. */
export function list<Element>(element: OptionType<Element>): OptionType<Element[]> {
  return {
    schema: { type: 'array', items: element.schema },
    check(name, value) {
      if (!Array.isArray(value)) return invalidValue(name, 'a list', value);
      return value.map((each: unknown, at) => element.check(`${name}[${at}]`, each));
    },
  };
}

/** An object whose members are rows, and nothing else. The checked object is a copy with every default. */
export function object<Options>(rows: OptionRows<Options>): OptionType<Required<Options>> {
  return { schema: schemaOf(rows), check: (name, value) => checkedMembers(name, value, rows) };
}

/**
 * Checks an object by its rows.
 * @returns a copy; with the defaults, unless `defaults` is false
 */
export function checkedMembers<Options>(
  name: string,
  value: unknown,
  rows: OptionRows<Options>,
  defaults = true,
  aliases?: ReadonlyMap<string, string>,
): Required<Options> {
  const names = Object.keys(rows);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return invalidValue(name, names.length < 10 ? `an object with ${names.join(', ')}` : 'an object', value);
  checkNames(name, value, names, aliases);
  const given = value as Record<string, unknown>;
  const members: [string, unknown][] = [];
  for (const [key, row] of Object.entries<OptionRow<unknown>>(rows)) {
    if (Object.hasOwn(given, key) && given[key] !== undefined)
      members.push([key, row.type.check(memberOf(name, key), given[key])]);
    else if (!('default' in row)) throw optionError(`${name || 'the options'} must have "${key}"`);
    else if (defaults) members.push([key, row.type.check(memberOf(name, key), row.default)]);
  }
  return Object.fromEntries(members) as Required<Options>;
}

/** @param aliases by what others call an option: its name, maybe with its value or a member */
export function checkNames(
  name: string,
  value: object,
  names: readonly string[],
  aliases: ReadonlyMap<string, string> = new Map(),
): void {
  for (const key of Object.keys(value)) {
    if (names.includes(key)) continue;
    const alias = aliases.get(key) ?? '';
    const meant = names.includes(/^\w*/.exec(alias)![0]) ? alias : didYouMean(key, names);
    const remedy = meant === null ? `there are: ${names.join(', ')}` : `did you mean ${meant}?`;
    throw optionError(`${memberOf(name, key)} is not an option; ${remedy}`);
  }
}

export function schemaOf<Options>(rows: OptionRows<Options>): JsonSchema {
  const entries = Object.entries<OptionRow<unknown>>(rows);
  const required = entries.filter(([, row]) => !('default' in row)).map(([key]) => key);
  return {
    type: 'object',
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
    properties: Object.fromEntries(entries.map(([key, row]) => [key, rowSchema(row)])),
  };
}

export const rowSchema = ({ type, description, ...row }: OptionRow<unknown>): JsonSchema => ({
  ...type.schema,
  ...('default' in row && row.default !== undefined ? { default: row.default } : {}),
  description,
});
