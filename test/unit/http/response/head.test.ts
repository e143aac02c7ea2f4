import { beforeEach, describe, expect, test } from 'vitest';
import { DateClock } from '../../../../src/http/date.js';
import { headOf, PartialHead, Persistence } from '../../../../src/http/response/head.js';
import { type Body, type Field, HttpResponse, NO_BODY } from '../../../../src/http/response/response.js';
import { SharedFd } from '../../../../src/sys/shared-fd.js';

const { keepAlive, close, keepAliveHttp10 } = Persistence;
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

/** The head's bytes alone. */
function headText(response: HttpResponse, persistence: Persistence): string {
  const head = headOf(response, persistence, clock);
  return head.bytes.toString('latin1', 0, head.headBytes);
}

const bodyOf = ({ body }: HttpResponse): string | null =>
  body.kind === 'bytes' ? Buffer.from(body.bytes).toString('latin1') : null;

describe('the bytes of a head', () => {
  test.each([
    ['kept', keepAlive, []],
    ['close', close, ['Connection: close']],
    ['keptOld', keepAliveHttp10, ['Connection: keep-alive']],
  ])('%s', (_, persistence, connection) => {
    const response = new HttpResponse(200, [TYPE, ['ETag', '"a"']], bytes('hello'));
    expect(headText(response, persistence)).toBe(
      lines('HTTP/1.1 200 OK', DATE, ...connection, 'Content-Type: text/plain', 'ETag: "a"', 'Content-Length: 5'),
    );
  });

  /** [name, response, the lines behind Date] */
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

describe('the date', () => {
  test.each([
    ['kept', keepAlive],
    ['close', close],
    ['keptOld', keepAliveHttp10],
  ])('is brought up to the second in place, %s', (_, persistence) => {
    const response = new HttpResponse(200, [TYPE], bytes('Date: body'));
    const before = headOf(response, persistence, clock);
    const text = before.bytes.toString('latin1');
    clock.tick(EPOCH_MS + 1000);
    const after = headOf(response, persistence, clock);
    expect(after).toBe(before);
    expect(after.bytes.toString('latin1')).toBe(text.replace('08:49:37', '08:49:38'));
  });

  test('is written once a second', () => {
    const response = new HttpResponse(200, [], NO_BODY);
    const { bytes: headBytes } = headOf(response, keepAlive, clock);
    headBytes.write('never', 'HTTP/1.1 200 OK\r\nDate: '.length);
    clock.tick(EPOCH_MS + 999);
    expect(headText(response, keepAlive)).toContain('Date: never');
    clock.tick(EPOCH_MS + 1000);
    expect(headText(response, keepAlive)).toContain('Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n');
  });

  test('is each form’s own', () => {
    const response = new HttpResponse(200, [], NO_BODY);
    headOf(response, keepAlive, clock);
    clock.tick(EPOCH_MS + 60_000);
    expect(headText(response, close)).toContain('08:50:37');
    expect(headText(response, keepAlive)).toContain('08:50:37');
  });
});

describe('the body', () => {
  test('stands behind a head that is kept', () => {
    const head = headOf(new HttpResponse(200, [], bytes('hello')), keepAlive, clock);
    expect(head.hasBody).toBe(true);
    expect(head.bytes.toString('latin1', head.headBytes)).toBe('hello');
    expect(head.bytes.length).toBe(head.headBytes + 5);
  });

  test.each([
    ['close', close],
    ['keptOld', keepAliveHttp10],
  ])('does not behind %s', (_, persistence) => {
    const head = headOf(new HttpResponse(200, [], bytes('hello')), persistence, clock);
    expect(head.hasBody).toBe(false);
    expect(head.bytes.length).toBe(head.headBytes);
  });

  test.each([
    ['a file', file(5)],
    ['no body', NO_BODY],
    ['an empty body', bytes('')],
  ])('is not there for %s', (_, body) => {
    const response = new HttpResponse(200, [], body);
    expect(headOf(response, keepAlive, clock).hasBody).toBe(false);
    expect(response.body).toBe(body);
  });

  test('is the same when it is joined, and lives in the head’s memory alone', () => {
    const given = Buffer.from('hello');
    const response = new HttpResponse(200, [], { kind: 'bytes', bytes: given });
    const head = headOf(response, keepAlive, clock);
    expect(bodyOf(response)).toBe('hello');
    given.fill('x');
    expect(bodyOf(response)).toBe('hello');
    expect(response.body.kind === 'bytes' && response.body.bytes.buffer).toBe(head.bytes.buffer);
    clock.tick(EPOCH_MS + 1000);
    headOf(response, keepAlive, clock);
    expect(bodyOf(response)).toBe('hello');
    expect(response.contentLength).toBe(5);
  });

  test.each([
    ['kept first', [keepAlive, close, keepAliveHttp10]],
    ['kept last', [close, keepAliveHttp10, keepAlive]],
  ])('is intact in every form, %s', (_, order) => {
    const response = new HttpResponse(200, [TYPE], bytes('hello'));
    for (const persistence of [...order, ...order]) {
      const head = headOf(response, persistence, clock);
      const behind = head.bytes.toString('latin1', head.headBytes);
      expect(behind).toBe(persistence === keepAlive ? 'hello' : '');
      expect(bodyOf(response)).toBe('hello');
      expect(headText(response, persistence)).toContain('Content-Length: 5\r\n\r\n');
    }
  });
});

describe('the head of a part', () => {
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

  test('has no memory in common with another', () => {
    const of = new PartialHead(FIELDS, 100);
    const [one, other] = [of.of(0, 10), of.of(10, 20)];
    one.bytes.fill(0);
    other.stamp(clock);
    expect(other.bytes.toString('latin1', 0, other.headBytes)).toContain('bytes 10-19/100');
  });
});

test('what is serialised is kept with the response, a form each', () => {
  const response = new HttpResponse(200, [], bytes('hello'));
  const forms = [keepAlive, close, keepAliveHttp10].map((persistence) => headOf(response, persistence, clock));
  expect(new Set(forms).size).toBe(3);
  expect([keepAlive, close, keepAliveHttp10].map((persistence) => headOf(response, persistence, clock))).toEqual(forms);
  expect([response.keepAliveHead, ...response.otherHeads!.slice(1)]).toEqual(forms);
  expect(headOf(new HttpResponse(200, [], bytes('hello')), keepAlive, clock)).not.toBe(forms[0]);
});

test('what may be kept holds no more memory than it needs', () => {
  for (const body of [bytes('hello'), NO_BODY]) {
    for (const persistence of [keepAlive, close, keepAliveHttp10]) {
      const head = headOf(new HttpResponse(200, [], body), persistence, clock);
      expect(head.bytes.buffer.byteLength).toBe(head.bytes.length);
    }
  }
});
