import { expect, test } from 'vitest';
import { negotiateDeflate } from '../../src/http/websocket/deflate-offer.js';
import type { ReceiveRules } from '../../src/http/websocket/deliver.js';
import { Opcode } from '../../src/http/websocket/frame.js';
import { frameOf, textFrame, writeClose } from '../../src/http/websocket/frame-writer.js';
import type { MessageSink } from '../../src/http/websocket/message-sink.js';
import type { PartialMessage } from '../../src/http/websocket/partial-message.js';
import { MessageDeflater, MessageInflater } from '../../src/http/websocket/permessage-deflate.js';
import { receive } from '../../src/http/websocket/receive.js';
import { CASE_MAX_PAYLOAD_BYTES, expectedTranscript, runCase, SLICINGS, WEBSOCKET_CASES } from './cases.js';

/** The least server: no sockets, and what is received is unmasked where it is. */
class EchoServer implements MessageSink {
  readonly sent: Buffer[] = [];
  isClosed = false;

  constructor(private readonly deflater: MessageDeflater | null) {}

  onText(text: string): boolean {
    if (this.deflater === null) this.sent.push(textFrame(text));
    else this.sent.push(frameOf(Opcode.text, this.deflater.deflate(Buffer.from(text)), true));
    return true;
  }

  onBinary(bytes: Buffer, start: number, end: number): boolean {
    this.sent.push(frameOf(Opcode.binary, bytes.subarray(start, end)));
    return true;
  }

  onPing(bytes: Buffer, start: number, end: number): boolean {
    this.sent.push(frameOf(Opcode.pong, bytes.subarray(start, end)));
    return true;
  }

  onPong(): boolean {
    return true;
  }

  onClose(code: number, reason: string): void {
    this.close(code, reason);
  }

  onFailure(code: number, reason: string): void {
    this.close(code, reason);
  }

  private close(code: number, reason: string): void {
    const frame = Buffer.alloc(127);
    this.sent.push(frame.subarray(0, writeClose(frame, 0, code, reason)));
    this.isClosed = true;
  }
}

function exchange(pieces: readonly Buffer[], offer: string | undefined): Buffer {
  const agreement = negotiateDeflate(offer ?? null, { serverContext: false, clientContext: false });
  const server = new EchoServer(agreement === null ? null : new MessageDeflater(agreement.serverWindowBits, false, 6));
  const inflater = agreement === null ? null : new MessageInflater(false);
  const rules: ReceiveRules = { maxPayloadBytes: CASE_MAX_PAYLOAD_BYTES, inflater };
  let partial: PartialMessage | null = null;
  for (const piece of pieces) {
    partial = receive(Buffer.from(piece), 0, piece.length, partial, rules, server);
    if (server.isClosed) break;
  }
  return Buffer.concat(server.sent);
}

test.each(WEBSOCKET_CASES.map((row) => [row.id, row.name, row] as const))('%s: %s', async (_, __, row) => {
  for (const slicing of SLICINGS)
    expect(await runCase(row, slicing, exchange), slicing).toEqual(expectedTranscript(row));
});
