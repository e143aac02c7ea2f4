import { expect, test } from 'vitest';
import { peerName, quoteBytes } from '../../../../src/models/shared/peer.js';

test('received bytes are quoted on one line and truncated', () => {
  expect(quoteBytes(Buffer.from('x'))).toBe('1 byte "x"');
  expect(quoteBytes(Buffer.from('a\r\nb\u009b\u202e\x7f'))).toBe('10 bytes "a\\r\\nb..."');
  expect(quoteBytes(Buffer.alloc(1000, 'y'))).toBe(`1000 bytes "${'y'.repeat(60)}" …`);
  expect(peerName(-1)).toBe('a disconnected peer');
});
