import { beforeEach, describe, expect, test } from 'vitest';
import { DateClock } from '../../../../src/http/date.js';
import { ConnectionAction } from '../../../../src/http/response/connection-action.js';
import { headOf, PartialHead } from '../../../../src/http/response/head.js';
import { type Body, type Field, HttpResponse, NO_BODY } from '../../../../src/http/response/response.js';
import { SharedFd } from '../../../../src/sys/shared-fd.js';

/** What a head depends on apart from its response. */
type HeadKind = readonly [action: ConnectionAction, isHttp10: boolean];
const keepAlive: HeadKind = [ConnectionAction.keepAlive, false];
const close: HeadKind = [ConnectionAction.close, false];
const keepAliveHttp10: HeadKind = [ConnectionAction.keepAlive, true];
/** Each kind of head, [name, kind, its Connection field]. */
const KINDS: [name: string, kind: HeadKind, connection: string[]][] = [
  ['keep-alive', keepAlive, []],
  ['close', close, ['Connection: close']],
  ['linger', [ConnectionAction.linger, false], ['Connection: close']],
  ['close with HTTP/1.0', [ConnectionAction.close, true], ['Connection: close']],
  ['keep-alive with HTTP/1.0', keepAliveHttp10, ['Connection: keep-alive']],
];
const OTHER_KINDS = KINDS.filter(([, kind]) => kind !== keepAlive);
const EPOCH_MS = Date.UTC(1994, 10, 6, 8, 49, 37);
const DATE = 'Date: Sun, 06 Nov 1994 08:49:37 GMT';
const TYPE: Field = ['Content-Type', 'text/plain'];

let clock: DateClock;

beforeEach(() => {
  clock = new DateClock();
  clock.tick(EPOCH_MS);
});

const bytes = (text: string): Body => ({ kind: 'bytes', bytes: Buffer.from(text, 'latin1') });
const file = (length: number): Body => ({ kind: 'file', file: new SharedFd(-1), offset: 0, length });
const lines = (...all: string[]) => `${all.join('\r\n')}\r\n\r\n`;

/** The bytes of the head without the body. */
function headText(response: HttpResponse, kind: HeadKind, isHead = false): string {
  const head = headOf(response, clock, ...kind, isHead);
  return head.bytes.toString('latin1', 0, head.headBytes);
}

const bodyOf = ({ body }: HttpResponse): string | null =>
  body.kind === 'bytes' ? Buffer.from(body.bytes).toString('latin1') : null;

describe('the head of a response', () => {
  test.each(KINDS)('%s', (_, kind, connection) => {
    const response = new HttpResponse(200, [TYPE, ['ETag', '"a"']], bytes('hello'));
    expect(headText(response, kind)).toBe(
      lines('HTTP/1.1 200 OK', DATE, ...connection, 'Content-Type: text/plain', 'ETag: "a"', 'Content-Length: 5'),
    );
  });

  /** [name, response, status line, lines after Date] */
  test.each<[string, HttpResponse, string, string[]]>([
    ['200 without a body', new HttpResponse(200, [], NO_BODY), '200 OK', ['Content-Length: 0']],
    [
      '200 to HEAD',
      new HttpResponse(200, [TYPE], NO_BODY, 42),
      '200 OK',
      ['Content-Type: text/plain', 'Content-Length: 42'],
    ],
    ['200 of a file', new HttpResponse(200, [], file(123456)), '200 OK', ['Content-Length: 123456']],
    ['200 of an empty file', new HttpResponse(200, [], file(0)), '200 OK', ['Content-Length: 0']],
    ['200 of no bytes', new HttpResponse(200, [], bytes('')), '200 OK', ['Content-Length: 0']],
    ['204', new HttpResponse(204, [['Allow', 'GET']], NO_BODY), '204 No Content', ['Allow: GET']],
    ['304', new HttpResponse(304, [['ETag', '"a"']], NO_BODY), '304 Not Modified', ['ETag: "a"']],
    ['304 with the length of its 200', new HttpResponse(304, [], NO_BODY, 42), '304 Not Modified', []],
    [
      '301',
      new HttpResponse(301, [['Location', '/a/']], NO_BODY),
      '301 Moved Permanently',
      ['Location: /a/', 'Content-Length: 0'],
    ],
    ['404', new HttpResponse(404, [], bytes('x')), '404 Not Found', ['Content-Length: 1']],
    ['417', new HttpResponse(417, [], NO_BODY), '417 Expectation Failed', ['Content-Length: 0']],
    ['431', new HttpResponse(431, [], NO_BODY), '431 Request Header Fields Too Large', ['Content-Length: 0']],
    ['505', new HttpResponse(505, [], NO_BODY), '505 HTTP Version Not Supported', ['Content-Length: 0']],
    [
      'a status without a reason, and a space for it',
      new HttpResponse(299, [], NO_BODY),
      '299 ',
      ['Content-Length: 0'],
    ],
    [
      'fields of one name',
      new HttpResponse(
        200,
        [
          ['A', 'b'],
          ['A', 'c'],
        ],
        NO_BODY,
      ),
      '200 OK',
      ['A: b', 'A: c', 'Content-Length: 0'],
    ],
    [
      'obs-text, a byte a character',
      new HttpResponse(200, [['A', '\xe4\xff']], NO_BODY),
      '200 OK',
      ['A: \xe4\xff', 'Content-Length: 0'],
    ],
  ])('%s', (_, response, status, rest) => {
    expect(headText(response, keepAlive)).toBe(lines(`HTTP/1.1 ${status}`, DATE, ...rest));
  });
});

describe('the Date field', () => {
  test.each(KINDS)('is updated in place once a second, %s', (_, kind) => {
    const response = new HttpResponse(200, [TYPE], bytes('Date: body'));
    const before = headOf(response, clock, ...kind);
    const text = before.bytes.toString('latin1');
    clock.tick(EPOCH_MS + 1000);
    const after = headOf(response, clock, ...kind);
    expect(after).toBe(before);
    expect(after.bytes.toString('latin1')).toBe(text.replace('08:49:37', '08:49:38'));
  });

  test('is written at most once a second', () => {
    const response = new HttpResponse(200, [], NO_BODY);
    const { bytes: headBytes } = headOf(response, clock, ...keepAlive);
    headBytes.write('never', 'HTTP/1.1 200 OK\r\nDate: '.length);
    clock.tick(EPOCH_MS + 999);
    expect(headText(response, keepAlive)).toContain('Date: never');
    clock.tick(EPOCH_MS + 1000);
    expect(headText(response, keepAlive)).toContain('Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n');
  });

  test('belongs to each head', () => {
    const response = new HttpResponse(200, [], NO_BODY);
    headOf(response, clock, ...keepAlive);
    clock.tick(EPOCH_MS + 60_000);
    expect(headText(response, close)).toContain('08:50:37');
    expect(headText(response, keepAlive)).toContain('08:50:37');
  });
});

describe('the body', () => {
  test('of a cached response is behind its keep-alive head', () => {
    const head = headOf(new HttpResponse(200, [], bytes('hello')), clock, ...keepAlive);
    expect(head.hasBody).toBe(true);
    expect(head.bytes.toString('latin1', head.headBytes)).toBe('hello');
    expect(head.bytes.length).toBe(head.headBytes + 5);
  });

  test.each(OTHER_KINDS)('of a cached response is not behind any other head: %s', (_, kind) => {
    const head = headOf(new HttpResponse(200, [], bytes('hello')), clock, ...kind);
    expect(head.hasBody).toBe(false);
    expect(head.bytes.length).toBe(head.headBytes);
  });

  test.each([
    ['a file', file(5)],
    ['no body', NO_BODY],
    ['an empty body', bytes('')],
  ])('is not behind the head for %s', (_, body) => {
    const response = new HttpResponse(200, [], body);
    expect(headOf(response, clock, ...keepAlive).hasBody).toBe(false);
    expect(response.body).toBe(body);
  });

  test('is unchanged when it is joined, and then is only in the memory of the head', () => {
    const given = Buffer.from('hello');
    const response = new HttpResponse(200, [], { kind: 'bytes', bytes: given });
    const head = headOf(response, clock, ...keepAlive);
    expect(bodyOf(response)).toBe('hello');
    given.fill('x');
    expect(bodyOf(response)).toBe('hello');
    expect(response.body.kind === 'bytes' && response.body.bytes.buffer).toBe(head.bytes.buffer);
    clock.tick(EPOCH_MS + 1000);
    headOf(response, clock, ...keepAlive);
    expect(bodyOf(response)).toBe('hello');
    expect(response.contentLength).toBe(5);
  });

  test.each([
    ['keep-alive first', [keepAlive, close, keepAliveHttp10]],
    ['keep-alive last', [close, keepAliveHttp10, keepAlive]],
  ])('is complete with every head, %s', (_, order) => {
    const response = new HttpResponse(200, [TYPE], bytes('hello'));
    for (const kind of [...order, ...order]) {
      const head = headOf(response, clock, ...kind);
      const behind = head.bytes.toString('latin1', head.headBytes);
      expect(behind).toBe(kind === keepAlive ? 'hello' : '');
      expect(bodyOf(response)).toBe('hello');
      expect(headText(response, kind)).toContain('Content-Length: 5\r\n\r\n');
    }
  });
});

describe('the head of a range', () => {
  const FIELDS: Field[] = [TYPE, ['ETag', '"a"']];

  test.each([
    [0, 1, 10],
    [9, 10, 10],
    [0, 10, 10],
    [99, 100, 100],
    [1000, 2000, 1_048_576],
    [1_048_575, 1_048_576, 1_048_576],
    [2 ** 32 - 1, 2 ** 32 + 1, 2 ** 40],
    [2 ** 53 - 4, 2 ** 53 - 2, 2 ** 53 - 1],
  ])('from %i to before %i of %i', (start, end, size) => {
    const head = new PartialHead(FIELDS, size).of(start, end);
    head.stamp(clock);
    const [range, length] = [`Content-Range: bytes ${start}-${end - 1}/${size}`, end - start];
    expect(head.bytes.toString('latin1', 0, head.headBytes)).toBe(
      lines(
        'HTTP/1.1 206 Partial Content',
        DATE,
        ...FIELDS.map((field) => field.join(': ')),
        range,
        `Content-Length: ${length}`,
      ),
    );
    expect([head.length - head.headBytes, head.bytes.length]).toEqual([length, head.length]);
  });

  test('shares no memory with another', () => {
    const of = new PartialHead(FIELDS, 100);
    const [one, other] = [of.of(0, 10), of.of(10, 20)];
    one.bytes.fill(0);
    other.stamp(clock);
    expect(other.bytes.toString('latin1', 0, other.headBytes)).toContain('bytes 10-19/100');
  });
});

test('a response caches a head of each kind', () => {
  const response = new HttpResponse(200, [], bytes('hello'));
  const heads = [keepAlive, close, keepAliveHttp10].map((kind) => headOf(response, clock, ...kind));
  expect(new Set(heads).size).toBe(3);
  expect([keepAlive, close, keepAliveHttp10].map((kind) => headOf(response, clock, ...kind))).toEqual(heads);
  expect([response.keepAliveHead, ...response.otherHeads!]).toEqual(heads);
  expect(headOf(new HttpResponse(200, [], bytes('hello')), clock, ...keepAlive)).not.toBe(heads[0]);
});

test('a cached head holds no more memory than it needs', () => {
  for (const body of [bytes('hello'), NO_BODY]) {
    for (const kind of [keepAlive, close, keepAliveHttp10]) {
      const head = headOf(new HttpResponse(200, [], body), clock, ...kind);
      expect(head.bytes.buffer.byteLength).toBe(head.bytes.length);
    }
  }
});

describe('a transient response', () => {
  const text = (value: string): Body => ({ kind: 'text', text: value, length: Buffer.byteLength(value) });
  const stream = (length: number): Body => ({ kind: 'stream', stream: new ReadableStream(), length, isEndless: false });
  const transient = (status: number, body: Body, contentLength?: number): HttpResponse =>
    Object.assign(new HttpResponse(status, [], body, contentLength), { transient: true });

  test.each(KINDS)('has its body behind every head, %s', (_, kind) => {
    for (const [body, expected] of [
      [bytes('hello'), 'hello'],
      [text('hello'), 'hello'],
      [text('h\xe4llo \u20ac'), 'h\xe4llo \u20ac'],
      [text(''), ''],
    ] as const) {
      const head = headOf(transient(200, body), clock, ...kind);
      expect(head.bytes.toString('utf8', head.headBytes)).toBe(expected);
      expect(headOf(transient(200, body), clock, ...kind, true).hasBody).toBe(false);
    }
  });

  /** [name, response, HTTP/1.0, HEAD, the framing] */
  test.each<[string, HttpResponse, boolean, boolean, string[]]>([
    ['text', transient(200, text('\u20ac')), false, false, ['Content-Length: 3']],
    ['text to HEAD', transient(200, text('\u20ac')), false, true, ['Content-Length: 3']],
    ['a stream', transient(200, stream(-1)), false, false, ['Transfer-Encoding: chunked']],
    ['a stream to HEAD', transient(200, stream(-1)), false, true, ['Transfer-Encoding: chunked']],
    ['a stream to HTTP/1.0', transient(200, stream(-1)), true, false, []],
    ['a stream of known length', transient(200, stream(5)), false, false, ['Content-Length: 5']],
    ['no body', transient(200, NO_BODY, -1), false, false, ['Content-Length: 0']],
    ['no body to HEAD', transient(200, NO_BODY, -1), false, true, []],
    ['no body with the length of the GET', transient(200, NO_BODY, 5), false, false, ['Content-Length: 0']],
    ['no body with the length of the GET to HEAD', transient(200, NO_BODY, 5), false, true, ['Content-Length: 5']],
    ['204', transient(204, NO_BODY, 5), false, true, []],
    ['304', transient(304, NO_BODY, 5), false, false, []],
  ])('frames %s', (_, response, isHttp10, isHead, framing) => {
    const head = headOf(response, clock, ConnectionAction.close, isHttp10, isHead);
    const lines = head.bytes.toString('latin1', 0, head.headBytes).split('\r\n').slice(3, -2);
    expect(lines).toEqual(framing);
  });
});
