import { deepStrictEqual } from 'node:assert';
import { describe, expect, test } from 'vitest';
import { BodyQueue } from '../../../../src/fetch/body-queue.js';
import { FieldId } from '../../../../src/http/headers.js';
import { type Limits, resolveLimits } from '../../../../src/http/limits.js';
import { END } from '../../../../src/http/request/chunked.js';
import { COMPLETE, NEED_MORE, RequestParser } from '../../../../src/http/request/parser.js';
import { ConnectionAction } from '../../../../src/http/response/connection-action.js';
import { PendingResponse } from '../../../../src/server/connection/pending-response.js';
import { RequestBody } from '../../../../src/server/connection/request-body.js';
import { requestOf } from '../../../support/heads.js';
import { parsed } from '../../../support/parsed.js';

const small = resolveLimits({ bodyBytes: 10, headBytes: 64 });
const LENGTH_5 = 'Content-Length: 5';
const CHUNKED = 'Transfer-Encoding: chunked';

interface Outcome {
  result: number;
  used: number;
  receivedBytes: number;
}

interface Reading extends Outcome {
  /** What the handler reads; null if the body is discarded, or does not end. */
  delivered: Promise<Buffer> | null;
}

/** Reads a body that arrives in pieces, up to its result; into the queue of a handler, or discards it. */
function readInPieces(
  field: string,
  text: string,
  limits: Limits,
  cuts: readonly number[],
  isHandled: boolean,
): Reading {
  const parser = parsed('/', [field], 'POST', limits);
  const pending = isHandled ? new PendingResponse(parser, {} as never, 0, ConnectionAction.keepAlive, null) : null;
  const queue = new BodyQueue(limits.bodyHighWaterBytes, () => {});
  if (pending !== null) pending.body = queue;
  const body = new RequestBody(parser, limits, 0, pending);
  let used = 0;
  for (const cut of [...cuts, text.length]) {
    const piece = Buffer.from(`junk${text.slice(used, cut)}`, 'latin1');
    const result = body.read(piece, 4, piece.length, 0);
    const { receivedBytes } = body;
    // Nothing is read after an error.
    if (result >= 400) return { result, used: Number.NaN, receivedBytes: Number.NaN, delivered: null };
    used += body.position - 4;
    if (result === END) {
      body.end();
      return { result, used, receivedBytes, delivered: isHandled ? queue.all() : null };
    }
    deepStrictEqual(body.position, piece.length, 'all of it is used up');
  }
  return { result: NEED_MORE, used, receivedBytes: body.receivedBytes, delivered: null };
}

/** With every cut the result is the same, discarded or not. */
async function readEveryWay(field: string, text: string, limits = small): Promise<Outcome> {
  const { delivered: _, ...whole } = readInPieces(field, text, limits, [], false);
  const cuts = Array.from({ length: Math.max(0, text.length - 1) }, (_, i) => i + 1);
  for (const isHandled of [false, true])
    for (const each of [[], cuts, ...cuts.map((cut) => [cut])]) {
      const { delivered, ...outcome } = readInPieces(field, text, limits, each, isHandled);
      deepStrictEqual(outcome, whole, `cut at ${each}`);
      if (delivered !== null) deepStrictEqual((await delivered).toString('latin1'), dataOf(field, text));
    }
  return whole;
}

/** The data of a body without trailers. */
const dataOf = (field: string, text: string): string =>
  field === CHUNKED
    ? [...text.slice(0, text.indexOf('0\r\n') + 1).matchAll(/[0-9a-f]+\r\n(\w+)\r\n/g)].map(([, data]) => data).join('')
    : text.slice(0, Number(field.split(' ')[1]));

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
  ])('%s', async (_, field, text, result, used, receivedBytes) => {
    expect(await readEveryWay(field, text)).toEqual({ result, used, receivedBytes });
  });
});

describe('rejects a body', () => {
  test.each([
    ['of a chunk that is too large', 'b\r\n0123456789a', 413],
    ['of chunks that are too large together', '6\r\n012345\r\n5\r\n6789a', 413],
    ['that is too large before it is wrong', 'b\r\n0123456789ab', 413],
    ['that is wrong before it is too large', '5\r\n0123456\r\nb', 400],
    ['whose framing is wrong', '5\r\nhello0\r\n\r\n', 400],
    ['whose size is not a number', 'x\r\n', 400],
    ['whose extensions are larger than a head may be', `0;${'x'.repeat(65)}`, 431],
    ['whose trailers are', `0\r\nA: ${'x'.repeat(65)}`, 431],
  ])('%s', async (_, text, status) => {
    expect((await readEveryWay(CHUNKED, text)).result).toBe(status);
  });

  test('but not for extensions and trailers that fit into a head', async () => {
    expect((await readEveryWay(CHUNKED, `0;${'x'.repeat(32)}\r\nA:${'x'.repeat(30)}\r\n\r\n`)).result).toBe(END);
  });

  test('of any length if none is allowed', async () => {
    const none = resolveLimits({ bodyBytes: 0 });
    expect((await readEveryWay(CHUNKED, '0\r\n\r\n', none)).result).toBe(END);
    expect((await readEveryWay(CHUNKED, '1\r\nx', none)).result).toBe(413);
  });
});

describe('restores the request', () => {
  const text = `\r\nPUT /a?b HTTP/1.1\r\nHost: a\r\nUser-Agent: x\r\nExpect: 100-continue\r\n${CHUNKED}\r\n\r\n`;

  test('as it was, even if the bytes it came in are overwritten', () => {
    const limits = resolveLimits();
    const parser = new RequestParser(limits);
    const bytes = Buffer.alloc(1000);
    bytes.write(text, 7, 'latin1');
    expect(parser.parse(bytes, 7, 7 + text.length)).toBe(COMPLETE);
    const before = requestOf(parser, 7);
    const body = new RequestBody(parser, limits, 0, null);
    const other = 'GET /other HTTP/1.0\r\nConnection: keep-alive\r\n\r\n';
    bytes.fill('X').write(other, 0, 'latin1');
    expect(parser.parse(bytes, 0, other.length)).toBe(COMPLETE);

    body.restore(parser);
    // The empty line before it is not a part of the head.
    expect(requestOf(parser)).toEqual({ ...before, headStart: 0, headEnd: before.headEnd - 2 });
    expect(parser.value(FieldId.userAgent)).toBe('x');
  });

  test('with a head of the largest size', () => {
    const limits = resolveLimits({ headBytes: 64 });
    const start = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nA: ';
    const head = `${start}${'x'.repeat(64 - start.length - 4)}\r\n\r\n`;
    const bytes = Buffer.from(`${head}hello.`, 'latin1');
    const parser = new RequestParser(limits);
    expect(parser.parse(bytes, 0, bytes.length - 1)).toBe(COMPLETE);
    const before = requestOf(parser);
    const body = new RequestBody(parser, limits, 0, null);
    parser.reset();
    body.restore(parser);
    expect(requestOf(parser)).toEqual(before);
  });
});

test('the time of a client is extended by what it sends, but no longer than the whole time from the last bytes on', () => {
  const limits = resolveLimits({ bodyTimeoutMs: 10_000, minBodyBytesPerSecond: 100 });
  const body = new RequestBody(parsed('/', ['Content-Length: 100000'], 'POST', limits), limits, 0, null);
  const receive = (nowMs: number, bytes: number): number => {
    body.read(Buffer.alloc(bytes), 0, bytes, nowMs);
    return body.deadlineMs;
  };
  expect(body.deadlineMs).toBe(10_000);
  expect(receive(5000, 100)).toBe(11_000);
  expect(receive(6000, 50_000)).toBe(16_000);
  expect(receive(15_000, 100)).toBe(17_000);
});
