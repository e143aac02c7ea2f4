/** The checks that options share. Every complaint begins with the option's name: a caller may put its own before it. */

const SHOWN_CHARACTERS = 80;

/** A value as a complaint shows it. */
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

/** @returns never: it is an expression where a value is wanted */
export function invalidValue(name: string, noun: string, value: unknown): never {
  throw new TypeError(`${name} must be ${noun}, not ${quoted(value)}`);
}

/** An object that has no other keys. */
export function checkedObject(name: string, value: unknown, keys: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return invalidValue(name, `an object with ${keys.join(', ')}`, value);
  for (const key of Object.keys(value))
    if (!keys.includes(key)) throw new TypeError(`${name}.${key} is no option; there are: ${keys.join(', ')}`);
  return value as Record<string, unknown>;
}

/** A list of which each element is checked under its own name; a copy. */
export function checkedList<Element>(
  name: string,
  value: unknown,
  element: (name: string, value: unknown) => Element,
): Element[] {
  if (!Array.isArray(value)) return invalidValue(name, 'a list', value);
  return value.map((each: unknown, at) => element(`${name}[${at}]`, each));
}

export function checkedChoice<Choice>(name: string, value: unknown, choices: readonly Choice[]): Choice {
  if (choices.includes(value as Choice)) return value as Choice;
  return invalidValue(name, `one of ${choices.map(quoted).join(', ')}`, value);
}

export function checkedBoolean(name: string, value: unknown): boolean {
  return typeof value === 'boolean' ? value : invalidValue(name, 'true or false', value);
}

/** @throws RangeError, for a value of another type too, as limits do */
export function checkedInteger(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw new RangeError(`${name} must be an integer from ${min} to ${max}, not ${quoted(value)}`);
}

/** A token, RFC 9110 section 5.6.2: a field's name, a method. */
export function checkedToken(name: string, value: unknown, noun: string): string {
  if (typeof value === 'string' && /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/.test(value)) return value;
  return invalidValue(name, noun, value);
}

/** A field's value, RFC 9110 section 5.5: what cannot end its line, without blanks around it. */
export function checkedFieldValue(name: string, value: unknown): string {
  if (typeof value === 'string' && /^[\t\x20-\x7e\x80-\xff]*$/.test(value) && !/^[ \t]|[ \t]$/.test(value))
    return value;
  return invalidValue(name, 'a text of visible latin1 characters, without blanks around it', value);
}
