import { expect, test } from 'vitest';
import { TRIGGERS } from '../../src/reactor/interest.js';
import { handling } from '../support/handling.js';
import { RawClient } from '../support/raw-client.js';
import { CASE_MAX_PAYLOAD_BYTES, expectedTranscript, runCase, SLICINGS, WEBSOCKET_CASES } from './cases.js';
import { handshake } from './client.js';

const { start } = handling();

/** At once: each case has its own connections, and most of its time is waiting. */
const LANES = 16;

test.each(TRIGGERS.flatMap((trigger) => SLICINGS.map((slicing) => [trigger, slicing] as const)))(
  'all cases over a socket: %s, %s',
  async (trigger, slicing) => {
    const server = start((request, info) => (info.upgrade(request) ? undefined : new Response(null, { status: 426 })), {
      trigger,
      websocket: {
        maxPayloadLength: CASE_MAX_PAYLOAD_BYTES,
        perMessageDeflate: true,
        message: (ws, message) => ws.send(message, true),
      },
    });
    const exchange = async (pieces: readonly Buffer[], offer: string | undefined): Promise<Buffer> => {
      using client = await RawClient.connect(server.port);
      client.send(handshake(offer === undefined ? [] : [`Sec-WebSocket-Extensions: ${offer}`]));
      await client.response();
      for (const piece of pieces) client.send(piece);
      return await client.untilClose();
    };
    const rows = [...WEBSOCKET_CASES];
    const differing: object[] = [];
    const lane = async (): Promise<void> => {
      for (let row = rows.shift(); row !== undefined; row = rows.shift()) {
        const got = await runCase(row, slicing, exchange).catch((error) => [String(error)]);
        const expected = expectedTranscript(row);
        if (got.join('\n') !== expected.join('\n')) differing.push({ id: row.id, name: row.name, got, expected });
      }
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    expect(differing).toEqual([]);
  },
  60_000,
);
