import { trimWhitespace } from '../headers.js';

/** The fields of a valid head, as `copyHead` made it, in their order; a byte a character. */
export function headerPairs(head: Buffer): [name: string, value: string][] {
  const lines = head.toString('latin1', 0, head.length - 1).split('\r\n');
  const fields: [string, string][] = [];
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i]!;
    const colon = line.indexOf(':');
    if (colon > 0) fields.push([line.slice(0, colon), trimWhitespace(line.slice(colon + 1))]);
  }
  return fields;
}

/** By lower-case name; values of repeated fields are joined by a comma, those of Cookie by a semicolon. */
export function headersOf(head: Buffer): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const [field, value] of headerPairs(head)) {
    const name = field.toLowerCase();
    const earlier = headers[name];
    headers[name] = earlier === undefined ? value : `${earlier}${name === 'cookie' ? '; ' : ', '}${value}`;
  }
  return headers;
}
