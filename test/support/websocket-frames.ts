/** A frame to send: by default final and masked, with the shortest form of its length. */
export interface FrameSpec {
  opcode: number;
  payload?: Uint8Array | string;
  isFinal?: boolean;
  /** The three reserved bits, RSV1 as 4. */
  rsv?: number;
  /** Null for a frame without a mask. */
  key?: readonly number[] | null;
  /** The bits of the length: 7, 16 or 64. */
  lengthBits?: number;
}

const KEY = [0x37, 0xfa, 0x21, 0x3d];

/** A frame as a client sends it, RFC 6455 section 5.2, written apart from the sources. */
export function clientFrame({
  opcode,
  payload = '',
  isFinal = true,
  rsv = 0,
  key = KEY,
  lengthBits,
}: FrameSpec): Buffer {
  const bytes = Buffer.from(payload);
  const bits = lengthBits ?? (bytes.length < 126 ? 7 : bytes.length < 2 ** 16 ? 16 : 64);
  const head = Buffer.alloc(bits === 7 ? 2 : bits === 16 ? 4 : 10);
  head[0] = (isFinal ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (key === null ? 0 : 0x80) | (bits === 7 ? bytes.length : bits === 16 ? 126 : 127);
  if (bits === 16) head.writeUInt16BE(bytes.length, 2);
  if (bits === 64) head.writeBigUInt64BE(BigInt(bytes.length), 2);
  if (key === null) return Buffer.concat([head, bytes]);
  return Buffer.concat([head, Buffer.from(key), bytes.map((byte, i) => byte ^ key[i % 4]!)]);
}

/** A frame as the server has sent it. */
export interface ServerFrame {
  opcode: number;
  isFinal: boolean;
  isMasked: boolean;
  rsv: number;
  payload: Buffer;
}

/** The frames in the bytes of a server; an incomplete one at the end is an error. */
export function serverFrames(bytes: Buffer): ServerFrame[] {
  const frames: ServerFrame[] = [];
  for (let at = 0; at < bytes.length; ) {
    const [first, second] = [bytes.readUInt8(at), bytes.readUInt8(at + 1)];
    at += 2;
    let length = second & 0x7f;
    if (length === 126) {
      length = bytes.readUInt16BE(at);
      at += 2;
    } else if (length === 127) {
      length = Number(bytes.readBigUInt64BE(at));
      at += 8;
    }
    if (at + length > bytes.length) throw new Error(`the last frame lacks ${at + length - bytes.length} bytes`);
    frames.push({
      opcode: first & 0x0f,
      isFinal: (first & 0x80) !== 0,
      isMasked: (second & 0x80) !== 0,
      rsv: (first >> 4) & 7,
      payload: bytes.subarray(at, at + length),
    });
    at += length;
  }
  return frames;
}
