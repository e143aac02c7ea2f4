const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** A parameter of an element, RFC 7239 section 4. Whitespace around it is accepted, and colons that are not quoted. */
const PARAMETER = /[ \t;]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s";,=]+))[ \t]*(?:;[ \t;]*|$)/y;

export type Scheme = 'http' | 'https';

/** @returns null for anything else */
export function schemeOf(text: string | null): Scheme | null {
  const lower = text?.toLowerCase();
  return lower === 'http' || lower === 'https' ? lower : null;
}

/** What one proxy has written of Forwarded. */
export interface ForwardedElement {
  /** The node that sent the request to the proxy; null without one. */
  readonly node: string | null;
  /** The scheme by which it did so; null without one. */
  readonly proto: string | null;
}

/**
 * Where the last element of a list in `value` up to `end` starts. It is found from the end, so that nothing that a client
 * has sent in front of a proxy's element, such as half of a quoted string, changes it.
 * @returns -1 if the element has half of a quoted string
 */
export function lastElementStart(value: string, end: number): number {
  for (let at = end - 1; at >= 0; at--) {
    const code = value.charCodeAt(at);
    if (code === COMMA) return at + 1;
    if (code === QUOTE) at = openingQuote(value, at);
    if (at < 0) return -1;
  }
  return 0;
}

/** @returns null for an element that is not valid, or has a parameter twice */
export function parseForwarded(element: string): ForwardedElement | null {
  let node: string | null = null;
  let proto: string | null = null;
  PARAMETER.lastIndex = 0;
  while (PARAMETER.lastIndex < element.length) {
    const [, name, quoted, plain] = PARAMETER.exec(element) ?? [];
    if (name === undefined) return null;
    const value = quoted === undefined ? plain! : quoted.replace(/\\(.)/g, '$1');
    const lower = name.toLowerCase();
    if (lower === 'for') {
      if (node !== null) return null;
      node = value;
    } else if (lower === 'proto') {
      if (proto !== null) return null;
      proto = value;
    }
  }
  return { node, proto };
}

/** The quote that begins what the one at `closing` ends: one that is not escaped; -1 if there is none. */
function openingQuote(value: string, closing: number): number {
  for (let at = closing - 1; at >= 0; at--) {
    if (value.charCodeAt(at) !== QUOTE) continue;
    let escapes = 0;
    while (value.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return at;
  }
  return -1;
}
