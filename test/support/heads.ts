import { deepStrictEqual, strictEqual } from 'node:assert';
import { type Limits, resolveLimits } from '../../src/http/limits.js';
import { COMPLETE, NEED_MORE, type ParseResult, RequestParser } from '../../src/http/request/parser.js';
import { latin1 } from '../../src/http/text.js';

const LF = 0x0a;
const STALE = 0x41;

/** A request as the parser holds it, in strings and relative to where its bytes begin. */
export interface Held {
  method: string;
  target: string;
  path: string;
  pathHash: number;
  minorVersion: number;
  fields: [name: string, value: string][];
  contentLength: number;
  keepAlive: boolean;
  expectContinue: boolean;
  headStart: number;
  headEnd: number;
}

export interface Outcome {
  answer: ParseResult;
  held: Held | null;
}

/** The bytes of one arrival: `before` and `after` surround them, one spare byte is behind them all. */
function laidOut(text: string, before = 0, after = ''): { bytes: Uint8Array; start: number; end: number } {
  const bytes = new Uint8Array(before + text.length + after.length + 1).fill(STALE);
  Buffer.from(bytes.buffer).write(text + after, before, 'latin1');
  return { bytes, start: before, end: before + text.length + after.length };
}

export function heldBy(parser: RequestParser, start = 0): Held {
  const slice = (from: number, to: number) => latin1(parser.bytes, from, to);
  const place = (at: number) => parser.indexOf(at);
  return {
    method: parser.method,
    target: slice(parser.targetStart, parser.targetEnd),
    path: slice(parser.pathStart, parser.pathEnd),
    pathHash: parser.pathHash,
    minorVersion: parser.minorVersion,
    fields: Array.from({ length: parser.fieldCount }, (_, i) => [
      slice(place(4 * i), place(4 * i + 1)),
      slice(place(4 * i + 2), place(4 * i + 3)),
    ]),
    contentLength: parser.contentLength,
    keepAlive: parser.keepAlive,
    expectContinue: parser.expectContinue,
    headStart: parser.headStart - start,
    headEnd: parser.headEnd - start,
  };
}

/** Parses all of a text at once. */
export function readWhole(text: string, limits: Limits = resolveLimits(), before = 0, after = ''): Outcome {
  const { bytes, start, end } = laidOut(text, before, after);
  return parseOnce(new RequestParser(limits), bytes, start, end);
}

function parseOnce(parser: RequestParser, bytes: Uint8Array, start: number, end: number): Outcome {
  const original = bytes.slice();
  const answer = parser.parse(bytes, start, end);
  deepStrictEqual(bytes, original, 'the parser puts back what it covers');
  return { answer, held: answer === COMPLETE ? heldBy(parser, start) : null };
}

/**
 * Parses a text as it arrives in pieces that end at `cuts`, each of them only if a line ended in it or the parser's
 * hint asks for it. What is behind a piece is there already: the parser must not look at it.
 */
export function readInPieces(text: string, cuts: readonly number[], limits: Limits = resolveLimits()): Outcome {
  const { bytes, start, end } = laidOut(text);
  const parser = new RequestParser(limits);
  let scanned = 0;
  let enough = 0;
  for (const cut of [...cuts, end - start]) {
    const isStillPartial =
      scanned > 0 && cut < enough && !bytes.subarray(start + scanned, start + cut).some((byte) => byte === LF);
    scanned = cut;
    if (isStillPartial) continue;
    const outcome = parseOnce(parser, bytes, start, start + cut);
    if (outcome.answer !== NEED_MORE) return outcome;
    enough = parser.minBytesToRetry - start;
  }
  return { answer: NEED_MORE, held: null };
}

/** The answers to a text's beginnings, from none of it to all of it. */
export function answersToPrefixes(text: string, limits: Limits = resolveLimits()): ParseResult[] {
  const { bytes, start, end } = laidOut(text, 1);
  const parser = new RequestParser(limits);
  const answers: ParseResult[] = [];
  for (let at = start; at <= end; at++) answers.push(parser.parse(bytes, start, at));
  return answers;
}

const TRAILING = ['\n', '\r\n\r\n', '\0', ': x\r\n\r\n', 'GET /next HTTP/1.1\r\nHost: b\r\n\r\n'];

/**
 * Reads a text in every way in which a server can come by it, fails where two of them differ, and returns what all
 * of them say. The text ends where the head does, or behind what it is refused for.
 */
export function readEveryWay(text: string, limits: Limits = resolveLimits()): Outcome {
  const whole = readWhole(text, limits);
  const same = (outcome: Outcome, how: string) => deepStrictEqual(outcome, whole, how);

  for (const before of [1, 2, 3, 64]) same(readWhole(text, limits, before), `from byte ${before} on`);
  for (const outcome of readAgain(text, limits)) same(outcome, 'by a parser that has read it before');
  same(readUnaligned(text, limits), 'in memory that does not begin at a word');
  if (whole.answer !== NEED_MORE)
    for (const after of TRAILING) same(readWhole(text, limits, 5, after), `with ${JSON.stringify(after)} behind it`);

  const prefixes = answersToPrefixes(text, limits);
  const refusedFrom = prefixes.findIndex((answer) => answer !== NEED_MORE);
  const expected = prefixes.map((_, at) => (refusedFrom >= 0 && at >= refusedFrom ? whole.answer : NEED_MORE));
  deepStrictEqual(prefixes, expected, 'a beginning is answered NEED_MORE, and from some byte on as the whole is');
  if (whole.answer === COMPLETE) strictEqual(refusedFrom, text.length, 'no beginning of a head is one');

  const cuts = Array.from({ length: Math.max(0, text.length - 1) }, (_, i) => i + 1);
  same(readInPieces(text, cuts, limits), 'byte by byte');
  for (const cut of cuts) same(readInPieces(text, [cut], limits), `cut at ${cut}`);
  return whole;
}

/** Often enough, at every place in a word, that what is remembered of it is used. */
function readAgain(text: string, limits: Limits): Outcome[] {
  const parser = new RequestParser(limits);
  return [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0].map((before) => {
    const { bytes, start, end } = laidOut(text, before);
    return parseOnce(parser, bytes, start, end);
  });
}

function readUnaligned(text: string, limits: Limits): Outcome {
  const { bytes, start, end } = laidOut(text, 3);
  return parseOnce(new RequestParser(limits), bytes.subarray(1), start - 1, end - 1);
}
