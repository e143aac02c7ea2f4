import { deepStrictEqual, strictEqual } from 'node:assert';
import { type Limits, resolveLimits } from '../../src/http/limits.js';
import { COMPLETE, NEED_MORE, type ParseResult, RequestParser } from '../../src/http/request/parser.js';
import { latin1 } from '../../src/http/text.js';

const LF = 0x0a;
const STALE = 0x41;

/** The fields of a parser after COMPLETE, as strings and relative to the first byte of the request. */
export interface ParsedRequest {
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
  result: ParseResult;
  parsed: ParsedRequest | null;
}

/** A receive buffer with `text` in it, between `before` stale bytes and `after`; the parser needs one spare byte at the end. */
function bufferWith(text: string, before = 0, after = ''): { bytes: Uint8Array; start: number; end: number } {
  const bytes = new Uint8Array(before + text.length + after.length + 1).fill(STALE);
  Buffer.from(bytes.buffer).write(text + after, before, 'latin1');
  return { bytes, start: before, end: before + text.length + after.length };
}

export function requestOf(parser: RequestParser, start = 0): ParsedRequest {
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
export function parseWhole(text: string, limits: Limits = resolveLimits(), before = 0, after = ''): Outcome {
  const { bytes, start, end } = bufferWith(text, before, after);
  return parseOnce(new RequestParser(limits), bytes, start, end);
}

function parseOnce(parser: RequestParser, bytes: Uint8Array, start: number, end: number): Outcome {
  const original = bytes.slice();
  const result = parser.parse(bytes, start, end);
  deepStrictEqual(bytes, original, 'the parser restores its sentinel byte');
  return { result, parsed: result === COMPLETE ? requestOf(parser, start) : null };
}

/**
 * Parses a text that arrives in pieces ending at `cuts`, retrying only after a line end or once the parser's hint is
 * reached. The bytes after a piece are already in the buffer: the parser must not read them.
 */
export function parseInPieces(text: string, cuts: readonly number[], limits: Limits = resolveLimits()): Outcome {
  const { bytes, start, end } = bufferWith(text);
  const parser = new RequestParser(limits);
  let scanned = 0;
  let enough = 0;
  for (const cut of [...cuts, end - start]) {
    const isStillPartial =
      scanned > 0 && cut < enough && !bytes.subarray(start + scanned, start + cut).some((byte) => byte === LF);
    scanned = cut;
    if (isStillPartial) continue;
    const outcome = parseOnce(parser, bytes, start, start + cut);
    if (outcome.result !== NEED_MORE) return outcome;
    enough = parser.minBytesToRetry - start;
  }
  return { result: NEED_MORE, parsed: null };
}

/** The result for every prefix of a text, from the empty one to the whole. */
export function resultsOfPrefixes(text: string, limits: Limits = resolveLimits()): ParseResult[] {
  const { bytes, start, end } = bufferWith(text, 1);
  const parser = new RequestParser(limits);
  const results: ParseResult[] = [];
  for (let at = start; at <= end; at++) results.push(parser.parse(bytes, start, at));
  return results;
}

const TRAILING = ['\n', '\r\n\r\n', '\0', ': x\r\n\r\n', 'GET /next HTTP/1.1\r\nHost: b\r\n\r\n'];

/**
 * Parses a text in every way in which a server can receive it, fails if two results differ, and returns the common
 * one. The text ends with the head, or right after the byte that makes it an error.
 */
export function parseEveryWay(text: string, limits: Limits = resolveLimits()): Outcome {
  const whole = parseWhole(text, limits);
  const same = (outcome: Outcome, how: string) => deepStrictEqual(outcome, whole, how);

  for (const before of [1, 2, 3, 64]) same(parseWhole(text, limits, before), `from byte ${before} on`);
  for (const outcome of parseAgain(text, limits)) same(outcome, 'by a parser that has parsed it before');
  same(parseUnaligned(text, limits), 'in memory that is not word-aligned');
  if (whole.result !== NEED_MORE)
    for (const after of TRAILING) same(parseWhole(text, limits, 5, after), `with ${JSON.stringify(after)} behind it`);

  const prefixes = resultsOfPrefixes(text, limits);
  const decidedFrom = prefixes.findIndex((result) => result !== NEED_MORE);
  const expected = prefixes.map((_, at) => (decidedFrom >= 0 && at >= decidedFrom ? whole.result : NEED_MORE));
  deepStrictEqual(prefixes, expected, 'a prefix is NEED_MORE, and from some byte on what the whole is');
  if (whole.result === COMPLETE) strictEqual(decidedFrom, text.length, 'no proper prefix of a head is COMPLETE');

  const cuts = Array.from({ length: Math.max(0, text.length - 1) }, (_, i) => i + 1);
  same(parseInPieces(text, cuts, limits), 'byte by byte');
  for (const cut of cuts) same(parseInPieces(text, [cut], limits), `cut at ${cut}`);
  return whole;
}

/** Repeated, at each alignment within a word, so that the field section cache is hit. */
function parseAgain(text: string, limits: Limits): Outcome[] {
  const parser = new RequestParser(limits);
  return [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 0].map((before) => {
    const { bytes, start, end } = bufferWith(text, before);
    return parseOnce(parser, bytes, start, end);
  });
}

function parseUnaligned(text: string, limits: Limits): Outcome {
  const { bytes, start, end } = bufferWith(text, 3);
  return parseOnce(new RequestParser(limits), bytes.subarray(1), start - 1, end - 1);
}
