import { STATUS_CODES } from 'node:http';
import { expect, test } from 'vitest';
import { reasonOf } from '../../../src/http/status.js';

test('every status has the reason phrase that Node has', () => {
  const statuses = Array.from({ length: 600 }, (_, status) => status);
  expect(statuses.map(reasonOf)).toEqual(statuses.map((status) => STATUS_CODES[status] ?? ''));
});

test.each([
  [200, 'OK'],
  [204, 'No Content'],
  [301, 'Moved Permanently'],
  [304, 'Not Modified'],
  [400, 'Bad Request'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [408, 'Request Timeout'],
  [413, 'Payload Too Large'],
  [414, 'URI Too Long'],
  [417, 'Expectation Failed'],
  [431, 'Request Header Fields Too Large'],
  [500, 'Internal Server Error'],
  [501, 'Not Implemented'],
  [503, 'Service Unavailable'],
  [505, 'HTTP Version Not Supported'],
  [299, ''],
  [999, ''],
])('%i is %j', (status, reason) => expect(reasonOf(status)).toBe(reason));
