import { deepStrictEqual } from 'node:assert';
import { expect, test } from 'vitest';
import { resolveLimits } from '../../../../src/http/limits.js';
import { ChunkedDecoder, END } from '../../../../src/http/request/chunked.js';
import { COMPLETE, NEED_MORE } from '../../../../src/http/request/parser.js';
import { readBody } from '../../../support/bodies.js';
import { type Outcome, parseInPieces, parseWhole, resultsOfPrefixes } from '../../../support/heads.js';
import { below, seeded } from '../../../support/random.js';

const BUDGET_MS = 1000;
const ROUNDS_MAX = 20_000;

const small = resolveLimits({ headBytes: 256, targetBytes: 48, headFields: 8, bodyBytes: 1000 });

const HEADS = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  '\r\nGET /directory/file?x=y HTTP/1.1\r\nHost: example.com:80\r\nConnection: keep-alive, x\r\n\r\n',
  'HEAD http://[::1]:80/a?b HTTP/1.0\r\nHost: [::1]\r\nConnection: Keep-Alive\r\nUser-Agent: x \xff\ty\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost:\r\nIf-None-Match: "a"\r\nA:\r\nB:  c  \r\n\r\n',
  'POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello',
  'PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n',
];
const BODIES = [
  '5\r\nhello\r\n0\r\n\r\n',
  '5;a=b\r\nhello\r\n00A ; c="d e"\r\n0123456789\r\n0\r\n\r\n',
  'f\r\n0123456789abcde\r\n1\r\nx\r\n000;x\r\nT: v\r\nU:\r\n\r\n',
];
const PIECES = [
  '\r\n',
  '\n',
  '\r',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  '\x7f',
  '\xff',
  '0',
  '5',
  'f',
  '/',
  '?',
  '#',
  '[',
  ']',
  ';',
  'HTTP/1.1\r\n',
  'Host: b\r\n',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'x'.repeat(40),
];

type Next = () => number;
const oneOf = <T>(next: Next, all: readonly T[]): T => all[below(next, all.length)]!;

function mutated(next: Next, all: readonly string[]): string {
  let text = oneOf(next, all);
  for (let i = below(next, 4); i > 0; i--) {
    const at = below(next, text.length + 1);
    const to = at + below(next, 8);
    switch (below(next, 6)) {
      case 0:
        text = text.slice(0, at) + text.slice(to);
        break;
      case 1:
        text = text.slice(0, at) + oneOf(next, PIECES) + text.slice(at);
        break;
      case 2:
        text = text.slice(0, at) + String.fromCharCode(below(next, 256)) + text.slice(at + 1);
        break;
      case 3:
        text = text.slice(0, to) + text.slice(at, to).repeat(below(next, 40)) + text.slice(to);
        break;
      case 4:
        text = text.slice(0, at) + oneOf(next, all).slice(below(next, 40));
        break;
      default:
        text = text.slice(0, at);
    }
  }
  return text;
}

function cutsOf(next: Next, text: string): number[] {
  if (text.length < 2) return [];
  const cuts = Array.from({ length: 1 + below(next, 6) }, () => 1 + below(next, text.length - 1));
  return [...new Set(cuts)].sort((a, b) => a - b);
}

/** Repeats a check until the time is over, and adds the input to its error. */
function repeat(next: Next, all: readonly string[], check: (text: string) => void): number {
  const untilMs = performance.now() + BUDGET_MS;
  let rounds = 0;
  while (rounds < ROUNDS_MAX && performance.now() < untilMs) {
    const text = mutated(next, all);
    rounds++;
    try {
      check(text);
    } catch (error) {
      throw new Error(`round ${rounds}, ${JSON.stringify(text)}`, { cause: error });
    }
  }
  return rounds;
}

/** The grammar of a head, RFC 9112 sections 3 and 5: whatever is accepted must match it. */
const HEAD_FORM =
  /^(?:\r\n)?[A-Z]+ [^\0-\x20\x7f#]+ HTTP\/1\.\d\r\n(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*\r\n$/;

function checkHead(text: string, outcome: Outcome): void {
  const { result, parsed } = outcome;
  if (result !== COMPLETE) return;
  const head = text.slice(0, parsed!.headEnd);
  expect(head).toMatch(HEAD_FORM);
  const lines = head.trim().split('\r\n');
  const named = (name: string) =>
    lines
      .slice(1)
      .filter((line) => line.toLowerCase().startsWith(`${name}:`))
      .map((line) => line.slice(name.length + 1).replace(/^[ \t]+|[ \t]+$/g, ''));
  expect(parsed!.fields.length).toBe(lines.length - 1);
  expect(named('host').length).toBeLessThanOrEqual(1);
  const lengths = named('content-length');
  const codings = named('transfer-encoding');
  expect(lengths.length + codings.length).toBeLessThanOrEqual(1);
  if (codings.length > 0) expect([parsed!.contentLength, parsed!.minorVersion]).toEqual([-1, 1]);
  else expect(parsed!.contentLength).toBe(Number(lengths[0] ?? 0));
}

const KNOWN_RESULTS = new Set<number>([NEED_MORE, COMPLETE, 400, 413, 414, 417, 431, 501, 505]);

test('every head has a result, and the same one however it is cut', () => {
  const next = seeded();
  const seen = new Map<number, number>();
  const rounds = repeat(next, HEADS, (text) => {
    const whole = parseWhole(text, small);
    expect(KNOWN_RESULTS).toContain(whole.result);
    seen.set(whole.result, (seen.get(whole.result) ?? 0) + 1);
    checkHead(text, whole);
    deepStrictEqual(parseWhole(text, small, 1 + below(next, 9)), whole);

    const pieces = parseInPieces(text, cutsOf(next, text), small);
    // An error in a line is found at the end of the line at the latest, which may not have arrived.
    const mayWait = whole.result >= 400 && !text.endsWith('\n') && text.length < small.headBytes;
    if (!mayWait || pieces.result !== NEED_MORE) deepStrictEqual(pieces, whole);

    const prefixes = resultsOfPrefixes(text, small);
    const from = prefixes.findIndex((result) => result !== NEED_MORE);
    if (from >= 0) deepStrictEqual(new Set(prefixes.slice(from)), new Set([whole.result]));
    if (whole.result === COMPLETE) expect(from).toBe(whole.parsed!.headEnd);
  });
  expect(rounds).toBeGreaterThan(100);
  expect(seen.get(COMPLETE), 'heads that are accepted').toBeGreaterThan(0);
  expect(seen.get(400), 'heads that are rejected').toBeGreaterThan(0);
});

test('every chunked body has a result, and the same one however it is cut', () => {
  const next = seeded();
  const results = new Set<number>();
  repeat(next, BODIES, (text) => {
    const whole = readBody(new ChunkedDecoder(64), text);
    expect([NEED_MORE, END, 400, 431]).toContain(whole.result);
    results.add(whole.result);
    deepStrictEqual(readBody(new ChunkedDecoder(64), text, cutsOf(next, text)), whole);
  });
  expect(results).toContain(END);
  expect(results).toContain(400);
});
