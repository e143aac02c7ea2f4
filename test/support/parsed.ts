import { type Limits, resolveLimits } from '../../src/http/limits.js';
import { COMPLETE, RequestParser } from '../../src/http/request/parser.js';

/** A parser that has parsed this request; `fields` are whole lines without CRLF. Pass `parser` to reuse one. */
export function parsed(
  target: string,
  fields: readonly string[] = [],
  method = 'GET',
  limits: Limits = resolveLimits(),
  parser = new RequestParser(limits),
): RequestParser {
  const head = Buffer.from(`${[`${method} ${target} HTTP/1.1`, 'Host: a', ...fields].join('\r\n')}\r\n\r\n`, 'latin1');
  const bytes = new Uint8Array(head.length + 1);
  bytes.set(head);
  const result = parser.parse(bytes, 0, head.length);
  if (result !== COMPLETE) throw new Error(`the parser returns ${result} for ${head}`);
  return parser;
}
