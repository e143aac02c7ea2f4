import { expect, test } from 'vitest';
import { INVALID, PARTIAL, ProxyHeader } from '../../../src/net/proxy-header.js';
import { INVALID_HEADERS, VALID_HEADERS } from '../../support/proxy-headers.js';
import { below, seeded } from '../../support/random.js';

const header = new ProxyHeader();
/** Bytes before the connection's in the buffer, and behind. */
const MARGIN = 'PROXY \r\n';

function parse(text: string, margin = MARGIN): { end: number; source: string | null } {
  const bytes = Buffer.from(`${margin}${text}${margin}`, 'latin1');
  const result = header.parse(bytes, margin.length, margin.length + text.length);
  const { source } = header;
  return {
    end: result < 0 ? result : result - margin.length,
    source: source === null ? null : `${source.family} ${source.address} ${source.port}`,
  };
}

test.each(VALID_HEADERS)('%s is valid, and partial up to its last byte', (_, text, source) => {
  expect(parse(text)).toEqual({ end: text.length, source });
  expect(parse(`${text}GET / HTTP/1.1\r\n\r\n`)).toEqual({ end: text.length, source });
  expect(parse(`${text}${text}`, '')).toEqual({ end: text.length, source });
  for (let length = 1; length < text.length; length++)
    expect([length, parse(text.slice(0, length))]).toEqual([length, { end: PARTIAL, source: null }]);
});

test.each(INVALID_HEADERS)('%s is invalid, and stays so with more bytes', (_, text) => {
  for (const more of ['', '\r\n', ' 80\r\n', '\0'.repeat(5000)])
    expect(parse(text + more)).toEqual({ end: INVALID, source: null });
});

test('what is invalid was invalid or partial before, what is valid was partial', () => {
  for (const [, text] of [...VALID_HEADERS, ...INVALID_HEADERS]) {
    let before = PARTIAL;
    for (let length = 1; length <= text.length; length++) {
      const { end } = parse(text.slice(0, length));
      if (before !== PARTIAL) expect([text, length, end]).toEqual([text, length, before]);
      before = end;
    }
  }
});

test('mutated headers: no exception, no end beyond the bytes, the same however they are cut', () => {
  const random = seeded();
  const bytes = '\0\x01\x0f\x11\x21\x20\x31\xff\r\n :.0159fPTU\r\n';
  const seen = new Set<string>();
  for (let i = 0; i < 20_000; i++) {
    let text = VALID_HEADERS[below(random, VALID_HEADERS.length)]![1];
    if (text.length > 300) text = text.slice(0, 60);
    for (let changes = below(random, 3); changes >= 0; changes--) {
      const at = below(random, text.length);
      const byte = bytes[below(random, bytes.length)]!;
      const kind = below(random, 3);
      text = text.slice(0, at) + (kind === 0 ? '' : byte) + text.slice(kind === 1 ? at : at + 1);
    }
    const whole = parse(`${text}\r\n`);
    expect(whole.end).toBeLessThanOrEqual(text.length + 2);
    if (whole.source !== null) expect(whole.source).toMatch(/^(?:IPv4 [\d.]+|IPv6 [\da-f:]+|unix .*) \d+$/s);
    for (let length = 1; length <= text.length + 2; length++) {
      const part = parse(`${text}\r\n`.slice(0, length));
      if (part.end === PARTIAL) continue;
      expect([text, length, part]).toEqual([text, length, whole]);
      break;
    }
    seen.add(whole.end > 0 ? 'valid' : String(whole.end));
  }
  expect([...seen].sort()).toEqual([String(PARTIAL), String(INVALID), 'valid'].sort());
});
