/** What Headers of other implementations have; `raw` is that of node-fetch, which has no `getSetCookie`. */
interface ForeignHeaders extends Iterable<readonly [unknown, unknown]> {
  getSetCookie?: () => readonly unknown[];
  raw?: () => Record<string, readonly unknown[]>;
}

/**
 * The fields of Headers of any class, with each Set-Cookie by itself: joined, they cannot be taken apart, RFC 6265 section 3.
 * Each value is turned into text here, once: an object could give another text when it is written than when it is checked.
 */
export function pairsOf(headers: ForeignHeaders): [name: string, value: string][] {
  const pairs = Array.from(headers, ([name, value]): [string, string] => [String(name), String(value)]);
  const cookies = cookiesOf(headers);
  if (cookies === null) return pairs;
  const others = pairs.filter(([name]) => name.toLowerCase() !== 'set-cookie');
  return [...others, ...cookies.map((cookie): [string, string] => ['set-cookie', String(cookie)])];
}

/** Null if they are as they are iterated. */
function cookiesOf(headers: ForeignHeaders): readonly unknown[] | null {
  if (typeof headers.getSetCookie === 'function') return headers.getSetCookie();
  return typeof headers.raw === 'function' ? (headers.raw()['set-cookie'] ?? []) : null;
}
