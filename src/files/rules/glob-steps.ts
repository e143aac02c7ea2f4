/**
 * Reads on in a text from each of some places, which stand in order: where it can have got to, in order too. All ways
 * of matching are gone at once, so that a text costs its length times that of the pattern and no more, whatever it says.
 */
export type Step = (text: string, places: readonly number[]) => readonly number[];

/** One sign of a pattern. A `]` that comes first in a class is one of its characters, glob(7). */
const SIGN = /\\.|\/\*\*(?=$|[,}])|(?<=^|[/{,])\*\*\/|\*+|\?|\[[!^]?(?:\\.|\])?(?:\\.|[^\]\\])*\]|[^\\]/suy;

/** @throws SyntaxError, whose message is the rest of a sentence after "must be" */
export function stepsOf(pattern: string): Step[] {
  const signs: string[] = [];
  SIGN.lastIndex = 0;
  while (SIGN.lastIndex < pattern.length) {
    const sign = SIGN.exec(pattern)?.[0];
    if (sign === undefined) throw unpaired();
    signs.push(sign);
  }
  const steps = sequence(signs, false);
  if (signs.length > 0) throw unpaired();
  return steps;
}

/** Whether the steps lead from the beginning of a text to its end. */
export const reachesEnd = (steps: readonly Step[], text: string): boolean =>
  through(steps, text, [0]).at(-1) === text.length;

const unpaired = (): SyntaxError =>
  new SyntaxError('a glob whose brackets are in pairs; one for itself has a backslash before it');

function through(steps: readonly Step[], text: string, from: readonly number[]): readonly number[] {
  let places = from;
  for (const step of steps) {
    if (places.length === 0) break;
    places = step(text, places);
  }
  return places;
}

/**
 * Uses up the signs to the end, or to the one that ends an alternative.
 * @param first the sign in front of them; a slash at the beginning
 */
function sequence(signs: string[], isInBraces: boolean, first = '/'): Step[] {
  const steps: Step[] = [];
  let literal = '';
  let before = first;
  const put = (step: Step): void => {
    if (literal !== '') steps.push(text(literal));
    literal = '';
    steps.push(step);
  };
  while (signs.length > 0 && !(isInBraces && /^[,}]$/.test(signs[0]!))) {
    const sign = signs.shift()!;
    const isSegment = before.endsWith('/') && /^[/,}]/.test(signs[0] ?? '/');
    // `/blog/**` is `/blog` too, as a redirect's `/blog/*` is; but what is behind a `*` lies in a folder.
    if (sign === '/**') put(either(before.startsWith('*') ? [INSIDE] : [[], INSIDE]));
    else if (sign === '**/') put(folders);
    else if (sign === '**' && isSegment) put(many(0, true));
    else if (sign.startsWith('*')) put(many(isSegment && !isInBraces ? 1 : 0, false));
    else if (sign === '?') put(one(() => true));
    else if (sign === '{') put(either(alternatives(signs, before)));
    else if (sign === '[') throw unpaired();
    else if (sign.startsWith('[')) put(one(classOf(sign.slice(1, -1))));
    else literal += sign.replace(/^\\/, '');
    before = sign;
  }
  if (literal !== '') steps.push(text(literal));
  return steps;
}

function alternatives(signs: string[], before: string): Step[][] {
  const found: Step[][] = [];
  for (let end = ','; end === ','; end = signs.shift()!) {
    found.push(sequence(signs, true, before));
    if (signs.length === 0) throw unpaired();
  }
  if (found.length < 2)
    throw new SyntaxError('a glob with a choice in its braces, as {js,css}; one for itself has a backslash before it');
  return found;
}

const text =
  (literal: string): Step =>
  (text, places) =>
    places.filter((place) => text.startsWith(literal, place)).map((place) => place + literal.length);

/** One character that is no slash. */
const one =
  (takes: (character: string) => boolean): Step =>
  (text, places) => {
    const ends: number[] = [];
    for (const place of places) {
      const character = text.codePointAt(place);
      if (character === undefined || character === SLASH) continue;
      const taken = String.fromCodePoint(character);
      if (takes(taken)) ends.push(place + taken.length);
    }
    return ends;
  };

const SLASH = 0x2f;

/** Any characters, at least so many: up to a slash, or across slashes. */
const many =
  (least: 0 | 1, crosses: boolean): Step =>
  (text, places) => {
    const ends: number[] = [];
    let reached = -1;
    for (const place of places) {
      if (place <= reached) continue;
      const slash = crosses ? -1 : text.indexOf('/', place);
      reached = slash < 0 ? text.length : slash;
      for (let end = place + least; end <= reached; end++) ends.push(end);
    }
    return ends;
  };

const INSIDE = [text('/'), many(0, true)];

/** Whole folders, or none. */
const folders: Step = (text, places) => {
  const ends = new Set(places);
  for (let at = text.indexOf('/', places[0]); at >= 0; at = text.indexOf('/', at + 1)) ends.add(at + 1);
  return inOrder(ends);
};

const either =
  (alternatives: readonly (readonly Step[])[]): Step =>
  (text, places) =>
    inOrder(new Set(alternatives.flatMap((steps) => through(steps, text, places))));

const inOrder = (places: Set<number>): number[] => [...places].sort((one, other) => one - other);

function classOf(inside: string): (character: string) => boolean {
  const [, not, members] = /^([!^]?)(.*)$/su.exec(inside)!;
  const ranges = [...members!.matchAll(/(\\.|.)(?:-(\\.|.))?/gsu)].map(([, from, to = from]) =>
    [from!, to!].map((end) => end.replace(/^\\(?=.)/s, '').codePointAt(0)!),
  );
  return (character) => {
    const code = character.codePointAt(0)!;
    return ranges.some(([from, to]) => code >= from! && code <= to!) === (not === '');
  };
}
