import { describe, expect, test } from 'vitest';
import { HttpResponse, NO_BODY, textResponse } from '../../../../src/http/response/response.js';
import { SharedFd } from '../../../../src/sys/shared-fd.js';

describe('contentLength', () => {
  test('is the number of bytes', () => {
    expect(new HttpResponse(200, [], { kind: 'bytes', bytes: Buffer.from('grün') }).contentLength).toBe(5);
  });

  test('is the length of the file range', () => {
    expect(
      new HttpResponse(200, [], { kind: 'file', file: new SharedFd(-1), offset: 10, length: 32 }).contentLength,
    ).toBe(32);
  });

  test('is 0 without a body', () => {
    expect(new HttpResponse(204, [], NO_BODY).contentLength).toBe(0);
  });

  test('is the given one if there is no body', () => {
    expect(new HttpResponse(200, [], NO_BODY, 42).contentLength).toBe(42);
  });
});

test('a text response is UTF-8, with Content-Type first', () => {
  const response = textResponse(404, 'Füße\n', [['Retry-After', '1']]);
  expect(response.status).toBe(404);
  expect(response.fields).toEqual([
    ['Content-Type', 'text/plain; charset=utf-8'],
    ['Retry-After', '1'],
  ]);
  expect(response.body).toEqual({ kind: 'bytes', bytes: Buffer.from('Füße\n') });
  expect(response.contentLength).toBe(7);
  expect([response.keepAliveHead, response.otherHeads]).toEqual([null, null]);
});
