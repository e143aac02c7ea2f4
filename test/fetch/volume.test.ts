import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { expect, test } from 'vitest';
import { Command, PACKAGE_ENTRY } from '../support/command.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const PIECE_BYTES = 64 * KIB;

/** Pieces that differ, from memory that is there: what is measured is not the making of them. */
const PIECES = `
  const memory = Buffer.alloc(${MIB});
  for (let i = 0, state = 1; i < memory.length; i++) memory[i] = (state = Math.imul(state, 1103515245) + 12345) >>> 16;
  return (i) => memory.subarray((i * 4099) % ${MIB - PIECE_BYTES}).subarray(0, ${PIECE_BYTES});
`;
const pieceOf = new Function('Buffer', PIECES)(Buffer) as (i: number) => Uint8Array;

/** A server in a process of its own: POST responds with the hash of the body, GET with the given number of bytes. */
const SERVER = `
  import { createHash } from 'node:crypto';
  import { serve } from '${PACKAGE_ENTRY}';
  const pieceOf = ((Buffer) => {${PIECES}})(Buffer);
  let peakBytes = 0;
  const look = () => { peakBytes = Math.max(peakBytes, process.memoryUsage.rss()); };
  setInterval(look, 10);
  const server = serve({
    port: 0,
    limits: { bodyBytes: ${2 * GIB} },
    async fetch(request) {
      const path = new URL(request.url).pathname;
      if (path === '/peak') {
        const was = peakBytes;
        peakBytes = 0;
        look();
        return Response.json(was);
      }
      if (request.method === 'POST') {
        const hash = createHash('sha256');
        for await (const piece of request.body) hash.update(piece);
        return new Response(hash.digest('hex'));
      }
      let i = 0;
      const count = Number(path.slice(1)) / ${PIECE_BYTES};
      return new Response(new ReadableStream({
        pull(controller) {
          controller.enqueue(pieceOf(i));
          if (++i === count) controller.close();
        },
      }));
    },
  });
  console.log(server.url.href);
`;

function fetchFrom(port: number, path: string, body?: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method: body === undefined ? 'GET' : 'POST' }, resolve);
    asked.on('error', reject);
    if (body === undefined) return asked.end();
    asked.setHeader('Content-Length', body);
    pipeline(function* () {
      for (let i = 0; i < body / PIECE_BYTES; i++) yield pieceOf(i);
    }, asked).catch(reject);
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of response) text += piece;
  return text;
}

async function hashOf(pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
}

function* all(bytes: number): Generator<Uint8Array> {
  for (let i = 0; i < bytes / PIECE_BYTES; i++) yield pieceOf(i);
}

test('a gibibyte up and a gibibyte down are complete, in bounded memory', { timeout: 60_000 }, async () => {
  await using server = new Command(
    spawn(process.execPath, ['--input-type=module', '-e', SERVER], { stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  const port = await server.port();
  const peak = async (): Promise<number> => Number(await textOf(await fetchFrom(port, '/peak')));

  // What code and buffers need at all is there after a while.
  await textOf(await fetchFrom(port, '/', 64 * MIB));
  await hashOf(await fetchFrom(port, `/${64 * MIB}`));
  const before = await peak();
  const startMs = performance.now();
  const expected = await hashOf(all(GIB));
  const up = await textOf(await fetchFrom(port, '/', GIB));
  const peakUp = await peak();
  const down = await hashOf(await fetchFrom(port, `/${GIB}`));
  const peakDown = await peak();
  expect([up, down]).toEqual([expected, expected]);
  expect(peakUp - before, 'of memory for a gibibyte up').toBeLessThan(64 * MIB);
  expect(peakDown - before, 'of memory for a gibibyte down').toBeLessThan(64 * MIB);
  expect(performance.now() - startMs).toBeLessThan(30_000);
  if (process.env['EPOLLET_FIGURES']) console.log({ before, peakUp, peakDown, ms: performance.now() - startMs });
  expect(server.stderr).toBe('');
});
