import { type RawClient, request } from '../support/raw-client.js';
import { clientFrame, type ServerFrame } from '../support/websocket-frames.js';

/** A request for a WebSocket. @param fields further ones */
export const handshake = (fields: string[] = [], target = '/'): string =>
  request(target, [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...fields,
  ]);

export const text = (payload: string): Buffer => clientFrame({ opcode: 1, payload });
export const binary = (payload: Uint8Array): Buffer => clientFrame({ opcode: 2, payload });
export const close = (code: number, reason = ''): Buffer =>
  clientFrame({ opcode: 8, payload: Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]) });

/** Reads one frame of the server. */
export async function frameOf(client: RawClient): Promise<Pick<ServerFrame, 'opcode' | 'payload'>> {
  const [first, second] = await client.bytes(2);
  let length = second! & 127;
  if (length === 126) length = (await client.bytes(2)).readUInt16BE();
  else if (length === 127) length = Number((await client.bytes(8)).readBigUInt64BE());
  return { opcode: first! & 15, payload: await client.bytes(length) };
}

/** One frame as text: `text hello`, `close 1000`. */
export async function got(client: RawClient): Promise<string> {
  const { opcode, payload } = await frameOf(client);
  if (opcode === 8) return `close ${payload.length === 0 ? '' : payload.readUInt16BE()}`;
  return `${{ 1: 'text', 2: 'binary', 9: 'ping', 10: 'pong' }[opcode]} ${payload.length > 100 ? payload.length : payload}`;
}
