import { expect, test } from 'vitest';
import { isCloseCode } from '../../../../src/http/websocket/frame.js';

test('close codes are valid as RFC 6455 section 7.4 and its registry have them', () => {
  const valid = Array.from({ length: 65536 }, (_, code) => code).filter(isCloseCode);
  const ranges = valid.filter((code) => !valid.includes(code - 1) || !valid.includes(code + 1));
  expect(ranges).toEqual([1000, 1003, 1007, 1014, 3000, 4999]);
});
