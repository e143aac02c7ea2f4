import type { RequestParser } from '../../http/request/parser.js';
import { hashPath, latin1 } from '../../http/text.js';
import { canonicalRequestPath, decoded, parseRoutePath, type Segment, sameRequests } from './route-path.js';

const DOT = 0x2e;
const SLASH = 0x2f;
const PLAIN = new Uint8Array(256);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_')
  PLAIN[character.charCodeAt(0)] = 1;

/** Where a parameter is: its name, and the number of its segment. */
type ParamPlace = readonly [name: string, at: number];

/** What was found for a request: the value of a path, and its parameters. */
export class RouteMatch<Value = unknown> {
  constructor(
    readonly value: Value,
    private readonly places: readonly ParamPlace[],
    /** The canonical path of the request; empty if the route has no parameters. */
    private readonly path: string,
  ) {}

  /** By name, percent-decoded as UTF-8. */
  params(): Readonly<Record<string, string>> {
    const params: Record<string, string> = {};
    const segments = this.path.split('/');
    for (const [name, at] of this.places) {
      // A plain assignment to __proto__ would not make a property.
      const value = decoded(segments[at]!);
      Object.defineProperty(params, name, { value, enumerable: true, configurable: true, writable: true });
    }
    return params;
  }
}

/** A path of the table. */
class Entry<Value> {
  readonly params: readonly ParamPlace[];
  /** The same for all requests, unless there are parameters. */
  readonly match: RouteMatch<Value>;

  constructor(
    readonly value: Value,
    segments: readonly Segment[],
  ) {
    this.params = segments.flatMap((each, at): ParamPlace[] => (each.kind === 'param' ? [[each.name, at + 1]] : []));
    this.match = new RouteMatch(value, [], '');
  }

  matchOf(path: string): RouteMatch<Value> {
    return this.params.length === 0 ? this.match : new RouteMatch(this.value, this.params, path);
  }
}

/** A place in the tree of paths, a segment a level. */
class Node<Value> {
  readonly literals = new Map<string, Node<Value>>();
  param: Node<Value> | null = null;
  /** Of the path that ends here. */
  entry: Entry<Value> | null = null;
  /** Of all paths that go on from here. */
  wildcard: Entry<Value> | null = null;
}

/** A path without parameters, as clients send it. */
interface Exact<Value> {
  readonly path: Buffer;
  readonly match: RouteMatch<Value>;
  readonly next: Exact<Value> | null;
}

/**
 * Values by path. At each segment a literal precedes a parameter, and that the wildcard; a path that turns out not to match
 * goes back to the next of these. A path without parameters is found by its hash, without making a string.
 */
export class RouteTable<Value> {
  private readonly exact = new Map<number, Exact<Value>>();
  private readonly root = new Node<Value>();
  /** Whether a path has a parameter or a wildcard. */
  private hasPatterns = false;

  /** @throws TypeError ERR_EPOLLET_OPTION for a path that no request can have, or that has the same requests as another */
  add(path: string, value: Value): void {
    const segments = parseRoutePath(path);
    const entry = new Entry(value, segments);
    let node = this.root;
    for (const segment of segments) {
      if (segment.kind === 'literal') node = literalOf(node, segment.text);
      else if (segment.kind === 'param') node = node.param ??= new Node();
    }
    const place = segments.at(-1)!.kind === 'wildcard' ? 'wildcard' : 'entry';
    if (node[place] !== null) throw sameRequests(path);
    node[place] = entry;
    if (segments.every(({ kind }) => kind === 'literal')) this.addExact(path, entry.match);
    else this.hasPatterns = true;
  }

  /** The match of the request that the parser holds; null if no path matches. */
  find({ bytes, pathStart, pathEnd, pathHash }: RequestParser): RouteMatch<Value> | null {
    let exact = this.exact.get(pathHash) ?? null;
    for (; exact !== null; exact = exact.next) if (isPath(exact.path, bytes, pathStart, pathEnd)) return exact.match;
    if (!this.hasPatterns && isPlain(bytes, pathStart, pathEnd)) return null;
    const path = pathStart === pathEnd ? '/' : canonicalRequestPath(latin1(bytes, pathStart, pathEnd));
    return path === null ? null : (find(this.root, path.split('/'), 1)?.matchOf(path) ?? null);
  }

  /** Under the spelling that clients send; the others are found by the tree. */
  private addExact(text: string, match: RouteMatch<Value>): void {
    const path = Buffer.from(new URL(`http://localhost${text}`).pathname, 'latin1');
    const hash = hashPath(path);
    this.exact.set(hash, { path, match, next: this.exact.get(hash) ?? null });
  }
}

function literalOf<Value>({ literals }: Node<Value>, text: string): Node<Value> {
  let node = literals.get(text);
  if (node === undefined) {
    node = new Node();
    literals.set(text, node);
  }
  return node;
}

/** Tries each node at most once, for there is one way to it. */
function find<Value>(node: Node<Value>, segments: readonly string[], at: number): Entry<Value> | null {
  if (at === segments.length) return node.entry;
  const segment = segments[at]!;
  const literal = node.literals.get(segment);
  const found = literal === undefined ? null : find(literal, segments, at + 1);
  if (found !== null) return found;
  const byParam = node.param === null || segment === '' ? null : find(node.param, segments, at + 1);
  return byParam ?? node.wildcard;
}

/** Whether a path has no other spelling: letters, digits and hyphens, with a dot or a slash behind some. */
function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  let isBehindSeparator = true;
  for (let i = start + 1; i < end; i++) {
    const byte = bytes[i]!;
    const isSeparator = byte === DOT || byte === SLASH;
    if (isSeparator ? isBehindSeparator : (PLAIN[byte]! & 1) === 0) return false;
    isBehindSeparator = isSeparator;
  }
  return end > start;
}

function isPath(path: Buffer, bytes: Uint8Array, start: number, end: number): boolean {
  const { length } = path;
  if (end - start !== length) return false;
  for (let i = 0; i < length; i++) if (path[i] !== bytes[start + i]) return false;
  return true;
}
