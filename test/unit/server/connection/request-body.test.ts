import { deepStrictEqual } from 'node:assert';
import { describe, expect, test } from 'vitest';
import { FieldId } from '../../../../src/http/headers.js';
import { type Limits, resolveLimits } from '../../../../src/http/limits.js';
import { END } from '../../../../src/http/request/chunked.js';
import { DiscardedBody } from '../../../../src/http/request/discarded-body.js';
import { COMPLETE, NEED_MORE, RequestParser } from '../../../../src/http/request/parser.js';
import { requestOf } from '../../../support/heads.js';
import { parsed } from '../../../support/parsed.js';

const small = resolveLimits({ bodyBytes: 10, headBytes: 64 });
const LENGTH_5 = 'Content-Length: 5';
const CHUNKED = 'Transfer-Encoding: chunked';

interface Read {
  result: number;
  used: number;
  receivedBytes: number;
}

/** Feeds a body that arrives in pieces, up to the first result other than NEED_MORE. */
function readInPieces(field: string, text: string, limits: Limits, cuts: readonly number[] = []): Read {
  const exchange = new DiscardedBody(parsed('/', [field], 'POST', limits), limits);
  let used = 0;
  for (const cut of [...cuts, text.length]) {
    const piece = Buffer.from(`junk${text.slice(used, cut)}`, 'latin1');
    const result = exchange.read(piece, 4, piece.length);
    const { receivedBytes } = exchange;
    // Behind a refusal nothing is read.
    if (result >= 400) return { result, used: Number.NaN, receivedBytes: Number.NaN };
    used += exchange.position - 4;
    if (result === END) return { result, used, receivedBytes };
    deepStrictEqual(exchange.position, piece.length, 'what is not the end is used up');
  }
  return { result: NEED_MORE, used, receivedBytes: exchange.receivedBytes };
}

function readEveryWay(field: string, text: string, limits = small): Read {
  const whole = readInPieces(field, text, limits);
  const cuts = Array.from({ length: Math.max(0, text.length - 1) }, (_, i) => i + 1);
  deepStrictEqual(readInPieces(field, text, limits, cuts), whole, 'byte by byte');
  for (const cut of cuts) deepStrictEqual(readInPieces(field, text, limits, [cut]), whole, `cut at ${cut}`);
  return whole;
}

describe('reads a body', () => {
  test.each([
    ['of a length', LENGTH_5, 'hello', END, 5, 5],
    ['of a length, with a request behind it', LENGTH_5, 'helloGET / HTTP/1.1', END, 5, 5],
    ['of a length, not whole', LENGTH_5, 'hell', NEED_MORE, 4, 4],
    ['of a length, nothing yet', LENGTH_5, '', NEED_MORE, 0, 0],
    ['of the greatest length', 'Content-Length: 10', '0123456789', END, 10, 10],
    ['in chunks', CHUNKED, '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n', END, 20, 5],
    ['in chunks, with a request behind it', CHUNKED, '5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1', END, 15, 5],
    ['in chunks, none', CHUNKED, '0\r\n\r\n', END, 5, 0],
    ['in chunks, with a trailer', CHUNKED, '0\r\nA: b\r\n\r\n', END, 11, 0],
    ['in chunks, not whole', CHUNKED, '5\r\nhel', NEED_MORE, 6, 3],
    ['in chunks, without the last', CHUNKED, '5\r\nhello\r\n', NEED_MORE, 10, 5],
    ['in chunks, as many bytes as allowed', CHUNKED, '9\r\n012345678\r\n1\r\n9\r\n0\r\n\r\n', END, 25, 10],
  ])('%s', (_, field, text, result, used, receivedBytes) => {
    expect(readEveryWay(field, text)).toEqual({ result, used, receivedBytes });
  });
});

describe('refuses a body', () => {
  test.each([
    ['of a chunk that is too large', 'b\r\n0123456789a', 413],
    ['of chunks that are too large together', '6\r\n012345\r\n5\r\n6789a', 413],
    ['that is too large before it is wrong', 'b\r\n0123456789ab', 413],
    ['that is wrong before it is too large', '5\r\n0123456\r\nb', 400],
    ['whose framing is wrong', '5\r\nhello0\r\n\r\n', 400],
    ['whose size is none', 'x\r\n', 400],
    ['whose extensions are larger than a head may be', `0;${'x'.repeat(65)}`, 431],
    ['whose trailers are', `0\r\nA: ${'x'.repeat(65)}`, 431],
  ])('%s', (_, text, status) => {
    expect(readEveryWay(CHUNKED, text).result).toBe(status);
  });

  test('not for extensions and trailers that a head could hold', () => {
    expect(readEveryWay(CHUNKED, `0;${'x'.repeat(32)}\r\nA:${'x'.repeat(30)}\r\n\r\n`).result).toBe(END);
  });

  test('of which none is allowed', () => {
    const none = resolveLimits({ bodyBytes: 0 });
    expect(readEveryWay(CHUNKED, '0\r\n\r\n', none).result).toBe(END);
    expect(readEveryWay(CHUNKED, '1\r\nx', none).result).toBe(413);
  });
});

describe('restores the request', () => {
  const text = `\r\nPUT /a?b HTTP/1.1\r\nHost: a\r\nUser-Agent: x\r\nExpect: 100-continue\r\n${CHUNKED}\r\n\r\n`;

  test('as it was, though the bytes it came in are overwritten', () => {
    const limits = resolveLimits();
    const parser = new RequestParser(limits);
    const bytes = Buffer.alloc(1000);
    bytes.write(text, 7, 'latin1');
    expect(parser.parse(bytes, 7, 7 + text.length)).toBe(COMPLETE);
    const before = requestOf(parser, 7);
    const exchange = new DiscardedBody(parser, limits);
    const other = 'GET /other HTTP/1.0\r\nConnection: keep-alive\r\n\r\n';
    bytes.fill('X').write(other, 0, 'latin1');
    expect(parser.parse(bytes, 0, other.length)).toBe(COMPLETE);

    exchange.restore(parser);
    // The empty line before it is not part of the head.
    expect(requestOf(parser)).toEqual({ ...before, headStart: 0, headEnd: before.headEnd - 2 });
    expect(parser.value(FieldId.userAgent)).toBe('x');
  });

  test('even a head of the largest size', () => {
    const limits = resolveLimits({ headBytes: 64 });
    const start = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nA: ';
    const head = `${start}${'x'.repeat(64 - start.length - 4)}\r\n\r\n`;
    const bytes = Buffer.from(`${head}hello.`, 'latin1');
    const parser = new RequestParser(limits);
    expect(parser.parse(bytes, 0, bytes.length - 1)).toBe(COMPLETE);
    const before = requestOf(parser);
    const exchange = new DiscardedBody(parser, limits);
    parser.reset();
    exchange.restore(parser);
    expect(requestOf(parser)).toEqual(before);
  });
});
