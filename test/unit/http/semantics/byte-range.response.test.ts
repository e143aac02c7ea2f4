import { describe, expect, test } from 'vitest';
import { DateClock } from '../../../../src/http/date.js';
import { ConnectionAction } from '../../../../src/http/response/connection-action.js';
import { headOf } from '../../../../src/http/response/head.js';
import type { BytesBody, Field, FileBody, HttpResponse } from '../../../../src/http/response/response.js';
import {
  type ByteRange,
  parseRanges,
  partialResponse,
  unsatisfiable,
} from '../../../../src/http/semantics/byte-range.js';
import { SharedFd } from '../../../../src/sys/shared-fd.js';
import { below, seeded } from '../../../support/random.js';

const GIB = 2 ** 30;
const FIELDS: readonly Field[] = [
  ['Content-Type', 'text/plain; charset=utf-8'],
  ['ETag', '"abc"'],
  ['Cache-Control', 'max-age=60'],
  ['Last-Modified', 'Sun, 06 Nov 1994 08:49:37 GMT'],
  ['Accept-Ranges', 'bytes'],
  ['Vary', 'Accept-Encoding'],
];

const field = ({ fields }: HttpResponse, name: string): string | undefined =>
  fields.find(([each]) => each.toLowerCase() === name.toLowerCase())?.[1];

const without = (...names: string[]): Field[] => FIELDS.filter(([name]) => !names.includes(name));

/** Content that differs at every position, and contains nothing like a delimiter. */
const content = (size: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: size }, (_, i) => i * 31 + (i >> 8) * 7));

const bytesBody = (bytes: Uint8Array): BytesBody => ({ kind: 'bytes', bytes });
const fileBody = (offset: number, length: number): FileBody => ({
  kind: 'file',
  file: new SharedFd(-1),
  offset,
  length,
});

/** The bytes of the body; those of a file come from `file`. */
function sent({ body }: HttpResponse, file?: Uint8Array): Buffer {
  const bytes = (each: BytesBody | FileBody): Uint8Array =>
    each.kind === 'bytes' ? each.bytes : file!.subarray(each.offset, each.offset + each.length);
  if (body.kind === 'parts') return Buffer.concat(body.parts.map(bytes));
  return body.kind === 'bytes' || body.kind === 'file' ? Buffer.from(bytes(body)) : Buffer.alloc(0);
}

/** Parses multipart/byteranges like a client, RFC 2046 section 5.1.1. */
function readParts(response: HttpResponse, file?: Uint8Array): { fields: string[]; content: string }[] {
  const boundary = /^multipart\/byteranges; boundary=([0-9A-Za-z'()+_,./:=?-]{1,70})$/.exec(
    field(response, 'Content-Type')!,
  )!;
  const pieces = `\r\n${sent(response, file).toString('latin1')}`.split(`\r\n--${boundary[1]}`);
  expect(pieces.shift()).toBe('');
  expect(pieces.pop()).toBe('--\r\n');
  return pieces.map((piece) => {
    const end = piece.indexOf('\r\n\r\n');
    expect(piece.slice(0, 2)).toBe('\r\n');
    return { fields: piece.slice(2, end).split('\r\n'), content: piece.slice(end + 4) };
  });
}

describe('a 206', () => {
  const whole = content(1234);

  test.each<[ByteRange, string]>([
    [{ start: 0, end: 500 }, 'bytes 0-499/1234'],
    [{ start: 500, end: 1000 }, 'bytes 500-999/1234'],
    [{ start: 500, end: 1234 }, 'bytes 500-1233/1234'],
    [{ start: 734, end: 1234 }, 'bytes 734-1233/1234'],
    [{ start: 0, end: 1234 }, 'bytes 0-1233/1234'],
    [{ start: 7, end: 8 }, 'bytes 7-7/1234'],
  ])('of one range: %j', (range, contentRange) => {
    const { start, end } = range;
    const fromMemory = partialResponse({ fields: FIELDS, body: bytesBody(whole) }, [range], 1234);
    expect(sent(fromMemory)).toEqual(whole.subarray(start, end));
    const body = fileBody(10_000, 1234);
    const fromFile = partialResponse({ fields: FIELDS, body }, [range], 1234);
    expect(fromFile.body).toEqual({ kind: 'file', file: body.file, offset: 10_000 + start, length: end - start });
    for (const response of [fromMemory, fromFile]) {
      expect(response.status).toBe(206);
      expect(response.fields).toEqual([...FIELDS, ['Content-Range', contentRange]]);
      expect(response.contentLength).toBe(end - start);
      expect(response.transient).toBe(true);
    }
  });

  test('of one range copies no bytes', () => {
    const { body } = partialResponse({ fields: [], body: bytesBody(whole) }, [{ start: 3, end: 5 }], 1234);
    expect(body.kind === 'bytes' && body.bytes.buffer).toBe(whole.buffer);
  });

  test('of a file larger than 4 GiB has exact positions', () => {
    const body = fileBody(0, 6 * GIB);
    const range = { start: 5 * GIB, end: 5 * GIB + 10 };
    const response = partialResponse({ fields: [], body }, [range], 6 * GIB);
    expect(response.body).toEqual({ ...body, offset: 5 * GIB, length: 10 });
    expect(field(response, 'Content-Range')).toBe('bytes 5368709120-5368709129/6442450944');
  });

  test('of several ranges is multipart/byteranges, section 15.3.7.2', () => {
    const size = 8000;
    const file = content(100 + size);
    const ranges = [
      { start: 7000, end: 8000 },
      { start: 500, end: 1000 },
    ];
    const fromMemory = partialResponse({ fields: FIELDS, body: bytesBody(file.subarray(100)) }, ranges, size);
    const fromFile = partialResponse({ fields: FIELDS, body: fileBody(100, size) }, ranges, size);
    for (const response of [fromMemory, fromFile]) {
      expect(response.status).toBe(206);
      expect(response.transient).toBe(true);
      expect(response.fields.slice(1)).toEqual(without('Content-Type'));
      expect(readParts(response, file)).toEqual([
        {
          fields: ['Content-Type: text/plain; charset=utf-8', 'Content-Range: bytes 7000-7999/8000'],
          content: file.toString('latin1', 7100, 8100),
        },
        {
          fields: ['Content-Type: text/plain; charset=utf-8', 'Content-Range: bytes 500-999/8000'],
          content: file.toString('latin1', 600, 1100),
        },
      ]);
      expect(response.contentLength).toBe(sent(response, file).length);
      const head = headOf(response, new DateClock(), ConnectionAction.keepAlive);
      expect(head.bytes.toString('latin1')).toMatch(/^HTTP\/1\.1 206 Partial Content\r\n/);
      expect(head.bytes.toString('latin1')).toContain(`\r\nContent-Length: ${response.contentLength}\r\n`);
      expect(head.hasBody).toBe(false);
    }
    expect(fromFile.body.kind === 'parts' && fromFile.body.parts.map(({ kind }) => kind)).toEqual([
      'bytes',
      'file',
      'bytes',
      'file',
      'bytes',
    ]);
  });

  test('of several ranges without a Content-Type has parts without one', () => {
    const ranges = [
      { start: 0, end: 1 },
      { start: 9, end: 10 },
    ];
    const response = partialResponse({ fields: [], body: bytesBody(content(10)) }, ranges, 10);
    expect(readParts(response).map(({ fields }) => fields)).toEqual([
      ['Content-Range: bytes 0-0/10'],
      ['Content-Range: bytes 9-9/10'],
    ]);
  });

  test('has a unique boundary', () => {
    const ranges = [
      { start: 0, end: 1 },
      { start: 9, end: 10 },
    ];
    const types = Array.from({ length: 100 }, () =>
      field(partialResponse({ fields: FIELDS, body: bytesBody(content(10)) }, ranges, 10), 'Content-Type'),
    );
    expect(new Set(types).size).toBe(100);
  });

  test('of an encoded representation has one range; for several the whole is sent', () => {
    const fields: Field[] = [...FIELDS, ['Content-Encoding', 'br']];
    const body = bytesBody(whole);
    const one = { start: 0, end: 10 };
    expect(partialResponse({ fields, body }, [one], 1234).status).toBe(206);
    const response = partialResponse({ fields, body }, [one, { start: 1000, end: 1010 }], 1234);
    expect([response.status, response.fields, response.body]).toEqual([200, fields, body]);
    expect(response.transient).toBe(true);
  });

  test("asserts that there is a range, and that the size is the body's", () => {
    const body = bytesBody(content(10));
    expect(() => partialResponse({ fields: [], body }, [], 10)).toThrow('without a range');
    expect(() => partialResponse({ fields: [], body }, [{ start: 0, end: 1 }], 11)).toThrow('another size');
  });
});

describe('a 416', () => {
  test('has the size, and the fields that apply to any response, section 15.5.17', () => {
    const fields: Field[] = [
      ...FIELDS,
      ['Content-Encoding', 'gzip'],
      ['Expires', 'Sun, 06 Nov 1994 08:49:37 GMT'],
      ['Access-Control-Allow-Origin', '*'],
    ];
    const response = unsatisfiable(fields, 47022);
    expect(response.status).toBe(416);
    expect(response.fields).toEqual([
      ['Content-Type', 'text/plain; charset=utf-8'],
      ['ETag', '"abc"'],
      ['Vary', 'Accept-Encoding'],
      ['Access-Control-Allow-Origin', '*'],
      ['Cache-Control', 'no-cache'],
      ['Accept-Ranges', 'bytes'],
      ['Content-Range', 'bytes */47022'],
    ]);
    expect(sent(response).toString()).toContain('47022 bytes');
    expect(response.transient).toBe(true);
    expect(headOf(response, new DateClock(), ConnectionAction.keepAlive).bytes.toString('latin1')).toMatch(
      /^HTTP\/1\.1 416 Range Not Satisfiable\r\n/,
    );
  });
});

describe('any set of ranges', () => {
  /** A set of ranges: as text, and for every byte the index of the first range that requests it, or -1. */
  interface RangeSet {
    value: string;
    size: number;
    requestedBy: number[];
  }

  function randomSet(next: () => number): RangeSet {
    const size = 1 + below(next, next() < 0.3 ? 200 : 4000);
    const requestedBy = new Array<number>(size).fill(-1);
    const specs = Array.from({ length: 1 + below(next, 6) }, (_, index) => {
      const kind = below(next, 6);
      const first = below(next, size + 20);
      const count = below(next, next() < 0.5 ? 20 : size + 20);
      const isRequested = (byte: number): boolean =>
        kind === 0 ? byte >= size - count : byte >= first && (kind === 1 || byte <= first + count);
      for (let byte = 0; byte < size; byte++)
        if (requestedBy[byte]! < 0 && isRequested(byte)) requestedBy[byte] = index;
      return kind === 0 ? `-${count}` : kind === 1 ? `${first}-` : `${first}-${first + count}`;
    });
    return { value: `bytes=${specs.join(next() < 0.5 ? ',' : ' , ')}`, size, requestedBy };
  }

  /** The parts that a client gets. */
  function received(response: HttpResponse): [contentRange: string, content: string][] {
    const single = field(response, 'Content-Range');
    if (single !== undefined) return [[single, sent(response).toString('latin1')]];
    return readParts(response).map((part) => [part.fields[1]!.replace('Content-Range: ', ''), part.content]);
  }

  /** What is wrong with a response; null if it is correct. */
  function faultOf({ size, requestedBy }: RangeSet, response: HttpResponse, whole: Buffer): string | null {
    const times = new Array<number>(size).fill(0);
    let previousIndex = -1;
    for (const [contentRange, bytes] of received(response)) {
      const [, first = -1, last = -1] = (/^bytes (\d+)-(\d+)\/\d+$/.exec(contentRange) ?? []).map(Number);
      if (contentRange !== `bytes ${first}-${last}/${size}` || last >= size) return `Content-Range: ${contentRange}`;
      if (bytes !== whole.toString('latin1', first, last + 1)) return `other bytes than those of ${contentRange}`;
      if (requestedBy[first]! < 0 || requestedBy[last]! < 0) return `${contentRange} has an end that was not requested`;
      let index = Number.POSITIVE_INFINITY;
      let unrequested = 0;
      for (let byte = first; byte <= last; byte++) {
        times[byte]!++;
        unrequested = requestedBy[byte]! < 0 ? unrequested + 1 : 0;
        if (unrequested === 80) return `${contentRange} has 80 bytes that were not requested before ${byte}`;
        if (requestedBy[byte]! >= 0) index = Math.min(index, requestedBy[byte]!);
      }
      if (index < previousIndex) return `${contentRange} is not in the order of the request`;
      previousIndex = index;
    }
    const wrong = times.findIndex((count, byte) => count > 1 || (count === 0 && requestedBy[byte]! >= 0));
    if (wrong >= 0) return `byte ${wrong} is sent ${times[wrong]} times`;
    return response.contentLength > size || sent(response).length !== response.contentLength ? 'the length' : null;
  }

  test('is sent as the requested bytes, each once, with few others', () => {
    const next = seeded();
    const seen = { whole: 0, unsatisfiable: 0, one: 0, several: 0 };
    for (let round = 0; round < 1500; round++) {
      const rangeSet = randomSet(next);
      const { value, size, requestedBy } = rangeSet;
      const name = `${value} of ${size}`;
      const ranges = parseRanges(Buffer.from(`<${value}>`, 'latin1'), 1, value.length + 1, size);
      const count = requestedBy.filter((index) => index >= 0).length;
      expect(ranges === 416, name).toBe(count === 0);
      if (ranges === 416) {
        seen.unsatisfiable++;
      } else if (ranges === null) {
        // Only if six parts can be about as long as the whole.
        expect(count + 6 * (200 + 79), name).toBeGreaterThan(size);
        seen.whole++;
      } else {
        const whole = content(size);
        const response = partialResponse({ fields: FIELDS, body: bytesBody(whole) }, ranges, size);
        expect(faultOf(rangeSet, response, whole), name).toBeNull();
        seen[ranges.length === 1 ? 'one' : 'several']++;
      }
    }
    for (const [kind, times] of Object.entries(seen)) expect(times, kind).toBeGreaterThan(10);
  });
});
