import { isToken, trimWhitespace } from '../headers.js';

/** A media range of an Accept field, RFC 9110 section 12.5.1, or a media type, which is a range of one. */
interface MediaRange {
  /** Lower case; `*` for any. */
  readonly type: string;
  readonly subtype: string;
  /** A type in the range has all of them; each is `name=value` in lower case and without quotes. */
  readonly parameters: readonly string[];
  /** In thousandths. */
  readonly weight: number;
}

const FULL_WEIGHT = 1000;
/** More than a range can have parameters: the type goes before their number. */
const TYPE_RANK = 1_000_000;

const HTML = 'text/html; charset=utf-8';
/** JSON has no charset, but clients request the one that all JSON has, RFC 8259 section 8.1. */
const JSON_TYPE = 'application/json; charset=utf-8';

/**
 * The weight of a media type by Accept, from 0 (not acceptable) to 1: that of the most specific range that includes it, the
 * highest of equally specific ones. 1 without Accept, and if it has no valid range. `type` may have parameters; a range with
 * others does not include it.
 */
export function quality(accept: string | null, type: string): number {
  if (accept === null) return 1;
  const requested = parseRange(type);
  let hasValidRange = false;
  let best = -1;
  let weight = 0;
  for (const element of splitUnquoted(accept, ',')) {
    const range = element === '' ? null : parseRange(element);
    if (range === null) continue;
    hasValidRange = true;
    if (requested === null || !includes(range, requested)) continue;
    const rank = rankOf(range);
    if (rank < best || (rank === best && range.weight <= weight)) continue;
    best = rank;
    weight = range.weight;
  }
  return hasValidRange ? weight / FULL_WEIGHT : 1;
}

/** Whether JSON is preferred to HTML. */
export function prefersJson(accept: string | null): boolean {
  return accept !== null && quality(accept, JSON_TYPE) > quality(accept, HTML);
}

/** Whether Accept lists text/html by name, as browsers do for pages. */
export function acceptsHtmlExplicitly(accept: string | null): boolean {
  if (accept === null) return false;
  return splitUnquoted(accept, ',').some((element) => {
    const range = parseRange(element);
    return range !== null && isHtml(range) && range.weight > 0;
  });
}

/**
 * Whether a request may be for a page: it lists text/html, or it accepts HTML by a wildcard or for lack of Accept, as
 * monitors, crawlers and curl do, and lists nothing else of at least that weight, as requests for data, images and styles do.
 */
export function mayRequestPage(accept: string | null): boolean {
  const weight = quality(accept, 'text/html');
  if (accept === null || weight === 0) return weight > 0;
  if (acceptsHtmlExplicitly(accept)) return true;
  return !splitUnquoted(accept, ',').some((element) => {
    const range = parseRange(element);
    if (range === null || range.type === '*' || (range.type === 'text' && range.subtype === '*')) return false;
    return range.weight >= weight * FULL_WEIGHT;
  });
}

const isHtml = ({ type, subtype }: MediaRange): boolean => type === 'text' && subtype === 'html';

/** A qvalue, RFC 9110 section 12.4.2, in thousandths; -1 if invalid. */
export function parseQvalue(qvalue: string): number {
  const { length } = qvalue;
  if (length === 0 || length > 5) return -1;
  const whole = qvalue.charCodeAt(0) - 0x30;
  if (whole !== 0 && whole !== 1) return -1;
  if (length > 1 && qvalue[1] !== '.') return -1;
  let weight = whole;
  for (let i = 2; i < 5; i++) {
    const digit = i < length ? qvalue.charCodeAt(i) - 0x30 : 0;
    if (digit < 0 || digit > 9) return -1;
    weight = weight * 10 + digit;
  }
  return weight <= FULL_WEIGHT ? weight : -1;
}

function includes(range: MediaRange, mediaType: MediaRange): boolean {
  return (
    (range.type === '*' || range.type === mediaType.type) &&
    (range.subtype === '*' || range.subtype === mediaType.subtype) &&
    range.parameters.every((parameter) => mediaType.parameters.includes(parameter))
  );
}

function rankOf({ type, subtype, parameters }: MediaRange): number {
  const typeRank = type === '*' ? 0 : subtype === '*' ? 1 : 2;
  return typeRank * TYPE_RANK + parameters.length;
}

/** Null for an invalid range, which includes one with an invalid weight or with two. */
function parseRange(element: string): MediaRange | null {
  const [essence, ...rest] = splitUnquoted(element, ';');
  const slash = essence!.indexOf('/');
  const type = essence!.slice(0, slash).toLowerCase();
  const subtype = essence!.slice(slash + 1).toLowerCase();
  if (slash < 0 || !isToken(type) || !isToken(subtype) || (type === '*' && subtype !== '*')) return null;
  const parameters: string[] = [];
  let weight = -1;
  for (const parameter of rest) {
    if (parameter === '') continue; // allowed by RFC 9110 section 5.6.6
    const equals = parameter.indexOf('=');
    const name = parameter.slice(0, Math.max(equals, 0)).toLowerCase();
    const value = unquoted(parameter.slice(equals + 1));
    if (!isToken(name) || value === null) return null;
    if (name === 'q') {
      if (weight >= 0) return null;
      weight = parseQvalue(parameter.slice(equals + 1));
      if (weight < 0) return null;
    } else parameters.push(`${name}=${value.toLowerCase()}`);
  }
  return { type, subtype, parameters, weight: weight < 0 ? FULL_WEIGHT : weight };
}

/** The value of a parameter, a token or a quoted string, RFC 9110 section 5.6.4; null if invalid. */
function unquoted(text: string): string | null {
  if (text[0] !== '"') return isToken(text) ? text : null;
  let value = '';
  for (let i = 1; i < text.length; i++) {
    if (text[i] === '"') return i === text.length - 1 ? value : null;
    if (text[i] === '\\') i++;
    value += text[i] ?? '';
  }
  return null;
}

/**
 * Splits at a separator, and trims whitespace. Separators in a quoted string do not count, also in one that does not end. Not
 * a regular expression: a client must not choose how often it backtracks.
 */
export function splitUnquoted(text: string, separator: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '"') quoted = !quoted;
    else if (quoted) {
      if (character === '\\') i++;
    } else if (character === separator) {
      pieces.push(trimWhitespace(text.slice(start, i)));
      start = i + 1;
    }
  }
  pieces.push(trimWhitespace(text.slice(start)));
  return pieces;
}
