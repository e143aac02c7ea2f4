/** What a server makes of bytes, as lines: `text`, `binary`, `ping` and `pong` with their payload in hex, `close`, `fail`. */
export type WebSocketEvent = string;

const VALID_RANGES: { [bytes: number]: [from: number, to: number][] } = {
  2: [[0x80, 0x7ff]],
  3: [
    [0x800, 0xd7ff],
    [0xe000, 0xffff],
  ],
  4: [[0x10000, 0x10ffff]],
};

/** By the code points that the bytes can still become: whether some text begins with them, and whether it may end there. */
export function utf8Outlook(bytes: readonly number[]): { isPossible: boolean; isComplete: boolean } {
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at]!;
    const size = first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : 0;
    if (size === 0) return { isPossible: false, isComplete: false };
    let low = size === 1 ? first : first & (0x7f >> size);
    let high = low;
    for (let i = 1; i < size; i++) {
      const byte = bytes[at + i];
      if (byte !== undefined && (byte < 0x80 || byte > 0xbf)) return { isPossible: false, isComplete: false };
      low = low * 64 + (byte === undefined ? 0 : byte - 0x80);
      high = high * 64 + (byte === undefined ? 63 : byte - 0x80);
    }
    if (size > 1 && !VALID_RANGES[size]!.some(([from, to]) => low <= to && high >= from))
      return { isPossible: false, isComplete: false };
    if (at + size > bytes.length) return { isPossible: true, isComplete: false };
    at += size;
  }
  return { isPossible: true, isComplete: true };
}

const hex = (bytes: readonly number[]): string => Buffer.from(bytes).toString('hex');

/**
 * What RFC 6455 demands for the bytes of a client: slow, with everything in one place, and written apart from the sources.
 * Text fails as soon as no further byte could make it valid.
 */
export function modelEvents(bytes: Uint8Array, maxPayloadBytes: number): WebSocketEvent[] {
  const events: WebSocketEvent[] = [];
  const fail = (code: number) => [...events, `fail ${code}`];
  let message: { opcode: number; bytes: number[] } | null = null;
  let at = 0;
  for (;;) {
    const rest = [...bytes.subarray(at, at + 14)];
    if (rest.length < 2) return events;
    const isFinal = rest[0]! >= 0x80;
    const reserved = Math.floor(rest[0]! / 16) % 8;
    const opcode = rest[0]! % 16;
    const isControl = opcode >= 8;
    let length = rest[1]! % 128;
    if (reserved !== 0) return fail(1002);
    if (rest[1]! < 128) return fail(1002);
    if (![0, 1, 2, 8, 9, 10].includes(opcode)) return fail(1002);
    if (isControl && (!isFinal || length > 125)) return fail(1002);
    if (!isControl && (opcode === 0) !== (message !== null)) return fail(1002);
    const lengthBytes = length === 126 ? 2 : length === 127 ? 8 : 0;
    if (lengthBytes > 0) {
      if (rest.length < 2 + lengthBytes) return events;
      const long = rest.slice(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
      if (long >= 2n ** 63n || long < (lengthBytes === 2 ? 126n : 65536n)) return fail(1002);
      length = Number(long);
    }
    if (!isControl && length + (message?.bytes.length ?? 0) > maxPayloadBytes) return fail(1009);
    const keyAt = 2 + lengthBytes;
    if (rest.length < keyAt + 4) return events;
    const key = rest.slice(keyAt, keyAt + 4);
    const from = at + keyAt + 4;
    const payload = [...bytes.subarray(from, from + length)].map((byte, i) => byte ^ key[i % 4]!);
    const isWhole = payload.length === length;
    at = from + length;
    if (isControl) {
      if (!isWhole) return events;
      if (opcode === 9) events.push(`ping ${hex(payload)}`);
      else if (opcode === 10) events.push(`pong ${hex(payload)}`);
      else {
        if (length === 0) return [...events, 'close 1005 '];
        const code = length === 1 ? 0 : payload[0]! * 256 + payload[1]!;
        const isNamed = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014].includes(code);
        if (!isNamed && (code < 3000 || code > 4999)) return fail(1002);
        const reason = payload.slice(2);
        if (!utf8Outlook(reason).isComplete) return fail(1007);
        return [...events, `close ${code} ${hex(reason)}`];
      }
      continue;
    }
    message ??= { opcode, bytes: [] };
    message.bytes.push(...payload);
    const isEnd: boolean = isWhole && isFinal;
    if (message.opcode === 1) {
      const { isPossible, isComplete } = utf8Outlook(message.bytes);
      if (!isPossible || (isEnd && !isComplete)) return fail(1007);
    }
    if (!isWhole) return events;
    if (!isEnd) continue;
    events.push(`${message.opcode === 1 ? 'text' : 'binary'} ${hex(message.bytes)}`);
    message = null;
  }
}
