/**
 * Globs on paths from the root, with what shells and glob(7) have:
 *
 * - `*` any characters within a segment, `?` one of them, `[ab]`, `[a-z]` and `[!a]` one of a class
 * - `**` as a whole segment: any directories, also none; `/blog/**` includes `/blog`
 * - `{js,css}` one of several alternatives, which may have globs in them
 * - `\*` a literal character
 *
 * The leading slash may be left out. A glob without any slash, such as `*.js`, is on the base name in any directory.
 *
 * A pattern is compiled to steps, each of which maps the positions that a match can have reached in the text to those
 * that it can reach next. All ways of matching advance together, so that the cost is at most the length of the text
 * times that of the pattern: a pattern cannot backtrack exponentially.
 */

/** Whether a path from the root, with its leading slash, matches. */
export type Glob = (path: string) => boolean;

/** @param pattern for which globFault returns null */
export function compileGlob(pattern: string): Glob {
  const steps = stepsOf(pattern.replace(/^\//, ''));
  if (!pattern.includes('/')) return (path) => matchesAll(steps, path.slice(path.lastIndexOf('/') + 1));
  return (path) => matchesAll(steps, path.startsWith('/') ? path.slice(1) : path);
}

/** What a value must be to be a pattern, as the rest of a sentence after "must be"; null if it is one. */
export function globFault(pattern: unknown): string | null {
  if (typeof pattern !== 'string' || pattern === '' || pattern.length > 1000 || /\p{Cc}/u.test(pattern))
    return 'a glob of 1 to 1000 characters such as "/assets/**" or "*.js"';
  if (pattern.startsWith('!')) return 'a glob without a negation: the order of the rules decides which one counts';
  if (pattern.endsWith('/')) return 'a glob for files: for all in a directory write "/directory/**"';
  if (pattern.startsWith('//')) return 'a glob with one slash at its beginning';
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(pattern)) return 'a glob on the path of files, without a scheme and a host';
  // Names have no such segments, and hidden ones are never served.
  if (pattern.includes('//')) return 'a glob without empty segments';
  if (/(?:^|\/)\.{1,2}(?:\/|$)/.test(pattern)) return 'a glob without "." and "..", from the root such as "/assets/*"';
  if (/(?:^|\/)\.(?!well-known(?:\/|$))[\w-]/.test(pattern))
    return 'a glob for files that are served: of those that begin with a dot only "/.well-known/" is';
  try {
    compileGlob(pattern);
    return null;
  } catch (error) {
    return (error as SyntaxError).message;
  }
}

/** Maps positions in a text, in ascending order, to the positions that one part of the pattern leads to, in the same order. */
type Step = (text: string, positions: readonly number[]) => readonly number[];

/** One token of a pattern. A `]` that comes first in a class is a member of it, glob(7). */
const TOKEN = /\\.|\/\*\*(?=$|[,}])|(?<=^|[/{,])\*\*\/|\*+|\?|\[[!^]?(?:\\.|\])?(?:\\.|[^\]\\])*\]|[^\\]/suy;

/** @throws SyntaxError, whose message is the rest of a sentence after "must be" */
function stepsOf(pattern: string): Step[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < pattern.length) {
    const token = TOKEN.exec(pattern)?.[0];
    if (token === undefined) throw unpaired();
    tokens.push(token);
  }
  const steps = sequence(tokens, false);
  if (tokens.length > 0) throw unpaired();
  return steps;
}

/** Whether the steps lead from the beginning of a text to its end. */
const matchesAll = (steps: readonly Step[], text: string): boolean => advance(steps, text, [0]).at(-1) === text.length;

const unpaired = (): SyntaxError =>
  new SyntaxError('a glob whose brackets are in pairs; a literal one has a backslash before it');

function advance(steps: readonly Step[], text: string, from: readonly number[]): readonly number[] {
  let positions = from;
  for (const step of steps) {
    if (positions.length === 0) break;
    positions = step(text, positions);
  }
  return positions;
}

/**
 * Consumes the tokens to the end, or to the one that ends an alternative.
 * @param first the token before them; a slash at the beginning
 */
function sequence(tokens: string[], isInBraces: boolean, first = '/'): Step[] {
  const steps: Step[] = [];
  let literal = '';
  let before = first;
  const push = (step: Step): void => {
    if (literal !== '') steps.push(text(literal));
    literal = '';
    steps.push(step);
  };
  while (tokens.length > 0 && !(isInBraces && /^[,}]$/.test(tokens[0]!))) {
    const token = tokens.shift()!;
    const isSegment = before.endsWith('/') && /^[/,}]/.test(tokens[0] ?? '/');
    // `/blog/**` matches `/blog` too, as a redirect's `/blog/*` does; after a `*` there must be a directory.
    if (token === '/**') push(either(before.startsWith('*') ? [INSIDE] : [[], INSIDE]));
    else if (token === '**/') push(directories);
    else if (token === '**' && isSegment) push(many(0, true));
    else if (token.startsWith('*')) push(many(isSegment && !isInBraces ? 1 : 0, false));
    else if (token === '?') push(one(() => true));
    else if (token === '{') push(either(alternatives(tokens, before)));
    else if (token === '[') throw unpaired();
    else if (token.startsWith('[')) push(one(classOf(token.slice(1, -1))));
    else literal += token.replace(/^\\/, '');
    before = token;
  }
  if (literal !== '') steps.push(text(literal));
  return steps;
}

function alternatives(tokens: string[], before: string): Step[][] {
  const found: Step[][] = [];
  for (let end = ','; end === ','; end = tokens.shift()!) {
    found.push(sequence(tokens, true, before));
    if (tokens.length === 0) throw unpaired();
  }
  if (found.length < 2)
    throw new SyntaxError('a glob with a choice in its braces, as {js,css}; a literal brace has a backslash before it');
  return found;
}

const text =
  (literal: string): Step =>
  (text, positions) =>
    positions.filter((at) => text.startsWith(literal, at)).map((at) => at + literal.length);

const one =
  (accepts: (character: string) => boolean): Step =>
  (text, positions) => {
    const ends: number[] = [];
    for (const at of positions) {
      const code = text.codePointAt(at);
      if (code === undefined || code === SLASH) continue;
      const character = String.fromCodePoint(code);
      if (accepts(character)) ends.push(at + character.length);
    }
    return ends;
  };

const SLASH = 0x2f;

/** At least so many characters: up to a slash, or across slashes. */
const many =
  (least: 0 | 1, crossesSlashes: boolean): Step =>
  (text, positions) => {
    const ends: number[] = [];
    let reached = -1;
    for (const at of positions) {
      if (at <= reached) continue;
      const slash = crossesSlashes ? -1 : text.indexOf('/', at);
      reached = slash < 0 ? text.length : slash;
      for (let end = at + least; end <= reached; end++) ends.push(end);
    }
    return ends;
  };

const INSIDE = [text('/'), many(0, true)];

const directories: Step = (text, positions) => {
  const ends = new Set(positions);
  for (let at = text.indexOf('/', positions[0]); at >= 0; at = text.indexOf('/', at + 1)) ends.add(at + 1);
  return ascending(ends);
};

const either =
  (alternatives: readonly (readonly Step[])[]): Step =>
  (text, positions) =>
    ascending(new Set(alternatives.flatMap((steps) => advance(steps, text, positions))));

const ascending = (positions: Set<number>): number[] => [...positions].sort((one, other) => one - other);

function classOf(inside: string): (character: string) => boolean {
  const [, negation, members] = /^([!^]?)(.*)$/su.exec(inside)!;
  const ranges = [...members!.matchAll(/(\\.|.)(?:-(\\.|.))?/gsu)].map(([, from, to = from]) =>
    [from!, to!].map((end) => end.replace(/^\\(?=.)/s, '').codePointAt(0)!),
  );
  return (character) => {
    const code = character.codePointAt(0)!;
    return ranges.some(([from, to]) => code >= from! && code <= to!) === (negation === '');
  };
}
